// The cases of the gate suite for each handler on each surface. In each case, one part of the call is missing or wrong. In the
// last case, all parts of the call are right, and the call must run. If the right call did not run, the refusals in the other
// cases would prove nothing.

import type { Principal } from "../../core/index.ts";
import type { Operation, ProbeCall } from "../../core/plugin-api.ts";
import { refusedByPlugin } from "./copy.ts";
import type { Inputs } from "./inputs.ts";
import { allowed, asksFunctions, type Granted, lacking } from "./principals.ts";
import type { Rehearsed, Seen } from "./rehearse.ts";

/** One handler on one surface, which the gate suite tries. */
export interface Target {
  readonly operation: Operation;
  readonly surface: string;
  /** The way in which callers reach the handler over the surface, if the surface has several ways. */
  readonly way?: string;
  readonly rehearsed: Rehearsed;
  readonly inputs: Inputs;
  readonly granted: Granted;
  /** Whether calls of the handler need approval on the surface. */
  readonly needsApproval: boolean;
}

/**
 * Returns the name of the surface for a row of the report. A further way over the same surface has other rows, with a name such
 * as `mcp (resource)`.
 */
export const surfaceOf = ({ surface, way }: Target): string => (way === undefined ? surface : `${surface} (${way})`);

/** One call of a case, with the expected result and the actual result of this call. */
export interface Tried extends Seen {
  readonly expected: readonly string[];
  /**
   * Words that distinguish one call of a case from the other calls of this case, such as "over cli". Absent if the case makes one
   * call.
   */
  readonly how?: string;
}

export interface Case {
  readonly name: string;
  /** The words that describe the hole which the case finds, such as "ran without a credential". */
  readonly hole: string;
  /** Returns what the user of the gate suite can do about the hole. Absent if the user can do nothing. */
  readonly remedy?: (target: Target) => string;
  /** Runs the case. @returns The calls of the case; an empty list when the case does not apply to the target. */
  readonly run: (target: Target) => Promise<readonly Tried[]>;
}

/** Makes a call over the surface of the target. @param token  `undefined`: the call has no token. */
export const send = (
  { rehearsed, operation, surface, way }: Target,
  token: string | undefined,
  input: unknown,
  approvalId?: string,
): Promise<Seen | undefined> => {
  const call: ProbeCall = {
    handler: operation.name,
    input: { json: JSON.stringify(input) },
    ...(token === undefined ? {} : { token }),
    ...(approvalId === undefined ? {} : { approvalId }),
    ...(way === undefined ? {} : { way }),
  };
  return rehearsed.call(surface, call);
};

export const sendAs = (target: Target, principal: Principal, input: unknown, approvalId?: string): Promise<Seen | undefined> =>
  send(target, target.rehearsed.tokens.grant(target.surface, principal), input, approvalId);

export const tried = (seen: Seen | undefined, expected: readonly string[], how?: string): readonly Tried[] =>
  seen === undefined ? [] : [{ ...seen, expected, ...(how === undefined ? {} : { how }) }];

/** Calls the handler with the first input that a caller of the surface can send. */
const firstSent = async (target: Target, inputs: readonly unknown[], expected: string): Promise<readonly Tried[]> => {
  for (const input of inputs) {
    const seen = await sendAs(target, allowed(target.operation, target.granted), input);
    if (seen !== undefined) return tried(seen, [expected]);
  }
  return [];
};

const noCredential: Case = {
  name: "no credential",
  hole: "ran without a credential",
  run: async (target) => (isOpen(target) ? [] : tried(await send(target, undefined, target.inputs.right()), ["unauthenticated"])),
};

/** Whether the surface accepts callers without a credential. */
const isOpen = ({ operation, rehearsed, surface }: Target): boolean => operation.isPublic && rehearsed.opensToPublic(surface);

