// Where clients see the server: its public address, and the path that all routes are under.

import type { BootProblem } from "../../core/plugin-api.ts";
import { isOwnPath } from "./route.ts";

interface Seen {
  readonly publicUrl?: string | undefined;
  readonly prefix: string;
}

const isLoopback = (host: string): boolean => /^(?:localhost|127\.\d+\.\d+\.\d+|\[::1\])$/.test(host);

/** An origin: https, or http on loopback. */
const isPublicUrl = (text: string): boolean => {
  if (!URL.canParse(text)) return false;
  const { protocol, hostname, href, origin } = new URL(text);
  return href === `${origin}/` && (protocol === "https:" || (protocol === "http:" && isLoopback(hostname)));
};

/** Its host name is one that requests may name. */
export const publicHosts = (publicUrl: string | undefined): readonly string[] =>
  publicUrl !== undefined && isPublicUrl(publicUrl) ? [new URL(publicUrl).hostname] : [];

/** Without a slash at the end. */
export const publicOrigin = (publicUrl: string | undefined): string | undefined =>
  publicUrl !== undefined && isPublicUrl(publicUrl) ? new URL(publicUrl).origin : undefined;

export const publicUrlProblems = ({ publicUrl, prefix }: Seen): BootProblem[] => {
  const at = { place: "http()", plugin: "http" };
  const found: BootProblem[] = [];
  if (publicUrl !== undefined && !isPublicUrl(publicUrl))
    found.push({
      ...at,
      cause: `http's publicUrl ${JSON.stringify(publicUrl)} is not an https origin`,
      remedy:
        'Write "https://shop.example", without a path. http is allowed for loopback only; a path for all routes is prefix: "/api"',
    });
  if (isOwnPath(prefix))
    found.push({
      ...at,
      cause: `http's prefix ${JSON.stringify(prefix)} is a path of Quater's own`,
      remedy: 'Write another: "/api"',
    });
  return found;
};
