// Runs a command on a remote and prints the outputs that the remote sends: `quater audit tail --remote NAME`.

import { visibleLines } from "../../../core/diagnostics/text.ts";
import type { CommandIo, PluginCommand } from "../../../core/plugin-api.ts";
import { isPlainObject } from "../../../core/schema/schema.ts";
import type { ReadDefinitions, RemoteDefinition, WaitCommand } from "../../offered.ts";
import { exit } from "../output/exit.ts";
import { runCommand } from "../output/plain.ts";
import { resultText } from "../output/render.ts";
import type { Context } from "../program/context.ts";
import { strangeAnswer } from "./distrust.ts";
import { remoteNamed } from "./known.ts";
import { requireToken } from "./listing.ts";
import { type Asking, readRemote } from "./reading.ts";
import { untilDecided } from "./running.ts";

/** Runs the command on a remote whose path is at the beginning of `words`. @returns The exit code of the command. */
export const runReading = (
  context: Context,
  { remoteDefinitions, ...more }: ReadDefinitions & Partial<WaitCommand>,
  words: readonly string[],
): Promise<number> => {
  const path = words.slice(0, 2);
  const definition = remoteDefinitions.find((each) => each.path.join(" ") === path.join(" "));
  const command = definition === undefined ? waiting(context, more as WaitCommand) : reading(context, definition);
  return runCommand(context, command, words.slice(path.length));
};

const reach = (context: Context): Omit<Asking, "signal"> => {
  const remote = remoteNamed(context.env, context.remote ?? "");
  return { env: context.env, remote, token: requireToken(context.env, remote) };
};

const waiting = (context: Context, { waitCommand }: WaitCommand): PluginCommand =>
  waitCommand((id, signal) => untilDecided(context, reach(context), id, { signal }));

const reading = (context: Context, definition: RemoteDefinition): PluginCommand => ({
  ...definition,
  run: (input: Readonly<Record<string, unknown>>, io: CommandIo) =>
    printRemote(reach(context), definition.path.join(" "), { ...input }, io),
});

/** The functions with which a command prints its outputs. */
type Output = Pick<CommandIo, "write" | "show" | "say" | "isJson" | "signal">;

/** Prints the outputs of a command that runs on a remote. @returns The exit code of the command. */
export const printRemote = async (
  asking: Asking,
  command: string,
  input: Readonly<Record<string, unknown>>,
  io: Output,
): Promise<number> => {
  const { name } = asking.remote;
  const stopping = new AbortController();
  const stop = () => stopping.abort();
  const { signal: leaving } = io;
  leaving.addEventListener("abort", stop);
  if (leaving.aborted) stop();
  try {
    const printed = readRemote({ ...asking, signal: stopping.signal }, command, input, io.isJson);
    for (let step = await printed.next(); ; step = await printed.next()) {
      if (step.done === true) return codeIn(name, step.value);
      await print(name, step.value, io);
    }
  } catch (error) {
    // A user ends `audit tail --follow` with Ctrl-C. The command also ends when the reader closes standard output.
    if (stopping.signal.aborted) return exit.ok;
    throw error;
  } finally {
    leaving.removeEventListener("abort", stop);
  }
};

/** Runs a built-in command on a remote that is not a plain command, such as `explain`. */
export const printCommand = async (
  context: Context,
  command: string,
  input: Readonly<Record<string, unknown>>,
): Promise<number> => {
  const { terminal, isJson } = context;
  let written: Promise<void> = Promise.resolve();
  const write = (text: string): Promise<void> => {
    written = written.then(() => terminal.write(text));
    return written;
  };
  const signal = AbortSignal.any([context.heedInterrupt(), terminal.closed]);
  const say = (text: string) => terminal.say(text.endsWith("\n") ? text : `${text}\n`);
  const code = await printRemote(reach(context), command, input, {
    write,
    show: (value) => void write(resultText(value, context)),
    say,
    isJson,
    signal,
  });
  await written;
  return code;
};

const codeIn = (name: string, value: unknown): number => {
  const code = isPlainObject(value) ? value["code"] : undefined;
  if (typeof code === "number" && Number.isInteger(code) && code >= 0 && code <= 255) return code;
  throw strangeAnswer(name, "answered without an exit code");
};

/**
 * Prints one output of a remote. A text of a remote could contain terminal escapes, so the terminal shows the escapes as text.
 */
const print = async (name: string, item: unknown, io: Output): Promise<void> => {
  const { show, write, say } = isPlainObject(item) ? item : {};
  if (typeof write === "string") await io.write(io.isJson ? jsonLines(name, write) : visibleLines(write));
  else if (typeof say === "string") io.say(visibleLines(say));
  else if (show !== undefined) io.show(show);
  else throw strangeAnswer(name, "answered with an output that this program does not know");
};

/** Checks that each line of a remote's text is JSON, because scripts parse the lines. JSON has no controls below U+0020. */
const jsonLines = (name: string, text: string): string => {
  for (const line of text.split("\n")) {
    if (line === "") continue;
    try {
      JSON.parse(line);
    } catch {
      throw strangeAnswer(name, "answered with text that is not JSON");
    }
  }
  return text.replaceAll(/[\u007f-\u009f]/g, (character) => `\\u00${character.charCodeAt(0).toString(16)}`);
};
