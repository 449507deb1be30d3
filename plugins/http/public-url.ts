// Checks the public URL of the server, and the path with which all routes begin.

import type { BootProblem } from "../../core/plugin-api.ts";
import { isOwnPath } from "./route.ts";

interface Seen {
  readonly publicUrl?: string | undefined;
  readonly prefix: string;
}

const isLoopback = (host: string): boolean => /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host);

/** Whether the text is an origin with https, or an origin with http and a loopback host. */
const isPublicUrl = (text: string): boolean => {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, href, origin } = new URL(text);
  return href === `${origin}/` && (protocol === "https:" || (protocol === "http:" && isLoopback(hostname)));
};

/** Returns the host name of the public URL. HTTP requests may have this host name as their Host. */
export const publicHosts = (publicUrl: string | undefined): readonly string[] =>
  publicUrl !== undefined && isPublicUrl(publicUrl) ? [new URL(publicUrl).hostname] : [];

/** Returns the origin of the public URL, without a slash at the end. */
export const publicOrigin = (publicUrl: string | undefined): string | undefined =>
  publicUrl !== undefined && isPublicUrl(publicUrl) ? new URL(publicUrl).origin : undefined;

export const publicUrlProblems = ({ publicUrl, prefix }: Seen): BootProblem[] => {
  const at = { place: "http()", plugin: "http" };
  const found: BootProblem[] = [];
  if (publicUrl !== undefined && !isPublicUrl(publicUrl))
    found.push({
      ...at,
      cause: `The http() option publicUrl is ${JSON.stringify(publicUrl)}, which is not an https origin`,
      remedy:
        'Write publicUrl without a path, such as "https://shop.example". Use http: only for loopback addresses. For a path of all routes, set prefix: "/api"',
    });
  if (isOwnPath(prefix))
    found.push({
      ...at,
      cause: `The http() option prefix is ${JSON.stringify(prefix)}, a path that Quater itself uses`,
      remedy: 'Choose another prefix for http(), such as "/api"',
    });
  return found;
};
