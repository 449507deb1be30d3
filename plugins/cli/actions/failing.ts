// Reports a failed call. The program loads this file only for failed calls.

import type { QuaterError } from "../../../core/index.ts";
import type { Cancellation, Operation } from "../../../core/plugin-api.ts";
import { exitOfSignal } from "../output/exit.ts";
import { whereIsTheCause } from "../output/log.ts";
import { reportCall } from "../output/report-call.ts";
import { type Announced, type NextSteps, nextSteps } from "../program/announce.ts";
import type { Context } from "../program/context.ts";
import { howToGrant } from "../program/missing-right.ts";
import { programWords } from "../program/program-words.ts";
import type { Flag } from "./flags.ts";

export { announcedIn } from "../program/announce.ts";

/** The error of a failed call, and the id of this call. With `--wait` the program may make two calls. */
export interface Failed {
  readonly error: QuaterError;
  readonly callId: string;
  /** A sentence with the known part of the outcome of a cancelled call. */
  readonly known?: string;
}

/** Reports a failed call. @returns The exit code of the program. */
export const report = async (
  { error, callId, known }: Failed,
  context: Context,
  flags: readonly Flag[],
  next: NextSteps | undefined,
): Promise<number> => {
  const advice = howToGrant(error, context);
  const isIncomplete = error.errors?.some(({ message }) => message === "is required") === true;
  const missing = isIncomplete ? (await import("./ask-missing.ts")).missingHint(flags, error) : undefined;
  const hint = known ?? (isIncomplete ? missing : whereIsTheCause(error, context));
  const failure = { error, callId, flags, advice, hint, ...(next === undefined ? {} : { next }) };
  const code = reportCall(failure, context.terminal, context.isJson);
  return error.kind === "cancelled" ? exitOfSignal(context.heedInterrupt().reason) : code;
};

/** Returns the next commands of the user for a call that people must approve. */
export const nextOf = (announced: Announced, context: Context, words: readonly string[]): NextSteps =>
  nextSteps(announced, words, programWords(context), context.remote);

/** Returns a sentence about what a cancelled call may have changed. */
export const knownOutcome = ({ name, handler }: Operation, { hasBegun }: Cancellation): string => {
  if (!hasBegun) return `The handler ${name} did not begin, so the call changed nothing`;
  if (handler.effect === "read") return `The handler ${name} had begun, but it only reads, so the call changed nothing`;
  return `The handler ${name} had begun, so the call may have done a part of its work. Find out before you repeat the call`;
};
