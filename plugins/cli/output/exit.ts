// All exit codes. Scripts may depend on these exit codes. If sysexits(3) has a number for a case, that number is used.

import { cut } from "../../../core/diagnostics/text.ts";
import type { ErrorKind } from "../../../core/plugin-api.ts";

/** The exit code for each error kind. 75 always means that the same call may be repeated later. */
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
  /** `quater check` or a similar command found a problem. */
  unfit: 1,
  /** The command line is wrong. */
  usage: 64,
  /** An error in Quater, which is printed with its stack. */
  internal: 70,
  /** Standard output could not be written for another reason than a reader that closed it. */
  output: 74,
  /** The project does not boot, or a remote is not trusted. */
  configuration: 78,
} as const;

/** Returns 128 plus the number of the signal, as shells do. */
export const exitOfSignal = (signal: unknown): number => (signal === "SIGTERM" ? 143 : 130);

/** The longest message, in characters, because a message repeats words of the command line. */
const mostMessage = 1_000;

/** A mistake in the command line. The program prints one line without a stack, and exits with 64. */
export class UsageError extends Error {
  /** The code for programs: `usage`, or an error code of calls. */
  readonly code: string;

  constructor(message: string, code = "usage") {
    super(cut(message, mostMessage));
    this.name = "UsageError";
    this.code = code;
  }
}

/**
 * A remote, or the file of the known remotes, that the program does not trust. The program prints one sentence and exits with 78.
 */
export class Distrusted extends Error {
  /** `remote_not_trusted`, or another code for programs. */
  readonly code: string;

  constructor(message: string, code = "remote_not_trusted") {
    super(cut(message, mostMessage));
    this.name = "Distrusted";
    this.code = code;
  }
}
