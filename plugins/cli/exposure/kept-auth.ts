// Describes the policy of a handler as data for the exposure file, and compares two such descriptions.

import { isStaticPolicy, mapPolicies, type NamedPolicy, type PolicyFunction } from "../../../core/model/policy.ts";
import { digestOfText } from "../../../core/schema/digest.ts";

/**
 * A part of a policy. For a function, the exposure file contains only the name of the function and the digest of its source text.
 * So a comparison can find that a function changed, but not whether the function now allows more callers.
 */
export type AuthPart =
  | { readonly rule: "anyone" | "authenticated" }
  | { readonly scope: string }
  | { readonly role: string }
  | { readonly function: string; readonly digest: string };

export interface KeptAuth {
  /** The policy in words, such as `can(orders:refund) and isOwner`. */
  readonly words: string;
  /** `all`: each part of the policy must allow the call. `any`: one part of the policy is enough. */
  readonly joint: "all" | "any";
  readonly parts: readonly AuthPart[];
}

/** @param auth  The option `auth` of a handler. Boot has checked this option. */
export const keptAuth = (auth: unknown, words: string): KeptAuth => {
  const parts: AuthPart[] = [];
  mapPolicies(auth, (part) => parts.push(partOf(part)));
  return { words, joint: isAny(auth) ? "any" : "all", parts };
};

const isAny = (auth: unknown): boolean => !Array.isArray(auth) && Array.isArray(Object(auth).any);

const partOf = (part: unknown): AuthPart => {
  if (isStaticPolicy(part)) {
    if (part.scope !== undefined) return { scope: part.scope };
    return part.role === undefined ? { rule: part.name as "anyone" | "authenticated" } : { role: part.role };
  }
  const asked = part as NamedPolicy | PolicyFunction<never>;
  const run = typeof asked === "function" ? asked : asked.allow;
  // JavaScript names a function after the property to which it is assigned, so the name `auth` was not chosen by the author.
  return { function: asked.name === "auth" ? "" : asked.name, digest: textDigest(run) };
};

/** Returns the digest of the source text of a function. */
export const textDigest = (run: unknown): string => digestOfText(String(run));

export interface AuthComparison {
  /** Whether some caller may call now who could not call before. Decisions of functions are not compared. */
  readonly letsMoreIn: boolean;
  /** Whether some caller who could call before may no longer call. */
  readonly keepsMoreOut: boolean;
  /** The names of the policy functions whose source text changed. */
  readonly changedFunctions: readonly string[];
}

type Atom = string | true;

interface Formula {
  readonly joint: KeptAuth["joint"];
  readonly atoms: readonly Atom[];
}

/**
 * The largest number of different policy parts whose combinations are all compared. With more parts, every change counts as
 * wider.
 */
const mostAtoms = 14;

/** Compares for which callers two policies allow a call. The comparison tries all combinations of rights and function results. */
export const comparedAuth = (before: KeptAuth, after: KeptAuth): AuthComparison => {
  const { names, changedFunctions } = pairedFunctions(before, after);
  const formula = ({ joint, parts }: KeptAuth): Formula => ({ joint, atoms: parts.map((part) => atomOf(part, names)) });
  const [was, is] = [formula(before), formula(after)];
  const atoms = [...new Set([...was.atoms, ...is.atoms])].filter((atom) => atom !== true);
  if (atoms.length > mostAtoms) return { letsMoreIn: true, keepsMoreOut: true, changedFunctions };
  let [letsMoreIn, keepsMoreOut] = [false, false];
  for (let held = 0; held < 2 ** atoms.length; held++) {
    const allows = ({ joint, atoms: parts }: Formula) => {
      const isMet = (atom: Atom) => atom === true || (held & (1 << atoms.indexOf(atom))) !== 0;
      return joint === "all" ? parts.every(isMet) : parts.some(isMet);
    };
    const [could, can] = [allows(was), allows(is)];
    if (can && !could) letsMoreIn = true;
    if (could && !can) keepsMoreOut = true;
  }
  return { letsMoreIn, keepsMoreOut, changedFunctions };
};

/** Returns the comparable form of a policy part. A part that all callers with a valid credential meet counts as true. */
const atomOf = (part: AuthPart, names: ReadonlyMap<AuthPart, string>): Atom => {
  if ("rule" in part) return true;
  if ("scope" in part) return `scope ${part.scope}`;
  return "role" in part ? `role ${part.role}` : (names.get(part) ?? `function ${part.digest}`);
};

/**
 * Pairs the functions of both policies, first by the same source text and then by the same name. A function with the same name
 * and another source text is reported as changed.
 */
const pairedFunctions = (before: KeptAuth, after: KeptAuth) => {
  const isFunction = (part: AuthPart) => "function" in part;
  const names = new Map<AuthPart, string>();
  const changedFunctions: string[] = [];
  const left = before.parts.filter(isFunction);
  const unknown = after.parts.filter(isFunction).filter((part) => {
    const at = left.findIndex((other) => other.digest === part.digest);
    if (at >= 0) left.splice(at, 1);
    return at < 0;
  });
  for (const part of unknown) {
    const at = left.findIndex((other) => other.function === part.function);
    const [other] = at < 0 ? [] : left.splice(at, 1);
    if (other === undefined) continue;
    names.set(part, `function ${other.digest}`);
    changedFunctions.push(part.function);
  }
  return { names, changedFunctions };
};
