// Who calls in the gate suite: made from what a handler's auth names, so that a case lacks exactly one thing. Read from
// the handler and not from what the kernel compiled of it: the suite must not believe what it checks.

import type { Principal } from "../../core/index.ts";
import { isStaticPolicy, type StaticPolicy } from "../../core/model/policy.ts";
import type { Operation } from "../../core/plugin-api.ts";

/** Who it is stays the suite's to say: every case has a caller of its own. */
type PrincipalParts = Partial<Omit<Principal, "issuer" | "subject" | "credential">>;

/** For policies that are functions: what they look at cannot be guessed. */
export interface Granted {
  /** What an allowed caller has beyond the scopes and roles that the policy names: `{ claims: { customerId: "cus_1" } }`. */
  readonly allowed?: PrincipalParts;
  /** A caller the policy refuses. `false`: it refuses nobody who is signed in. */
  readonly refused?: PrincipalParts | false;
}

interface Auth {
  readonly parts: readonly StaticPolicy[];
  readonly hasFunctions: boolean;
  /** One part is enough. */
  readonly isAny: boolean;
}

const authOf = ({ handler }: Operation): Auth => {
  const { auth } = handler;
  const any = (auth as { readonly any?: readonly unknown[] }).any;
  const list: readonly unknown[] = Array.isArray(auth) ? auth : Array.isArray(any) ? any : [auth];
  return {
    parts: list.filter(isStaticPolicy),
    hasFunctions: list.some((part) => !isStaticPolicy(part)),
    isAny: Array.isArray(any),
  };
};

export const asksFunctions = (operation: Operation): boolean => authOf(operation).hasFunctions;

let made = 0;

/** Somebody nobody has met: a person, who works for another one, so that both kinds of approval can be asked for. */
const somebody = (given: Partial<Principal> = {}): Principal => {
  made++;
  return {
    issuer: "gate-suite",
    subject: `caller-${made}`,
    kind: "user",
    person: `person-${made}`,
    actsFor: `owner-${made}`,
    credential: `gate-suite:${made}`,
    scopes: [],
    roles: [],
    claims: {},
    ...given,
  };
};

/** A new principal with all that the policy names. */
export const allowed = (operation: Operation, granted: Granted = {}): Principal => {
  const { parts } = authOf(operation);
  const { scopes = [], roles = [], ...rest } = granted.allowed ?? {};
  return somebody({
    ...rest,
    scopes: [...new Set([...parts.flatMap(({ scope }) => scope ?? []), ...scopes])],
    roles: [...new Set([...parts.flatMap(({ role }) => role ?? []), ...roles])],
  });
};

export interface Lacking {
  readonly principal: Principal;
  readonly codes: readonly string[];
  /** No input could change it, so that it must be said before any input is looked at. */
  readonly isStatic: boolean;
}

/** Principals that the policy must refuse; none where it asks for nothing beyond a credential. */
export const lacking = (operation: Operation, granted: Granted = {}): readonly Lacking[] => {
  const { parts, hasFunctions, isAny } = authOf(operation);
  const named = parts.filter(({ scope, role }) => scope !== undefined || role !== undefined);
  const all = allowed(operation, granted);
  const without = ({ scope, role }: StaticPolicy): Principal =>
    somebody({
      ...granted.allowed,
      scopes: all.scopes.filter((held) => held !== scope),
      roles: all.roles.filter((held) => held !== role),
    });
  const found: Lacking[] = isAny ? [] : named.map((part) => ({ principal: without(part), codes: codesOf(part), isStatic: true }));
  const codes = named.flatMap(codesOf);
  if (isAny && !hasFunctions && named.length === parts.length) found.push({ principal: somebody(), codes, isStatic: true });
  // A function may refuse nobody but by the input; where something else of the policy was tried, only its author knows.
  const isTried = granted.refused !== undefined || granted.allowed !== undefined || isAny || named.length === 0;
  if (hasFunctions && granted.refused !== false && isTried) {
    const rights = isAny
      ? {}
      : { scopes: parts.flatMap(({ scope }) => scope ?? []), roles: parts.flatMap(({ role }) => role ?? []) };
    found.push({
      principal: somebody({ ...rights, ...granted.refused }),
      codes: ["forbidden", ...(isAny ? codes : [])],
      isStatic: false,
    });
  }
  return found;
};

/** A handler whose role is missing may be answered as one that is not there. */
const codesOf = ({ scope, role }: StaticPolicy): readonly string[] =>
  scope !== undefined ? ["missing_scope"] : role !== undefined ? ["missing_role", "unknown_handler"] : [];
