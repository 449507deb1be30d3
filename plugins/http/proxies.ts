// Networks of proxies whose X-Forwarded-For is believed. A file of its own, because boot checks them before it loads the guard.

import { BlockList, isIP } from "node:net";

export const blockListOf = (networks: readonly string[]): BlockList => {
  const list = new BlockList();
  for (const network of networks) {
    const [address = "", bits] = network.split("/");
    const family = isIP(address) === 6 ? "ipv6" : "ipv4";
    if (bits === undefined) list.addAddress(address, family);
    else list.addSubnet(address, Number(bits), family);
  }
  return list;
};

/** Addresses for documentation (RFC 5737, RFC 3849), which no proxy has. */
const documented = [["192.0.2.1", "198.51.100.1", "203.0.113.1"], ["2001:db8::1"]];

/**
 * Whether the networks cover all addresses of IPv4 or of IPv6. Then every caller counts as a proxy, and the address that the
 * limits and the trail know is the one that the caller wrote into X-Forwarded-For.
 *
 * @param networks  Valid ones.
 */
export const trustsEverybody = (networks: readonly string[]): boolean => {
  const list = blockListOf(networks);
  return documented.some((addresses) => addresses.every((address) => isIn(list, address)));
};

export const isIn = (list: BlockList, address: string): boolean => {
  const mapped = address.replace(/^::ffff:(?=\d+\.)/, "");
  return list.check(mapped, isIP(mapped) === 6 ? "ipv6" : "ipv4");
};
