// Runs one call, from the command line to the exit code. The call runs on a booted kernel, or on a remote. `quater run` and the
// probe of the cli surface use this file.

import { isQuaterError, QuaterError } from "../../../core/diagnostics/errors.ts";
import type { Principal } from "../../../core/index.ts";
import { isVisibleTo } from "../../../core/model/operation.ts";
import {
  type Arriving,
  type Awaitable,
  Cancellation,
  type Catalog,
  type Gate,
  type GivenInput,
  type Operation,
} from "../../../core/plugin-api.ts";
import { fileFieldsOf } from "../../../core/schema/file.ts";
import { fileAnswerRulesOf, SentFile } from "../../../core/schema/file-answer.ts";
import type { Approvals } from "../../offered.ts";
import type { Columns } from "../output/columns.ts";
import { exit, UsageError } from "../output/exit.ts";
import { jsonLine, renderItem } from "../output/render.ts";
import { shownResult } from "../output/shown-result.ts";
import type { NextSteps } from "../program/announce.ts";
import { type Context, credentialsOf, type Results } from "../program/context.ts";
import { collectGiven } from "./collect.ts";
import type { Failed } from "./failing.ts";
import { flagsOf } from "./flags.ts";
import type { RunArguments } from "./run-arguments.ts";

/** The parts of a kernel that a call needs. A call on a remote gets these parts without a kernel. */
export interface Host {
  readonly gate: Pick<Gate, "enter" | "invoke" | "newCallId">;
  readonly catalog: Catalog;
  /** The approvals service. Help texts and the flag `--wait` use this service. */
  readonly approvals?: Pick<Approvals, "untilDecided" | "requirementOf"> | undefined;
}

/** Authenticates the caller at the terminal for the cli surface. @throws {QuaterError} if the credential is refused. */
export const enterDoor = ({ gate }: Host, context: Context, callId: string, handler?: string): Awaitable<Principal> =>
  gate.enter(entryOf(context, callId, handler));

const entryOf = ({ env }: Context, callId: string, handler?: string): Arriving => ({
  surface: "cli",
  callId,
  credentials: credentialsOf(env),
  ...(handler === undefined ? {} : { handler }),
});

/**
 * @param words  The words after `quater run`. The program repeats these words in the command lines for the next step.
 * @returns The exit code of `quater run`. @throws {UsageError}
 */
export const act = async (
  host: Host,
  context: Context,
  operation: Operation,
  args: RunArguments,
  words: readonly string[] = [operation.name],
  results: Results = context,
): Promise<number> => {
  const { terminal } = context;
  const flags = flagsOf(operation.input);
  const typed = [...words];
  const files = fileFieldsOf(operation.input);
  const report = async (failed: Failed, next?: NextSteps) => (await failing()).report(failed, context, flags, next);
  if (context.isHelp) {
    const refusal = await entered(host, context, operation, host.gate.newCallId());
    if ("error" in refusal) return report(refusal);
    const { actionHelp } = await import("./action-help.ts");
    await terminal.write(actionHelp(operation, flags, terminal.paint, host.approvals?.requirementOf(operation)));
    return exit.ok;
  }
  if (fileAnswerRulesOf(operation.output) !== undefined && results.terminal.isTerminal && !args.isDryRun)
    throw new UsageError(`${operation.name} returns a file, which a terminal cannot show. Write the file with --output FILE`);
  const opened = async (read: () => Awaitable<readonly GivenInput[]>) => {
    const { withFiles } = await import("./offered-files.ts");
    return withFiles(await read(), files, context.cwd);
  };
  let given: (() => Awaitable<readonly GivenInput[]>) | undefined;
  const callOnce = async (approvalId: string | undefined): Promise<Failed | number> => {
    const callId = host.gate.newCallId();
    // Authenticate the caller again for every call, because the rights of the caller may have changed.
    const caller = await entered(host, context, operation, callId);
    if ("error" in caller) return caller;
    given ??= once(
      await collectGiven(context, args.tokens, flags, {
        input: args.input,
        isAsking: isVisibleTo(operation, caller.principal), // Ask no questions if the caller may not make the call.
        onAnswers: (answers) => typed.push(...answers),
      }),
    );
    const read = given;
    // Open the file inputs again for every call, because the gate removes the files of a call when the call ends.
    const complete = () => (files.length === 0 ? read() : opened(read));
    return invoked(host, context, { operation, given: complete, callId, approvalId, args, results, ...caller });
  };
  const ended = await callOnce(args.approval);
  if (typeof ended === "number") return ended;
  const { announcedIn, nextOf } = await failing();
  const announced = announcedIn(ended.error);
  if (announced === undefined) return report(ended);
  const next = nextOf(announced, context, typed);
  if (!args.isWaiting || host.approvals === undefined) return report(ended, next);
  const { waitFor } = await import("./waiting.ts");
  const enter = () => enterDoor(host, context, host.gate.newCallId(), operation.name);
  const code = await waitFor({ approvals: host.approvals, context, announced, next, enter });
  if (code !== undefined) return code;
  // Repeat the call after the decision of the approvers. The gate then runs the approved call, or refuses the denied call.
  const repeated = await callOnce(announced.id);
  return typeof repeated === "number" ? repeated : report(repeated);
};

const entered = async (
  host: Host,
  context: Context,
  operation: Operation,
  callId: string,
): Promise<{ readonly principal: Principal } | Failed> => {
  try {
    return { principal: await enterDoor(host, context, callId, operation.name) };
  } catch (error) {
    if (isQuaterError(error)) return { error, callId };
    throw error;
  }
};

