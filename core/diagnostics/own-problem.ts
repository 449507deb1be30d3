// Error codes that a project defines for its handlers. The project defines each error code with a kind, so that documents can
// show the status of each error code.

import { type Branded, brand } from "./brand.ts";
import { type ErrorKind, errorCodes, isCode, QuaterError } from "./errors.ts";

/** The kinds that a project's own error codes may have. Only the gate uses the other kinds. */
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
  /** More information for programs, as plain JSON. Quater sends the details to the caller. */
  readonly details?: Readonly<Record<string, unknown>>;
  /** The number of seconds until the caller may repeat the call. Default: 1 for `rate_limited` and `unavailable`. */
  readonly retryAfterSeconds?: number;
}

/** A function that throws one error code, made by `problem()`. */
export interface Problem<Code extends string = string> extends Branded<"problem"> {
  /** Throws the problem. Quater sends the message to the caller. @throws {QuaterError} with the code and kind of the problem. */
  (message: string, more?: Details): never;
  readonly code: Code;
  readonly kind: OwnKind;
}

/**
 * Defines an error code of your own. List the problem in the `problems` of the handlers that throw the problem.
 *
 * Boot refuses an error code that Quater itself uses, and an error code that has another kind in another handler.
 *
 * @param code  The error code. Use only lower-case letters, digits and `_`.
 * @param kind  The kind of the error. The kind decides the status code and the exit code.
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

/** One entry of a handler's `problems`. An entry that is only a text has no kind. */
export interface ListedProblem {
  readonly code: string;
  readonly kind?: OwnKind;
}

export const listedProblem = (given: string | Problem): ListedProblem =>
  isProblem(given) ? { code: given.code, kind: given.kind } : { code: given };

/** Returns the fault and the remedy of an entry of `problems`, or `undefined` for a correct entry. */
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
