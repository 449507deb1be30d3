// Host names of this computer that only programs on this computer can reach.

/** Host names of loopback as URLs contain these names, with IPv6 addresses in brackets. */
export const loopbackHosts: readonly string[] = ["localhost", "127.0.0.1", "[::1]"];

/**
 * Whether an app can send secrets to a URL with this scheme and host. True if the connection is encrypted or stays on this
 * computer.
 */
export const isPrivateUrl = ({ protocol, hostname }: URL): boolean =>
  protocol === "https:" || (protocol === "http:" && loopbackHosts.includes(hostname));

/**
 * Returns the URL of a listener from its options. `undefined` for port 0, for a socket, and for hosts that other computers can
 * reach, because clients on other computers need another URL.
 *
 * @param listener  The options `host` and `port` of the listener. The default of `host` is 127.0.0.1.
 */
export const loopbackUrl = (listener: object): string | undefined => {
  const { host = "127.0.0.1", port } = listener as { readonly host?: string; readonly port?: number };
  const shown = host.includes(":") ? `[${host}]` : host;
  if (port === undefined || port === 0 || !loopbackHosts.includes(shown)) return undefined;
  const url = new URL("http://localhost");
  url.hostname = shown;
  url.port = String(port);
  return url.origin;
};
