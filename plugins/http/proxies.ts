// Checks the networks of trusted proxies. This check of networks is in a separate file, because boot needs the check before boot
// loads the guard.

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

/**
 * The widest networks that Quater accepts as trusted, as prefix lengths by address family. The largest networks of one owner and
 * of CDNs are no wider: 17.0.0.0/8, 2600:1400::/24.
 */
const widest = { ipv4: 8, ipv6: 16 } as const;

/** Networks in which no caller from the internet has an address (RFC 4193 and RFC 4291 2.5.6). */
const closed = ["fc00::/7", "fe80::/10"];
const mappedBits = 96;
/** The network of IPv4 addresses that are written as IPv6 addresses (RFC 4291 2.5.5.2). */
const mapped = [`::ffff:0:0/${mappedBits}`];

/**
 * Returns why a network is too wide to be trusted. Callers with an address in a trusted network count as proxies. Limits and the
 * trail then use the address that such a caller wrote into X-Forwarded-For.
 *
 * @param network  A valid network or address. A single address is never too wide.
 * @returns The reason, such as "is wider than /8", or `undefined` if the network is not too wide.
 */
export const tooWide = (network: string): string | undefined => {
  const [address = "", text] = network.split("/");
  if (text === undefined) return undefined;
  const bits = Number(text);
  if (isIP(address) === 4) return bits < widest.ipv4 ? `is wider than /${widest.ipv4}` : undefined;
  if (bits <= mappedBits && blockListOf([network]).check("::ffff:0:0", "ipv6")) return "contains every IPv4 address";
  if (blockListOf(mapped).check(address, "ipv6"))
    return bits < mappedBits + widest.ipv4 ? `is wider than /${mappedBits + widest.ipv4}` : undefined;
  return bits < widest.ipv6 && !(bits >= 7 && blockListOf(closed).check(address, "ipv6"))
    ? `is wider than /${widest.ipv6}`
    : undefined;
};

export const isIn = (list: BlockList, address: string): boolean => {
  const mapped = address.replace(/^::ffff:(?=\d+\.)/, "");
  return list.check(mapped, isIP(mapped) === 6 ? "ipv6" : "ipv4");
};
