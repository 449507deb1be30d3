// The policy of a handler. The static part of a policy (scopes and roles) needs no input. Quater therefore checks the static part
// before the surface reads the body. Listings and documents show only the handlers that the static part allows. The functions of
// a policy get the bound input.

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
import type { Static, TObject, TProperties } from "../schema/typebox.ts";
import { type Awaitable, isAnonymous, type Principal } from "./principal.ts";
import type { Opened, Uses } from "./resource.ts";

/**
 * The answer of a plugin or a policy to a call. The field `by` names the plugin or policy. Quater may send the field `reason` to
 * the caller.
 */
export type Verdict =
  | { readonly allow: true; readonly by: string }
  | { readonly allow: false; readonly by: string; readonly reason?: string; readonly error?: QuaterError };

/** A policy for handlers whose input has at least the properties of `Input`. */
export interface Policy<Input = unknown> extends Branded<"policy"> {
  readonly name: string;
  /**
   * The field `~reads` of a policy is never set. The compiler uses the type of this field to compare the policy's input with the
   * handler's input.
   */
  readonly "~reads": (input: Input) => void;
}

/** A policy that reads only the caller and no input: `anyone`, `authenticated`, `can`, `hasRole`. */
export interface StaticPolicy extends Policy {
  readonly scope?: string;
  readonly role?: string;
  /** Returns the refusal of the caller, or `undefined` to allow the call. */
  readonly judge: (principal: Principal) => QuaterError | undefined;
}

/** A policy that `policy()` made. Such a policy has a name and may use resources. */
export interface NamedPolicy extends Policy {
  readonly needs?: TProperties;
  readonly use?: Uses;
  readonly allow: PolicyFunction<never>;
}

/**
 * A policy as a plain function. `true` allows the call. `false` or a sentence refuses the call, and the caller gets the sentence.
 * A policy function must not change anything.
 */
export type PolicyFunction<Input, Resources = unknown> = (
  call: { readonly principal: Principal; readonly input: Input } & Resources,
) => Awaitable<boolean | string>;

export type PolicyLike<Input, Resources = unknown> = Policy<Input> | PolicyFunction<Input, Resources>;

/** The policy of a handler: one policy, a list of policies that must all allow the call, or `{ any: [...] }`. */
export type Auth<Input, Resources = unknown> =
  | PolicyLike<Input, Resources>
  | readonly PolicyLike<Input, Resources>[]
  | { readonly any: readonly PolicyLike<Input, Resources>[] };

const staticPolicy = (parts: Omit<StaticPolicy, typeof brand | "~reads">): Policy =>
  Object.freeze({ ...parts, [brand]: "policy" as const }) as unknown as Policy;

/**
 * Defines a policy that reads the input or resources. The log, `dev` and the trail show the name of the policy.
 *
 * The input of each handler with this policy must have the properties of `needs`. Boot refuses a handler whose input lacks such a
 * property, or makes a property optional that `needs` requires. Boot also refuses a property with another JSON type or other
 * listed values, and an object that lacks a property. Boot does not compare limits, patterns and formats. The TypeScript compiler
 * also compares the types of `needs` with the types of the handler's input.
 *
 * @example
 * export const isOwner = policy({
 *   name: "isOwner",
 *   needs: { noteId: NoteId },
 *   use: { notes },
 *   allow: ({ input, notes, principal }) => notes.ownerOf(input.noteId) === personOf(principal) || "This note is somebody else's",
 * });
 */
export const policy = <
  // biome-ignore lint/complexity/noBannedTypes: {} is "needs nothing", and infers as such
  const Needs extends TProperties = {},
  // biome-ignore lint/complexity/noBannedTypes: {} is "uses nothing", and infers as such
  Used extends Uses = {},
>(definition: {
  /** The policy's name, such as `isOwner`. The name is printable and has at most 100 characters. */
  readonly name: string;
  /** The properties of the input that the policy reads, by property name. */
  readonly needs?: Needs;
  /**
   * The resources that the policy uses. Quater opens these resources for the policy. A handler that uses the same resources
   * shares them with the policy.
   */
  readonly use?: Used;
  /**
   * Returns `true` to allow the call. `false` or a sentence refuses the call, and the caller gets the sentence. `allow` must not
   * change anything.
   */
  readonly allow: PolicyFunction<NoInfer<Static<TObject<Needs>>>, NoInfer<Opened<Used>>>;
}): Policy<Static<TObject<Needs>>> =>
  Object.freeze({ ...definition, [brand]: "policy" as const }) as unknown as Policy<Static<TObject<Needs>>>;

