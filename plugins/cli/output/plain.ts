// Runs plain commands. A plain command is a command of a configured plugin, or a built-in command of the same form. The program
// derives the flags of a plain command from its input schema, as for actions, and the same binding builds the input.

import { resolve } from "node:path";
import type { LoadedManifest } from "../../../core/boot/load.ts";
import { isQuaterError, QuaterError } from "../../../core/diagnostics/errors.ts";
import { cut, nearest } from "../../../core/diagnostics/text.ts";
import { binderOf } from "../../../core/pipeline/bind.ts";
import type { CommandIo, GivenInput, JsonSchema, PluginCommand } from "../../../core/plugin-api.ts";
import { closed } from "../../../core/schema/schema.ts";
import { collectGiven } from "../actions/collect.ts";
import { inFlags, unknownFlagIn } from "../actions/field-errors.ts";
import { type Flag, flagsOf, ofEveryCommand } from "../actions/flags.ts";
import { tokenize } from "../actions/tokens.ts";
import { load } from "../program/boot.ts";
import { helpText } from "../program/command-help.ts";
import { type Context, credentialsOf } from "../program/context.ts";
import { pluginHelp } from "../program/plugin-help.ts";
import { exit, UsageError } from "./exit.ts";
import { shownResult } from "./shown-result.ts";

/**
 * Returns the command whose path is at the beginning of the typed words. If several paths match, returns the command with the
 * longest path.
 */
export const commandFor = (commands: readonly PluginCommand[], words: readonly string[]): PluginCommand | undefined =>
  [...commands]
    .sort((a, b) => b.path.length - a.path.length)
    .find(({ path }) => path.length > 0 && path.every((word, at) => words[at] === word));

/** Returns the error for typed words that begin like a command, but are not a command. */
export const unknownAmong = (commands: readonly PluginCommand[], words: readonly string[]): UsageError => {
  const end = words.findIndex((word) => word.startsWith("-"));
  const typed = (end === -1 ? words : words.slice(0, end)).slice(0, 2).join(" ");
  const paths = commands.map(({ path }) => path.join(" "));
  const near = nearest(typed, paths);
  const advice =
    near === undefined ? `the commands are ${paths.map((path) => JSON.stringify(path)).join(", ")}` : `did you mean "${near}"?`;
  return new UsageError(`Unknown command ${JSON.stringify(cut(typed))}; ${advice}`);
};

/** Runs the command of `commandsOf` that the typed words name. The command needs the manifest, but no kernel. */
export const runPlain = async (
  context: Context,
  commandsOf: (loaded: LoadedManifest) => readonly PluginCommand[],
  words: readonly string[],
): Promise<number> => {
  const commands = commandsOf(await load(context));
  const command = commandFor(commands, words);
  if (command !== undefined) return runCommand(context, command, words.slice(command.path.length));
  throw unknownAmong(commands, words);
};

/** Runs the command of a plugin. @returns The exit code of the command. @throws {UsageError | QuaterError} */
export const runCommand = async (context: Context, command: PluginCommand, args: readonly string[]): Promise<number> => {
  const { terminal } = context;
  if (context.isHelp) {
    await terminal.write(helpText([pluginHelp(command)], terminal.paint));
    return exit.ok;
  }
  const schema = closed(command.input) as JsonSchema;
  const flags = flagsOf(schema, ofEveryCommand);
  try {
    return await perform(context, command, schema, flags, args);
  } catch (error) {
    throw isQuaterError(error) && !context.isJsonAsked ? inFlags(error, flags) : error;
  }
};

const perform = async (
  context: Context,
  command: PluginCommand,
  schema: JsonSchema,
  flags: readonly Flag[],
  args: readonly string[],
): Promise<number> => {
  const { terminal } = context;
  const given = await collectGiven(context, tokenize(args), flags, { positional: command.positional ?? [] });
  const input = bound(schema, flags, await given());
  // The command does not wait for `write`, so this promise is the queue of the texts that the command writes.
  let written: Promise<void> = Promise.resolve();
  const queue = (textOf: () => string | Promise<string>): Promise<void> => {
    written = written.then(async () => terminal.write(await textOf()));
    return written;
  };
  const io: CommandIo = {
    write: (text) => queue(() => text),
    show: (value) => void queue(() => shownResult(value, context)),
    say: (text) => terminal.say(text.endsWith("\n") ? text : `${text}\n`),
    isTerminal: terminal.isTerminal,
    isJson: context.isJson,
    get signal() {
      return AbortSignal.any([context.heedInterrupt(), terminal.closed]);
    },
    ask: async (question, how) => (await import("./prompt.ts")).ask(terminal, question, how),
    readInput: async () => (await import("../actions/input.ts")).openInput(context, "-")(),
    pathOf: (file) => resolve(context.cwd, file),
    credentials: credentialsOf(context.env),
  };
  const code = await command.run(input as never, io);
  await written;
  return exitCodeOf(code, command);
};

/** Binds the input of a plain command. An unknown flag is a mistake in the command line. @throws {UsageError} */
const bound = (schema: JsonSchema, flags: readonly Flag[], given: readonly GivenInput[]): unknown => {
  try {
    return binderOf(schema)(given);
  } catch (error) {
    const unknown = isQuaterError(error) ? unknownFlagIn(error, flags) : undefined;
    if (unknown === undefined) throw error;
    throw new UsageError(unknown, "unknown_field");
  }
};

/**
 * Checks the exit code that the command of a plugin returned. `undefined` means 0. Integers above 255 are refused, because POSIX
 * keeps eight bits and the shell would see another exit code.
 */
const exitCodeOf = (code: unknown, { path }: PluginCommand): number => {
  if (code === undefined || code === null) return exit.ok;
  if (typeof code === "number" && Number.isInteger(code) && code >= 0 && code <= 255) return code;
  throw new QuaterError({
    code: "internal",
    kind: "internal",
    message: `The command "${path.join(" ")}" returned ${typeof code === "number" ? code : `a value of type ${typeof code}`}, which is not an exit code`,
    hint: "Return an integer from 0 to 255 from the run function of the command, or return nothing",
  });
};
