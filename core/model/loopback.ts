// Names of this computer, on which only its own users listen and answer.

/** Hosts as they stand in addresses: IPv6 in brackets. */
export const loopbackHosts: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/** Returns whether an address with this scheme and host can be trusted with secrets: nobody on the way can read along. */
export const isPrivateUrl = ({ protocol, hostname }: URL): boolean =>
  protocol === "https:" || (protocol === "http:" && loopbackHosts.includes(hostname));
