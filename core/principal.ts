// Who calls. A principal is made by an authenticator at a surface's door and never by anything the caller says in a
// body, a header that is not a credential, or metadata.

import { type Branded, brand, isBranded } from "./brand.ts";
import type { Command } from "./plugin.ts";

export type Awaitable<Value> = Value | Promise<Value>;

/** Goes on at once where there is nothing to wait for: most checks answer at once, and every wait costs each call. */
export const andThen = <Value, Next>(value: Awaitable<Value>, next: (value: Value) => Awaitable<Next>): Awaitable<Next> =>
  value instanceof Promise ? value.then(next) : next(value);

export interface Principal {
  /** Who vouches: "keys", "local", a token's issuer. With `subject` it names one principal. */
  readonly issuer: string;
  readonly subject: string;
  readonly kind: "user" | "service" | "agent" | "operator";
  /** The app-wide name of the human this is, for people. */
  readonly person?: string;
  /** The person an agent or service works for. */
  readonly actsFor?: string;
  /** Which credential was shown: an id, never the secret. */
  readonly credential: string;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  /** What else the authenticator knows; plain JSON. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** The caller of a public handler who showed no credential. */
export const anonymous: Principal = Object.freeze({
  issuer: "quater",
  subject: "anonymous",
  kind: "user",
  credential: "none",
  scopes: Object.freeze([]),
  roles: Object.freeze([]),
  claims: Object.freeze({}),
});

export const isAnonymous = (principal: Principal): boolean =>
  principal.issuer === anonymous.issuer && principal.subject === anonymous.subject;

/** What a caller showed at the door: taken from headers or the environment alone, before any body is read. */
export interface Credentials {
  readonly surface: string;
  /** The key or token shown, without its scheme. */
  readonly token?: string | undefined;
  /** One header of the request, lower-case name; `undefined` on surfaces without headers. */
  readonly header: (name: string) => string | undefined;
  /** True where the caller is the operating system's user who started this process. */
  readonly isLocal: boolean;
  /** Network address of the peer, where there is one. */
  readonly peer?: string | undefined;
}

/** `undefined` means "no credential that I know": the caller is refused, or the next authenticator is asked. */
export type Authenticate = (credentials: Credentials) => Awaitable<Principal | undefined>;

export interface AuthenticatorContext {
  /** The folder of the manifest; relative files are under it. */
  readonly root: string;
  /** Development keys are let in by `dev` alone. */
  readonly command: Command;
}

/** An authenticator with something to open or check at boot; a plain function does where there is nothing. */
export interface Authenticator extends Branded<"authenticator"> {
  readonly name: string;
  readonly authenticate: Authenticate;
  /** Called once, before the first `authenticate`. Throw a QuaterError to stop the boot. */
  readonly open?: (context: AuthenticatorContext) => Awaitable<void>;
  readonly close?: () => Awaitable<void>;
}

export type Authentication = Authenticate | Authenticator;

export const authenticator = (parts: Omit<Authenticator, typeof brand>): Authenticator => ({
  ...parts,
  [brand]: "authenticator",
});

export const asAuthenticator = (given: Authentication): Authenticator =>
  isBranded(given, "authenticator") ? given : authenticator({ name: "function", authenticate: given });
