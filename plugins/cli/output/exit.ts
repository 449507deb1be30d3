// Defines all exit codes of the program. Scripts may depend on these exit codes. If sysexits(3) has a number for a case, the
// program uses this number.

import { cut } from "../../../core/diagnostics/text.ts";
import type { ErrorCode, ErrorKind } from "../../../core/plugin-api.ts";

/** The exit code for each error kind. The exit code 75 always means that the user may repeat the same call later. */
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

/** The exit codes of the program for cases in which the program made no call. */
export const exit = {
  ok: 0,
  /** `quater check` or a similar command found a problem in the project. */
  unfit: 1,
  /** The command line is wrong. */
  usage: 64,
  /** An error in Quater occurred. The program prints this error with its stack. */
  internal: 70,
  /** The program could not write to standard output. A reader that closes standard output early is not such a failure. */
  output: 74,
  /** The project does not boot, or the program does not trust a remote. */
  configuration: 78,
} as const;

/** The error codes that only the program prints, with their exit codes. Calls have the error codes of `errorCodes`. */
export const programCodes = {
  usage: exit.usage,
  secret_in_arguments: exit.usage,
  configuration: exit.configuration,
  file: exit.configuration,
  remote_not_trusted: exit.configuration,
  remote_unreachable: exitOfKind.unavailable,
  remote_unanswered: exitOfKind.outcome_unknown,
  login_refused: exit.usage,
  login_expired: exit.usage,
} as const;

export type ProgramCode = keyof typeof programCodes;

/** The code of an error that the program prints without a call. approval() defines the last code. */
export type PrintedCode = ProgramCode | ErrorCode | "approver_not_eligible";

/** Returns the exit code for a process signal: 128 plus the number of the signal, as shells do. */
export const exitOfSignal = (signal: unknown): number => (signal === "SIGTERM" ? 143 : 130);

/** The longest error message, in characters. Error messages need a limit, because they repeat words of the command line. */
const mostMessage = 1_000;

/** A mistake in the command line. The program prints the message of this error on one line without a stack, and exits with 64. */
export class UsageError extends Error {
  /** The error code for scripts: `usage`, or an error code of calls. */
  readonly code: PrintedCode;

  constructor(message: string, code: PrintedCode = "usage") {
    super(cut(message, mostMessage));
    this.name = "UsageError";
    this.code = code;
  }
}

/**
 * The error about a remote, or about the file of the known remotes, that the program does not trust. The program prints the
 * message of this error and exits with 78.
 */
export class Distrusted extends Error {
  /** The error code for scripts: `remote_not_trusted`, or another error code. */
  readonly code: PrintedCode;

  constructor(message: string, code: PrintedCode = "remote_not_trusted") {
    super(cut(message, mostMessage));
    this.name = "Distrusted";
    this.code = code;
  }
}
