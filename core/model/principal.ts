// Who calls. A principal is made by an authenticator at a surface's door and never by anything the caller says in a
// body, a header that is not a credential, or metadata.

import { forbidden } from "../diagnostics/errors.ts";

export type Awaitable<Value> = Value | Promise<Value>;

/** Goes on at once where there is nothing to wait for: most checks answer at once, and every wait costs each call. */
export const andThen = <Value, Next>(value: Awaitable<Value>, next: (value: Value) => Awaitable<Next>): Awaitable<Next> =>
  value instanceof Promise ? value.then(next) : next(value);

/** Any thenable, not only a promise: what is to be waited for must never be taken for a value. */
export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as { readonly then?: unknown } | null | undefined)?.then === "function";

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

/**
 * Returns the person who calls, for comparing owners.
 *
 * Only `person` counts. An agent that acts for a person has none: decide for yourself whether `actsFor` may do the same.
 *
 * @throws {QuaterError} `forbidden` when the caller is not a person, so that two missing names are never equal.
 */
export const personOf = ({ person }: Principal): string =>
  typeof person === "string" && person !== "" ? person : forbidden("Only a person may call this");
