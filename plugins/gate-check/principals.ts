// Makes the callers of the gate suite from the `auth` of a handler, so that in each case the caller lacks exactly one right. This
// file reads the `auth` of the handler itself and not the kernel's compiled copy of `auth`, because the gate suite checks that
// copy.

import type { Principal } from "../../core/index.ts";
import { isStaticPolicy, type StaticPolicy } from "../../core/model/policy.ts";
import type { Operation } from "../../core/plugin-api.ts";

/**
 * The fields of a principal without the fields that identify the principal. The gate suite sets the identifying fields itself,
 * because the gate suite makes another caller for each case.
 */
type PrincipalParts = Partial<Omit<Principal, "issuer" | "subject" | "credential">>;

/**
 * The rights that policy functions need. The user of the gate suite supplies these rights, because the gate suite cannot know
 * which fields of a principal the policy functions read.
 */
export interface Granted {
  /**
   * The fields that an allowed caller needs besides the scopes and roles that the policy names: `{ claims: { customerId: "cus_1"
   * } }`.
   */
  readonly allowed?: PrincipalParts;
  /** The fields of a caller whom the policy refuses. `false`: the policy refuses no authenticated caller. */
  readonly refused?: PrincipalParts | false;
}

interface Auth {
  readonly parts: readonly StaticPolicy[];
  readonly hasFunctions: boolean;
  /** Whether the policy allows a call if only one part of the policy allows the call. */
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

/** Makes a new person who acts for another person, so that the gate suite can try both kinds of approval policies. */
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

/** Makes a new principal with all scopes and roles that the policy names. */
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
  /** Whether the policy can refuse without the input. If so, the policy must refuse before Quater reads the input. */
  readonly isStatic: boolean;
}

/** Returns principals that the policy must refuse; an empty list when the policy allows every caller with a credential. */
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
  // A policy function may refuse by the input alone. If the user of the gate suite supplied no principals, the gate suite tries
  // only the other parts of the policy.
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

/**
 * Returns the error codes with which the gate may refuse a caller who lacks a scope or a role. For a caller without the role, the
 * error code may be the same as for an unknown handler.
 */
const codesOf = ({ scope, role }: StaticPolicy): readonly string[] =>
  scope !== undefined ? ["missing_scope"] : role !== undefined ? ["missing_role", "unknown_handler"] : [];
