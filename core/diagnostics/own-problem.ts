// Error codes that a project defines for its handlers. Each code is defined with its kind, so that documents show the status of
// each code.

import { type Branded, brand } from "./brand.ts";
import { type ErrorKind, errorCodes, isCode, QuaterError } from "./errors.ts";

/** The kinds that a project's own error codes may have. The other kinds belong to the gate. */
export const ownKinds = [
  "invalid_input",
  "unauthenticated",
  "forbidden",
  "not_found",
  "conflict",
  "too_large",
  "rate_limited",
  "unavailable",
  "outcome_unknown",
] as const satisfies readonly ErrorKind[];
export type OwnKind = (typeof ownKinds)[number];

interface Details {
  /** More information for programs, as plain JSON. Sent to the caller. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** Seconds until the caller may repeat the call. Default: 1 for `rate_limited` and `unavailable`. */
  readonly retryAfterSeconds?: number;
}

/** A function that throws one error code, made by `problem()`. */
export interface Problem<Code extends string = string> extends Branded<"problem"> {
  /** Throws the problem. The message is sent to the caller. @throws {QuaterError} with the problem's code and kind. */
  (message: string, more?: Details): never;
  readonly code: Code;
  readonly kind: OwnKind;
}

/**
 * Defines an error code of your own. List the problem in the `problems` of the handlers that throw the problem.
 *
 * Boot refuses a code that Quater itself uses, and a code that has another kind in another handler.
 *
 * @param code  Lower-case letters, digits and `_`.
 * @param kind  Decides the status and the exit code that callers see.
 *
 * @example
 * export const noteArchived = problem("note_archived", "conflict");
 * if (note.archived) noteArchived("An archived note cannot be changed");
 */
export const problem = <const Code extends string>(code: Code, kind: OwnKind): Problem<Code> => {
  const waits = kind === "rate_limited" || kind === "unavailable" ? { retryAfterSeconds: 1 } : {};
  const refuse = (message: string, more: Details = {}): never => {
    throw new QuaterError({ code, kind, message, ...waits, ...more });
  };
  return Object.freeze(Object.assign(refuse, { code, kind, [brand]: "problem" as const }));
};

export const isProblem = (value: unknown): value is Problem =>
  typeof value === "function" && (value as Partial<Branded<string>>)[brand] === "problem";

/** One entry of a handler's `problems`. A code that was written as text has no kind. */
export interface ListedProblem {
  readonly code: string;
  readonly kind?: OwnKind;
}

export const listedProblem = (given: string | Problem): ListedProblem =>
  isProblem(given) ? { code: given.code, kind: given.kind } : { code: given };

/** Returns the fault of an entry of `problems` and the remedy, or `undefined` for a correct entry. */
export const listingProblem = (given: unknown): { readonly cause: string; readonly remedy: string } | undefined => {
  const code = isProblem(given) ? given.code : given;
  if (!isCode(code)) {
    const remedy = "Use only lower-case letters, digits and _ in the error code, such as order_not_paid";
    return { cause: `declares the problem ${JSON.stringify(code) ?? String(code)}, which is not a valid error code`, remedy };
  }
  if (!isProblem(given)) return undefined;
  if (Object.hasOwn(errorCodes, code as string) || /^(approval|lock)_/.test(code as string))
    return {
      cause: `declares the problem ${given.code}, which is an error code of Quater itself`,
      remedy: "Choose another error code, such as order_not_paid",
    };
  if (!(ownKinds as readonly string[]).includes(given.kind))
    return {
      cause: `declares the problem ${given.code} with the unknown kind ${JSON.stringify(given.kind)}`,
      remedy: `Use one of the kinds of errors ${ownKinds.join(", ")}`,
    };
  return undefined;
};
