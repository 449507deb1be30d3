// The one policy of a handler. It has a static part (scopes, roles), which can be judged without an input: at the door,
// in listings, in documents; and functions, which see the bound input.

import { type Branded, brand, isBranded } from "../diagnostics/brand.ts";
import {
  internal,
  isQuaterError,
  missingRole,
  missingScope,
  notAllowed,
  type QuaterError,
  refusedAs,
  unauthenticated,
} from "../diagnostics/errors.ts";
import { type Awaitable, isAnonymous, type Principal } from "./principal.ts";

/** What a plugin or a policy says of a call. `by` names who says so; `reason` may be sent to the caller. */
export type Verdict =
  | { readonly allow: true; readonly by: string }
  | { readonly allow: false; readonly by: string; readonly reason?: string; readonly error?: QuaterError };

export interface Policy extends Branded<"policy"> {
  readonly name: string;
  readonly scope?: string;
  readonly role?: string;
  /** The refusal, or `undefined` to allow. */
  readonly judge: (principal: Principal) => QuaterError | undefined;
}

/** Reads only. True allows; false or a sentence refuses, and the sentence may be sent. */
export type PolicyFunction<Input, Resources = unknown> = (
  call: { readonly principal: Principal; readonly input: Input } & Resources,
) => Awaitable<boolean | string>;

export type PolicyLike<Input, Resources = unknown> = Policy | PolicyFunction<Input, Resources>;

/** One policy, a list of which all must allow, or `{ any: [...] }`. */
export type Auth<Input, Resources = unknown> =
  | PolicyLike<Input, Resources>
  | readonly PolicyLike<Input, Resources>[]
  | { readonly any: readonly PolicyLike<Input, Resources>[] };

const policy = (parts: Omit<Policy, typeof brand>): Policy => Object.freeze({ ...parts, [brand]: "policy" as const });

/** Everybody. A route without credentials needs `public: true` in its exposure, too. */
export const anyone: Policy = policy({ name: "anyone", judge: () => undefined });

/** Whoever showed a valid credential. */
export const authenticated: Policy = policy({
  name: "authenticated",
  judge: (principal) => (isAnonymous(principal) ? unauthenticated("this surface") : undefined),
});

/** Whoever holds the scope. Scopes are compared as they are: no wildcards, no hierarchy. */
export const can = (scope: string): Policy =>
  policy({
    name: `can(${scope})`,
    scope,
    judge: (principal) => (principal.scopes.includes(scope) ? undefined : missingScope([scope])),
  });

/** Whoever holds the role. */
export const hasRole = (role: string): Policy =>
  policy({
    name: `hasRole(${role})`,
    role,
    judge: (principal) => (principal.roles.includes(role) ? undefined : missingRole(role)),
  });

/** A handler's `auth`, compiled once at boot. */
export interface CompiledPolicy {
  /** For tables and documents: `can(orders:refund) and function`. */
  readonly name: string;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  readonly isAnyone: boolean;
  /** True when some part is a function, which needs input and resources. */
  readonly needsInput: boolean;
  /** The refusal that no input could change, or `undefined` when the call may still be allowed. */
  readonly judgeStatic: (principal: Principal) => QuaterError | undefined;
  /** The whole policy. `undefined` allows. */
  readonly judge: (call: { readonly principal: Principal; readonly input: unknown }) => Awaitable<QuaterError | undefined>;
}

export const isPolicyLike = (value: unknown): value is PolicyLike<never> =>
  typeof value === "function" || isBranded(value, "policy");

/** What is wrong with a handler's `auth`, in words; `undefined` when nothing is. */
export const authProblem = (auth: unknown): string | undefined => {
  if (auth === undefined) return "states no auth";
  const parts = partsOf(auth);
  if (parts === undefined || !parts.list.every(isPolicyLike)) return "has an auth that is no policy";
  return parts.list.length === 0 ? "has an empty auth list" : undefined;
};

