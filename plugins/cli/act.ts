// One call from the command line to the exit code, against a kernel that is there already: the way of `quater run`, and
// of the probe that tests use.

import { isQuaterError, type QuaterError } from "../../core/errors.ts";
import { Cancellation, type Catalog, type Gate, type Operation, type Principal } from "../../core/index.ts";
import { visible } from "../../core/text.ts";
import { actionHelp } from "./action-help.ts";
import { collectGiven } from "./collect.ts";
import type { Context } from "./context.ts";
import { exit } from "./exit.ts";
import { flagsOf } from "./flags.ts";
import { jsonLine, renderItem, resultText } from "./render.ts";
import { reportCall } from "./report-call.ts";
import type { RunArguments } from "./run-arguments.ts";

/** A kernel, or what its surface was given of it. */
export interface Host {
  readonly gate: Pick<Gate, "enter" | "invoke" | "newCallId">;
  readonly catalog: Catalog;
}

/** Lets the caller in at the cli door. @throws {QuaterError} */
export const enterDoor = ({ gate }: Host, { env }: Context, callId: string, handler?: string): Promise<Principal> => {
  const token = env["QUATER_TOKEN"];
  const credentials = { surface: "cli", isLocal: true, header: () => undefined, ...(token ? { token } : {}) };
  return gate.enter({ surface: "cli", callId, credentials, ...(handler === undefined ? {} : { handler }) });
};

/** @returns The exit code. @throws {UsageError} */
export const act = async (host: Host, context: Context, operation: Operation, args: RunArguments): Promise<number> => {
  const { terminal, isJson } = context;
  const flags = flagsOf(operation.input);
  const callId = host.gate.newCallId();
  const failed = (error: QuaterError) => reportCall({ error, callId, flags }, terminal, isJson);
  let principal: Principal;
  try {
    principal = await enterDoor(host, context, callId, operation.name);
  } catch (error) {
    if (isQuaterError(error)) return failed(error);
    throw error;
  }
  if (context.isHelp) {
    await terminal.write(actionHelp(operation, flags, terminal.paint));
    return exit.ok;
  }
  const given = await collectGiven(context, args.tokens, flags, { input: args.input });
  const cancellation = new Cancellation();
  const cancel = () => cancellation.cancel();
  const interrupt = context.heedInterrupt();
  interrupt.addEventListener("abort", cancel);
  terminal.closed.addEventListener("abort", cancel);
  if (interrupt.aborted) cancel();
  try {
    const outcome = await host.gate.invoke({
      handler: operation.name,
      surface: "cli",
      principal,
      given,
      callId,
      cancellation,
      dryRun: args.isDryRun,
      ...(isJson ? {} : { progress: (fraction, message) => terminal.status(progressLine(fraction, message)) }),
    });
    if (!outcome.ok) return terminal.closed.aborted ? exit.ok : failed(outcome.error);
    if (!isStreamed(outcome.value)) {
      await terminal.write(resultText(outcome.value, context));
      return exit.ok;
    }
    try {
      await writeItems(outcome.value, context);
    } catch (error) {
      if (terminal.closed.aborted) return exit.ok;
      return failed(error as QuaterError); // the gate lets nothing else out of a stream
    }
    return exit.ok;
  } finally {
    interrupt.removeEventListener("abort", cancel);
    terminal.closed.removeEventListener("abort", cancel);
  }
};

const isStreamed = (value: unknown): value is AsyncIterable<unknown> =>
  value !== null && typeof value === "object" && Symbol.asyncIterator in value;

/** A line per item, no faster than the reader reads. A reader who leaves ends the stream, also between two items. */
const writeItems = async (items: AsyncIterable<unknown>, { terminal, isJson }: Context): Promise<void> => {
  const left = new Promise<undefined>((resolve) => {
    if (terminal.closed.aborted) resolve(undefined);
    terminal.closed.addEventListener("abort", () => resolve(undefined), { once: true });
  });
  const iterator = items[Symbol.asyncIterator]();
  for (;;) {
    const step = await Promise.race([iterator.next(), left]);
    if (step === undefined) {
      // Not waited for: it queues behind an item that may take long, and the kernel's stop waits as long as is due.
      void Promise.resolve(iterator.return?.()).catch(() => {});
      return;
    }
    if (step.done === true) return;
    await terminal.write((isJson ? jsonLine : renderItem)(step.value));
  }
};

const progressLine = (fraction: number, message = ""): string => `${Math.round(fraction * 100)}% ${visible(message)}`.trimEnd();
