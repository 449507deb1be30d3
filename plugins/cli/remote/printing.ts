// Prints what a command that reads shows on a remote: `quater audit tail --remote NAME`.

import { visibleLines } from "../../../core/diagnostics/text.ts";
import type { CommandIo, PluginCommand } from "../../../core/plugin-api.ts";
import { isPlainObject } from "../../../core/schema/schema.ts";
import type { ReadDefinitions, RemoteDefinition, WaitCommand } from "../../offered.ts";
import { runCommand } from "../output/plain.ts";
import type { Context } from "../program/context.ts";
import { strangeAnswer } from "./distrust.ts";
import { remoteNamed } from "./known.ts";
import { requireToken } from "./listing.ts";
import { type Asking, readRemote } from "./reading.ts";
import { untilDecided } from "./running.ts";

/** Runs the command that the words name. @returns The exit code. */
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
  run: async (input: Readonly<Record<string, unknown>>, io: CommandIo) => {
    const asking = reach(context);
    const { name } = asking.remote;
    const stopping = new AbortController();
    const stop = () => stopping.abort();
    io.signal.addEventListener("abort", stop);
    if (io.signal.aborted) stop();
    try {
      const { signal } = stopping;
      const printed = readRemote({ ...asking, signal }, definition.path.join(" "), { ...input }, io.isJson);
      for (let step = await printed.next(); ; step = await printed.next()) {
        if (step.done === true) return codeIn(name, step.value);
        await print(name, step.value, io);
      }
    } catch (error) {
      // The command that follows a trail ends with Ctrl-C, or when the reader of its output leaves.
      if (stopping.signal.aborted) return 0;
      throw error;
    } finally {
      io.signal.removeEventListener("abort", stop);
    }
  },
});

const codeIn = (name: string, value: unknown): number => {
  const code = isPlainObject(value) ? value["code"] : undefined;
  if (typeof code === "number" && Number.isInteger(code) && code >= 0 && code <= 255) return code;
  throw strangeAnswer(name, "answered without an exit code");
};

/** Prints one output. Texts of a remote could contain escapes for the terminal, so these are shown and not executed. */
const print = async (name: string, item: unknown, io: CommandIo): Promise<void> => {
  const { show, write, say } = isPlainObject(item) ? item : {};
  if (typeof write === "string") await io.write(io.isJson ? jsonLines(name, write) : visibleLines(write));
  else if (typeof say === "string") io.say(visibleLines(say));
  else if (show !== undefined) io.show(show);
  else throw strangeAnswer(name, "answered with an output that this program does not know");
};

/** Checks that each line is JSON, because programs read the lines. JSON text has no control characters below U+0020. */
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