const otherSurface: Case = {
  name: "another surface's",
  hole: "ran with a credential of another surface",
  run: async (target) => {
    const { operation, rehearsed, surface, granted, inputs } = target;
    if (!rehearsed.hasDoor(surface)) return [];
    const found: Tried[] = [];
    for (const other of [...rehearsed.surfaces.filter((name) => name !== surface), "nowhere"]) {
      const token = rehearsed.tokens.grant(other, allowed(operation, granted));
      found.push(...tried(await send(target, token, inputs.right()), ["invalid_token"], `the credential was for ${other}`));
    }
    return found;
  },
};

const missingRight: Case = {
  name: "missing right",
  hole: "ran for a principal that the policy refuses",
  run: async (target) => {
    const { operation, granted, inputs } = target;
    const found: Tried[] = [];
    const [wrong] = inputs.unknownField();
    for (const { principal, codes, isStatic } of lacking(operation, granted)) {
      found.push(...tried(await sendAs(target, principal, inputs.right()), codes));
      // A caller without access must not get errors about an invalid input.
      if (isStatic && wrong !== undefined)
        found.push(...tried(await sendAs(target, principal, wrong), codes, "the input was also invalid"));
    }
    return found;
  },
};

const pluginRefuses: Case = {
  name: "a plugin's no",
  hole: "ran, although a plugin refused the call",
  run: async (target) => {
    const { operation, granted, inputs } = target;
    const principal = allowed(operation, granted);
    if (operation.isPublic) return []; // The gate suite's own plugin cannot recognize a caller without a credential.
    const marked = { ...principal, claims: { ...principal.claims, ...refusedByPlugin } };
    return tried(await sendAs(target, marked, inputs.right()), ["forbidden"]);
  },
};

const wrongType: Case = {
  name: "wrong type",
  hole: "ran with a value of the wrong type",
  run: (target) => firstSent(target, target.inputs.wrongType(), "invalid_input"),
};

const missingField: Case = {
  name: "missing field",
  hole: "ran without a required field",
  run: (target) => firstSent(target, target.inputs.missing(), "invalid_input"),
};

const unknownField: Case = {
  name: "unknown field",
  hole: "ran with a field that the schema does not declare",
  run: (target) => firstSent(target, target.inputs.unknownField(), "unknown_field"),
};

/**
 * Returns the result for a correct input that a caller cannot send over the surface. Without a call with correct input, the
 * results of the other cases mean nothing.
 */
export const unwritable = ({ operation, surface }: Target): Seen => ({
  got: "not tested",
  message: `the sample input cannot be sent over ${surface}. Write another input in inputs.${operation.name}`,
  hasRun: false,
});

export const control: Case = {
  name: "all in order",
  hole: "did not run, although the caller was allowed and the input was valid",
  run: async (target) => {
    if (target.needsApproval) return []; // The file approvals.ts tests calls that need approval.
    const { operation, granted, inputs } = target;
    const found = (await sendAs(target, allowed(operation, granted), inputs.right())) ?? unwritable(target);
    const isGuess = !found.hasRun && found.got !== "internal" && asksFunctions(operation) && granted.allowed === undefined;
    const message = isGuess
      ? `the policy is a function, so the suite cannot guess an allowed principal. Write an allowed principal in principals.${operation.name}.allowed`
      : found.message;
    return [{ ...found, message, expected: ["ran"] }];
  },
};

/** The case for a handler that the manifest does not expose on the surface. */
export const notExposed: Case = {
  name: "not exposed",
  hole: "ran, although the manifest does not expose the handler on this surface",
  run: async (target) => {
    const { operation, granted, inputs } = target;
    return tried(await sendAs(target, allowed(operation, granted), inputs.right()), ["unknown_handler"]);
  },
};

/** The cases of the gate suite, in the order of their columns in the report. */
export const cases: readonly Case[] = [
  noCredential,
  otherSurface,
  missingRight,
  pluginRefuses,
  wrongType,
  missingField,
  unknownField,
  control,
];
