// All exit codes. Scripts may rely on them. The numbers are those of sysexits(3) where it has one.

import { cut } from "../../../core/diagnostics/text.ts";
import type { ErrorKind } from "../../../core/plugin-api.ts";

/** How a call ended. 75 always means: safe to repeat as it is, later. */
export const exitOfKind: Readonly<Record<ErrorKind, number>> = {
  invalid_input: 65,
  unauthenticated: 77,
  forbidden: 77,
  not_found: 66,
  conflict: 73,
  approval_required: 75,
  approval_refused: 77,
  too_large: 65,
  rate_limited: 75,
  unavailable: 69,
  outcome_unknown: 76,
  cancelled: 130,
  internal: 70,
};

/** Exit codes of the program when it ran no call. */
export const exit = {
  ok: 0,
  /** What was to be checked is not as it should be. */
  unfit: 1,
  /** The command line is wrong. */
  usage: 64,
  /** Our own failure; a stack is shown. */
  internal: 70,
  /** Standard output could not be written, and not because its reader left. */
  output: 74,
  /** The project does not boot. */
  configuration: 78,
} as const;

/** 128 and the signal's number, as shells have it. */
export const exitOfSignal = (signal: unknown): number => (signal === "SIGTERM" ? 143 : 130);

/** A mistake in the command line: one line, no stack, exit 64. */
/** Characters of a message: it repeats what was typed. */
const mostMessage = 1_000;

export class UsageError extends Error {
  /** For machines: `usage`, or a code that other surfaces know too. */
  readonly code: string;

  constructor(message: string, code = "usage") {
    super(cut(message, mostMessage));
    this.name = "UsageError";
    this.code = code;
  }
}