const partsOf = (auth: unknown): { list: readonly unknown[]; joint: "and" | "or" } | undefined => {
  if (Array.isArray(auth)) return { list: auth, joint: "and" };
  if (isPolicyLike(auth)) return { list: [auth], joint: "and" };
  const any = auth !== null && typeof auth === "object" ? (auth as { any?: unknown }).any : undefined;
  return Array.isArray(any) ? { list: any, joint: "or" } : undefined;
};

/** @param auth  One that `authProblem` found nothing wrong with. */
export const compilePolicy = (auth: unknown): CompiledPolicy => {
  const { list, joint } = (partsOf(auth) ?? { list: [], joint: "and" }) as { list: PolicyLike<unknown>[]; joint: "and" | "or" };
  const fixed = list.filter((part): part is Policy => isBranded(part, "policy"));
  const functions = list.filter((part): part is PolicyFunction<unknown> => typeof part === "function");
  const name = list.map((part) => (typeof part === "function" ? part.name || "function" : part.name)).join(` ${joint} `);
  const refusals = (principal: Principal) => fixed.map((part) => part.judge(principal));
  const nameOf = (part: PolicyFunction<unknown>): string => part.name || `the function at auth[${list.indexOf(part)}]`;
  /** True where it allows, else the sentence it refuses with, if it has one. */
  const ask = async (part: PolicyFunction<unknown>, call: { principal: Principal; input: unknown }) => {
    try {
      const answer = await part(call);
      return answer === true || (typeof answer === "string" && answer !== "") ? answer : undefined;
    } catch (error) {
      if (isQuaterError(error)) throw refusedAs(error, nameOf(part));
      throw Object.assign(internal(error), { hint: `The policy ${nameOf(part)} threw` });
    }
  };
  const shared = {
    name,
    scopes: fixed.flatMap((part) => part.scope ?? []),
    roles: fixed.flatMap((part) => part.role ?? []),
    isAnyone: list.length === 1 && fixed[0]?.name === anyone.name,
    needsInput: functions.length > 0,
  };
  const only = fixed[0];
  if (joint === "and") {
    // Missing scopes are reported together: a challenge names everything the call needs (RFC 6750 section 3.1).
    const judgeStatic =
      only !== undefined && fixed.length === 1
        ? only.judge
        : (principal: Principal) => joined(refusals(principal).filter((refusal) => refusal !== undefined));
    if (functions.length === 0) return { ...shared, judgeStatic, judge: ({ principal }) => judgeStatic(principal) };
    const judge = async (call: { principal: Principal; input: unknown }) => {
      const refusal = judgeStatic(call.principal);
      if (refusal !== undefined) return refusal;
      for (const part of functions) {
        const answer = await ask(part, call);
        if (answer !== true) return notAllowed(nameOf(part), answer);
      }
      return undefined;
    };
    return { ...shared, judgeStatic, judge };
  }
  const allows = (principal: Principal) => fixed.some((part) => part.judge(principal) === undefined);
  const firstRefusal = (principal: Principal) => refusals(principal).find((refusal) => refusal !== undefined);
  return {
    ...shared,
    judgeStatic: (principal) => (functions.length > 0 || allows(principal) ? undefined : firstRefusal(principal)),
    judge: async (call) => {
      if (allows(call.principal)) return undefined;
      let sentence: string | undefined;
      for (const part of functions) {
        const answer = await ask(part, call);
        if (answer === true) return undefined;
        sentence ??= answer;
      }
      // What the caller lacks says more than a function's mere no, and less than its sentence.
      const lacking = sentence === undefined ? firstRefusal(call.principal) : undefined;
      return lacking ?? notAllowed(name, sentence);
    },
  };
};

const joined = (refusals: readonly QuaterError[]): QuaterError | undefined => {
  const scopes = refusals.flatMap((refusal) => (refusal.details?.["scopes"] as string[] | undefined) ?? []);
  return scopes.length > 1 && scopes.length === refusals.length ? missingScope(scopes) : refusals[0];
};