/** Allows every caller. A route for callers without a credential also needs `public: true` in the exposure of the handler. */
export const anyone: Policy = staticPolicy({ name: "anyone", judge: () => undefined });

/** Allows callers with a valid credential. */
export const authenticated: Policy = staticPolicy({
  name: "authenticated",
  judge: (principal) => (isAnonymous(principal) ? unauthenticated("this surface") : undefined),
});

/** Allows callers with the scope. Quater compares scopes as texts, without wildcards or hierarchy. */
export const can = (scope: string): Policy =>
  staticPolicy({
    name: `can(${scope})`,
    scope,
    judge: (principal) => (principal.scopes.includes(scope) ? undefined : missingScope([scope])),
  });

/** Allows callers whose principal has the role. */
export const hasRole = (role: string): Policy =>
  staticPolicy({
    name: `hasRole(${role})`,
    role,
    judge: (principal) => (principal.roles.includes(role) ? undefined : missingRole(role)),
  });

/** The parts of a call by which a policy decides. */
export interface PolicyCall {
  readonly principal: Principal;
  readonly input: unknown;
  /** Opens the resources of a policy. Without `uses`, opens the resources of the handler. */
  readonly resources: (uses?: Uses) => Awaitable<Readonly<Record<string, unknown>>>;
}

/** The `auth` of a handler, compiled once at boot. */
export interface CompiledPolicy {
  /** The text of the policy for tables and documents: `can(orders:refund) and function`. */
  readonly name: string;
  readonly scopes: readonly string[];
  readonly roles: readonly string[];
  /**
   * The lists of scopes for challenges. A caller needs all scopes of at least one list. An empty list means that a caller may
   * pass without a scope.
   */
  readonly scopeChoices: readonly (readonly string[])[];
  readonly isAnyone: boolean;
  /**
   * Whether a part of the policy is a function or a named policy. Functions and named policies read a call's input and resources.
   */
  readonly needsInput: boolean;
  /** Whether a named policy in `auth` opens its own resources. */
  readonly usesResources: boolean;
  /**
   * Returns the refusal of the caller if no input of the call could change the refusal, or `undefined` when the policy may still
   * allow the call.
   */
  readonly judgeStatic: (principal: Principal) => QuaterError | undefined;
  /**
   * Whether the part of the policy that needs no input alone allows the principal. If so, no function of the policy can refuse
   * the call.
   */
  readonly allowsStatically: (principal: Principal) => boolean;
  /** Checks the whole policy. Returns the refusal of the call, or `undefined` to allow the call. */
  readonly judge: (call: PolicyCall) => Awaitable<QuaterError | undefined>;
}

export const isPolicyLike = (value: unknown): value is PolicyLike<never> =>
  typeof value === "function" || isBranded(value, "policy");

export const isStaticPolicy = (value: unknown): value is StaticPolicy => isBranded(value, "policy") && "judge" in value;
export const isNamedPolicy = (value: unknown): value is NamedPolicy => isBranded(value, "policy") && !("judge" in value);

/** Returns a description of the fault of a handler's `auth`, or `undefined` for a correct `auth`. */
export const authProblem = (auth: unknown): string | undefined => {
  if (auth === undefined) return "has no auth";
  const parts = partsOf(auth);
  if (parts === undefined || !parts.list.every(isPolicyLike)) return "has a value in auth that is not a policy";
  return parts.list.length === 0 ? "has an empty auth list" : undefined;
};

/**
 * Replaces parts of a policy. @param change  `mapPolicies` calls this function with each policy of the handler. @returns The same
 * `auth` with the results of `change`.
 */
export const mapPolicies = (auth: unknown, change: (part: unknown) => unknown): unknown => {
  if (Array.isArray(auth)) return auth.map(change);
  const any = (auth as { readonly any?: unknown } | undefined)?.any;
  return Array.isArray(any) ? { any: any.map(change) } : change(auth);
};

export const namedPoliciesOf = (auth: unknown): readonly NamedPolicy[] => (partsOf(auth)?.list ?? []).filter(isNamedPolicy);

const partsOf = (auth: unknown): { list: readonly unknown[]; joint: "and" | "or" } | undefined => {
  if (Array.isArray(auth)) return { list: auth, joint: "and" };
  if (isPolicyLike(auth)) return { list: [auth], joint: "and" };
  const any = auth !== null && typeof auth === "object" ? (auth as { any?: unknown }).any : undefined;
  return Array.isArray(any) ? { list: any, joint: "or" } : undefined;
};

