// Host names of this computer that only programs on this computer can reach.

/** Host names of loopback as they are written in URLs, with IPv6 in brackets. */
export const loopbackHosts: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/** Whether secrets can be sent to a URL with this scheme and host: the connection is encrypted, or stays on this computer. */
export const isPrivateUrl = ({ protocol, hostname }: URL): boolean =>
  protocol === "https:" || (protocol === "http:" && loopbackHosts.includes(hostname));