/** Returns a function that reads the input only once, because a repeated call cannot read standard input again. */
const once = (read: () => Awaitable<readonly GivenInput[]>): (() => Awaitable<readonly GivenInput[]>) => {
  let reading: Awaitable<readonly GivenInput[]> | undefined;
  return () => {
    reading ??= read();
    return reading;
  };
};

interface Calling {
  readonly operation: Operation;
  readonly principal: Principal;
  readonly given: () => Awaitable<readonly GivenInput[]>;
  readonly callId: string;
  readonly approvalId: string | undefined;
  readonly args: RunArguments;
  readonly results: Results;
}

/** Runs one call. @returns The exit code if the call succeeded or nobody reads the output, or the error of the call. */
const invoked = async (host: Host, context: Context, calling: Calling): Promise<Failed | number> => {
  const { terminal } = context;
  const { operation, principal, given, callId, approvalId, args, results } = calling;
  const output = results.terminal;
  const columns = args.columns.length === 0 ? undefined : await columnsOf(args.columns);
  // A remote gives the call its own call id.
  let id = callId;
  const cancellation = new Cancellation();
  const failed = async (error: QuaterError): Promise<Failed | number> => {
    if (output.closed.aborted) return exit.ok;
    // The error message of a remote already contains the known part of the outcome.
    if (error.kind !== "cancelled" || context.remote !== undefined) return { error, callId: id };
    return { error, callId: id, known: (await failing()).knownOutcome(operation, cancellation) };
  };
  const cancel = () => {
    cancellation.cancel();
    if (interrupt.aborted && terminal.isErrorTerminal) terminal.say(cancelling(callId));
  };
  const interrupt = context.heedInterrupt();
  interrupt.addEventListener("abort", cancel);
  output.closed.addEventListener("abort", cancel);
  if (interrupt.aborted) cancel();
  const progress = terminal.isErrorTerminal ? (await import("../output/progress.ts")).progressOn(terminal) : undefined;
  try {
    const outcome = await Promise.race([
      neverEnding(context, operation.name),
      host.gate.invoke({
        handler: operation.name,
        surface: "cli",
        principal,
        entry: entryOf(context, callId, operation.name),
        given,
        callId,
        cancellation,
        dryRun: args.isDryRun,
        ...(approvalId === undefined ? {} : { approvalId }),
        ...(progress === undefined ? {} : { progress }),
      }),
    ]);
    id = outcome.callId;
    if (!outcome.ok) return failed(outcome.error);
    if (outcome.value instanceof SentFile)
      for await (const part of outcome.value.stream()) await output.write(part as Uint8Array);
    else if (isStreamed(outcome.value)) await writeItems(outcome.value, context, calling, columns);
    else await output.write(await shownResult(columns === undefined ? outcome.value : columns.of(outcome.value), results));
    columns?.report(terminal);
    return exit.ok;
  } catch (error) {
    // A stream of the gate throws only QuaterErrors, because the gate converts all other errors.
    if (!isQuaterError(error)) throw error;
    return failed(error);
  } finally {
    interrupt.removeEventListener("abort", cancel);
    output.closed.removeEventListener("abort", cancel);
  }
};

/** Loads the code that reports failed calls. */
const failing = () => import("./failing.ts");

const columnsOf = async (names: readonly string[]): Promise<Columns> => new (await import("../output/columns.ts")).Columns(names);

const cancelling = (callId: string): string =>
  `Cancelling the call${callId === "" ? "" : ` ${callId}`}. After another Ctrl-C, the program ends at once, and the outcome is not known\n`;

/** Returns a promise that rejects when the process has nothing left to wait for, because the handler then never ends. */
const neverEnding = ({ idle }: Context, handler: string): Promise<never> =>
  new Promise((_, reject) => {
    const end = () =>
      reject(
        new QuaterError({
          code: "outcome_unknown",
          kind: "outcome_unknown",
          message: `The handler ${handler} does not end, because it waits for a promise that never resolves. The call may have taken effect, so do not repeat it`,
        }),
      );
    if (idle.aborted) end();
    idle.addEventListener("abort", end, { once: true });
  });

const isStreamed = (value: unknown): value is AsyncIterable<unknown> =>
  value !== null && typeof value === "object" && Symbol.asyncIterator in value;

/**
 * Writes one line for each item of a stream, as fast as the reader of standard output reads. If the reader closes standard
 * output, this function ends the stream, even between two items.
 */
const writeItems = async (
  items: AsyncIterable<unknown>,
  context: Context,
  { operation, results }: Calling,
  columns: Columns | undefined,
): Promise<void> => {
  const { terminal: output, isJson } = results;
  const endless = neverEnding(context, operation.name);
  const left = new Promise<undefined>((resolve) => {
    if (output.closed.aborted) resolve(undefined);
    output.closed.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  const iterator = items[Symbol.asyncIterator]();
  for (;;) {
    const step = await Promise.race([iterator.next(), left, endless]);
    if (step === undefined) {
      // Do not wait for `return`, because `return` runs after the pending item, which may take long. The stop of the kernel waits
      // for `return`.
      void Promise.resolve(iterator.return?.()).catch(() => {});
      return;
    }
    if (step.done === true) return;
    const item: unknown = columns === undefined ? step.value : columns.of(step.value);
    await output.write((isJson ? jsonLine : renderItem)(item));
  }
};