/** A part of a policy that reads the input or resources of a call. */
type Asked = NamedPolicy | PolicyFunction<never>;

/** @param auth  The `auth` of a handler, in which `authProblem` finds no fault. */
export const compilePolicy = (auth: unknown): CompiledPolicy => {
  const { list, joint } = (partsOf(auth) ?? { list: [], joint: "and" }) as {
    list: readonly (StaticPolicy | Asked)[];
    joint: "and" | "or";
  };
  const fixed = list.filter(isStaticPolicy);
  const asked = list.filter((part): part is Asked => !isStaticPolicy(part));
  const name = list.map((part) => part.name || "function").join(` ${joint} `);
  const refusals = (principal: Principal) => fixed.map((part) => part.judge(principal));
  const nameOf = (part: Asked): string => part.name || `the function at auth[${list.indexOf(part)}]`;
  /**
   * Returns `true` when the part of the policy allows the call. Otherwise returns the sentence of the refusal, if the part gave a
   * sentence.
   */
  const ask = async (part: Asked, { principal, input, resources }: PolicyCall) => {
    const [allow, uses] = typeof part === "function" ? [part, resources()] : [part.allow, part.use && resources(part.use)];
    const call = { ...(await uses), principal, input } as never;
    try {
      const answer = await allow(call);
      return answer === true || (typeof answer === "string" && answer !== "") ? answer : undefined;
    } catch (error) {
      if (isQuaterError(error)) throw refusedAs(error, nameOf(part));
      throw Object.assign(internal(error), { hint: `The policy ${nameOf(part)} threw an error` });
    }
  };
  const scopes = fixed.flatMap((part) => part.scope ?? []);
  const shared = {
    name,
    scopes,
    roles: fixed.flatMap((part) => part.role ?? []),
    scopeChoices: joint === "and" ? [scopes] : scopes.length === list.length ? scopes.map((scope) => [scope]) : [[]],
    isAnyone: list.length === 1 && fixed[0]?.name === anyone.name,
    needsInput: asked.length > 0,
    usesResources: asked.some((part) => typeof part !== "function" && part.use !== undefined),
  };
  const only = fixed[0];
  if (joint === "and") {
    // Report missing scopes together, because a challenge names all scopes that the call needs (RFC 6750 section 3.1).
    const judgeStatic =
      only !== undefined && fixed.length === 1
        ? only.judge
        : (principal: Principal) => joined(refusals(principal).filter((refusal) => refusal !== undefined));
    const allowsStatically = (principal: Principal) => asked.length === 0 && judgeStatic(principal) === undefined;
    if (asked.length === 0) return { ...shared, judgeStatic, allowsStatically, judge: ({ principal }) => judgeStatic(principal) };
    const judge = async (call: PolicyCall) => {
      const refusal = judgeStatic(call.principal);
      if (refusal !== undefined) return refusal;
      for (const part of asked) {
        const answer = await ask(part, call);
        if (answer !== true) return notAllowed(nameOf(part), answer);
      }
      return undefined;
    };
    return { ...shared, judgeStatic, allowsStatically, judge };
  }
  const allows = (principal: Principal) => fixed.some((part) => part.judge(principal) === undefined);
  const firstRefusal = (principal: Principal) => refusals(principal).find((refusal) => refusal !== undefined);
  return {
    ...shared,
    judgeStatic: (principal) => (asked.length > 0 || allows(principal) ? undefined : firstRefusal(principal)),
    allowsStatically: allows,
    judge: async (call) => {
      if (allows(call.principal)) return undefined;
      let sentence: string | undefined;
      for (const part of asked) {
        const answer = await ask(part, call);
        if (answer === true) return undefined;
        sentence ??= answer;
      }
      // The name of a missing scope or role helps the caller more than the refusal of a function that returned only `false`. The
      // sentence of a function helps the caller most.
      const lacking = sentence === undefined ? firstRefusal(call.principal) : undefined;
      return lacking ?? notAllowed(name, sentence);
    },
  };
};

const joined = (refusals: readonly QuaterError[]): QuaterError | undefined => {
  const scopes = refusals.flatMap((refusal) => (refusal.details?.["scopes"] as string[] | undefined) ?? []);
  return scopes.length > 1 && scopes.length === refusals.length ? missingScope(scopes) : refusals[0];
};
