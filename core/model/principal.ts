// The principal, which identifies the caller. Only authenticators make principals. Request bodies, metadata and headers that are
// not credentials have no influence on principals.

import { forbidden } from "../diagnostics/errors.ts";

export type Awaitable<Value> = Value | Promise<Value>;

/**
 * Calls `next` immediately when the value is not a promise. Most checks return a plain value. With promises in all places that
 * use `andThen`, a call through the gate takes 1.8 µs instead of 1.0 µs (Node 20).
 */
export const andThen = <Value, Next>(value: Awaitable<Value>, next: (value: Value) => Awaitable<Next>): Awaitable<Next> =>
  value instanceof Promise ? value.then(next) : next(value);

/**
 * Whether code must await the value. Every object with a `then` function counts, not only promises, so that no object with a
 * `then` function is used as a result.
 */
export const isThenable = (value: unknown): value is PromiseLike<unknown> =>
  typeof (value as { readonly then?: unknown } | null | undefined)?.then === "function";

export interface Principal {
  /** The source of the principal: "keys", "local", or a token's issuer. `issuer` and `subject` together name one principal. */
  readonly issuer: string;
  readonly subject: string;
  readonly kind: "user" | "service" | "agent" | "operator";
  /** The name in this app of the human who calls. Agents and services have no `person`. */
  readonly person?: string;
  /** The person for whom an agent or a service works. */
  readonly actsFor?: string;
  /** The id of the credential that the caller sent, and never the secret of the credential. */
  readonly credential: string;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  /** Other facts about the caller that the authenticator knows, as plain JSON. */
  readonly claims: Readonly<Record<string, unknown>>;
}

/** The principal of a caller who sends no credential to a public handler. */
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
 * Returns the person who calls, so that your code can compare the person with the owner of a thing.
 *
 * `personOf` returns only `person`. An agent that acts for a person has no `person`, so your policy decides whether `actsFor`
 * gives the same rights.
 *
 * @throws {QuaterError} `forbidden` when the caller is not a person. Without this error, code could compare two missing names as
 * equal.
 */
export const personOf = ({ person }: Principal): string =>
  typeof person === "string" && person !== "" ? person : forbidden("This call needs a credential that belongs to a person");
