// Where the page listens and whose word it takes for who somebody is: the options, and what can be wrong with them.

import type { BootProblem } from "../../../core/plugin-api.ts";

/** A listener of its own for the page and its API. Without one, both are mounted on http's. */
export type ApprovalListen =
  | { readonly port: number; readonly host?: string }
  /** A Unix socket, relative to the project's folder. Users who may write to the file may connect. */
  | { readonly path: string };

/** A proxy that has signed people in and says in headers who they are. */
export type SsoOptions = {
  /** Holds the person's name: `x-forwarded-user`. The proxy must replace what clients send under this name. */
  readonly personHeader: string;
  /** Holds the person's roles, separated by commas. Default: none. */
  readonly rolesHeader?: string;
} & (
  | {
      /** What shows that the request came through the proxy: this header with this value, at least 32 characters. */
      readonly secretHeader: string;
      readonly secret: string;
      readonly unixSocket?: never;
    }
  /** The page listens on a Unix socket, and only the proxy may connect to it. */
  | { readonly unixSocket: true; readonly secretHeader?: never; readonly secret?: never }
);

export interface PageOptions {
  readonly publicUrl?: string | undefined;
  readonly listen?: ApprovalListen | undefined;
  readonly sso?: SsoOptions | undefined;
}

const leastSecret = 32;
const headerName = /^[A-Za-z0-9!#$%&'*+.^_`|~-]+$/;

/** For the plugin's `check`. */
export const pageProblems = ({ publicUrl, listen, sso }: PageOptions): BootProblem[] => {
  const found: BootProblem[] = [];
  const say = (cause: string, remedy: string) => found.push({ place: "approval()", plugin: "approval", cause, remedy });
  const isSocket = listen !== undefined && "path" in listen;
  if (publicUrl !== undefined && URL.canParse(publicUrl) && new URL(publicUrl).href !== `${new URL(publicUrl).origin}/`)
    say(
      `approval's publicUrl ${JSON.stringify(publicUrl)} is more than an origin`,
      'Write "https://shop.example"; the page is under /approvals',
    );
  if (isSocket && publicUrl === undefined)
    say("approval listens on a Unix socket and does not know its own address", "Add publicUrl: the address that people open");
  if (sso === undefined) return found;
  for (const name of [sso.personHeader, sso.rolesHeader, sso.secretHeader])
    if (name !== undefined && !headerName.test(name))
      say(`approval's sso names the header ${JSON.stringify(name)}`, "Write a header's name, for example x-forwarded-user");
  const secret = sso.secret ?? "";
  if (sso.unixSocket === true && !isSocket)
    say("approval's sso trusts a Unix socket, and the page listens on none", 'Add listen: { path: "run/approvals.sock" }');
  else if (sso.unixSocket !== true && (sso.secretHeader === undefined || secret.length < leastSecret))
    say(
      `approval's sso believes headers without a secret of at least ${leastSecret} characters`,
      "Add secretHeader and secret, and let the proxy send them; or listen on a Unix socket and say unixSocket: true",
    );
  return found;
};

/** Of forms that are ours; `undefined` when nobody said where people open the page. */
export const pageOrigin = (publicUrl: string | undefined): string | undefined =>
  publicUrl === undefined ? undefined : new URL(publicUrl).origin;
