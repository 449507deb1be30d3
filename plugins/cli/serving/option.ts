// The option `remote` of cli(), which configures the server side of `quater ... --remote NAME`.

import { isPrivateUrl } from "../../../core/model/loopback.ts";
import { type Authentication, asAuthenticator, type BootProblem, opaque } from "../../../core/plugin-api.ts";
import { isPlainObject } from "../../../core/schema/schema.ts";
import type { Login } from "./protocol.ts";

export interface RemoteOption {
  /**
   * Authenticates callers who use `--remote`. `localUser()` is refused, because `localUser()` authenticates only local callers.
   */
  readonly authenticate: Authentication;
  /** The authorization server from which `quater remote login` gets tokens. Without `login`, people paste a token. */
  readonly login?: Login | undefined;
}

const isText = (value: unknown): boolean => typeof value === "string" && value !== "";

const isLogin = (value: unknown): boolean =>
  value === undefined ||
  (isPlainObject(value) &&
    Object.keys(value).every((key) => ["issuer", "clientId", "scopes"].includes(key)) &&
    isText(value["issuer"]) &&
    isText(value["clientId"]) &&
    Array.isArray(value["scopes"]) &&
    value["scopes"].every(isText));

const isRemote = (value: unknown): boolean =>
  isPlainObject(value) &&
  Object.keys(value).every((key) => ["authenticate", "login"].includes(key)) &&
  value["authenticate"] !== undefined &&
  isLogin(value["login"]);

/** The schema of the option `remote`. */
export const remoteOption = opaque<RemoteOption>("{ authenticate, login: { issuer, clientId, scopes } }", isRemote);

const problem = (cause: string, remedy: string): BootProblem => ({ place: "cli()", plugin: "cli", cause, remedy });

/** Returns the boot problems of the option `remote` that do not depend on other plugins. */
export const remoteProblems = (remote: RemoteOption | undefined): readonly BootProblem[] => {
  if (remote === undefined) return [];
  const { authenticate, login } = remote;
  const { isLocalOnly = false, problems = [] } = asAuthenticator(authenticate);
  return [
    ...problems,
    ...(isLocalOnly
      ? [
          problem(
            "The cli() option remote.authenticate uses localUser(), but remote callers are not the user who started the server",
            "Use an authenticator for remote callers: cli({ remote: { authenticate: apiKeys() } })",
          ),
        ]
      : []),
    ...(login !== undefined && !(URL.canParse(login.issuer) && isPrivateUrl(new URL(login.issuer)))
      ? [
          problem(
            `The cli() option remote.login has the issuer ${JSON.stringify(login.issuer)}, which is not an https URL`,
            'Write the URL of the authorization server: issuer: "https://login.shop.example"',
          ),
        ]
      : []),
  ];
};

/** The boot problem of a project that sets the option `remote` but does not configure http(). */
export const remoteWithoutHttp: BootProblem = problem(
  "cli() has the option remote, but http() is not configured, so no remote caller can reach the server",
  "Add http({ authenticate: apiKeys() }) to plugins, or remove remote from cli()",
);
