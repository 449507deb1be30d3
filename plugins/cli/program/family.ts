// Runs families of built-in commands, such as `quater approvals`, with the library clipanion. clipanion prints its errors to
// standard output with exit code 1, and suggests no similar name. So this file catches the errors of clipanion, and the program
// reports them like other errors.

// The import names a file of clipanion, because the ES module build of clipanion imports a folder, which Node refuses. A test
// runner would choose the ES module build.
import { type BaseContext, Cli, Command, type CommandClass, Option } from "clipanion/lib/advanced/index.js";
import { cut, nearest } from "../../../core/diagnostics/text.ts";
import { UsageError } from "../output/exit.ts";
import type { CommandHelp } from "./command-help.ts";
import type { Context } from "./context.ts";

export { Option };
/** Makes the help text of a command. */
export const usage = Command.Usage;

export interface FamilyContext extends BaseContext {
  readonly program: Context;
}

/** A built-in command that gets the context of the program. */
export abstract class ProgramCommand extends Command<FamilyContext> {
  /** The words that completion offers after the path of the command. */
  static completes: CommandHelp["words"];

  /** Runs the command. @returns The exit code of the command. */
  abstract perform(program: Context): Promise<number>;

  execute(): Promise<number> {
    return this.perform(this.context.program);
  }
}

export type ProgramCommandClass = CommandClass<FamilyContext>;

/** Runs the typed command of a family. @throws {UsageError} */
export const runFamily = async (
  context: Context,
  commands: readonly ProgramCommandClass[],
  words: readonly string[],
): Promise<number> => {
  const cli = new Cli<FamilyContext>({ binaryName: "quater", enableColors: false });
  for (const command of typedIn(commands, words)) cli.register(command);
  return commandOf(cli, commands, words, context).execute() as Promise<number>;
};

/** Returns the commands that have the second typed word, so that errors and help are only about these commands. */
const typedIn = (commands: readonly ProgramCommandClass[], [, word]: readonly string[]): readonly ProgramCommandClass[] => {
  const typed = commands.filter(({ paths = [] }) => word !== undefined && paths.some(([, second]) => second === word));
  return typed.length > 0 ? typed : commands;
};

const commandOf = (
  cli: Cli<FamilyContext>,
  commands: readonly ProgramCommandClass[],
  words: readonly string[],
  context: Context,
): Command<FamilyContext> => {
  try {
    return cli.process([...words], { program: context });
  } catch (error) {
    throw wrongLine(error, cli, commands, words);
  }
};

const wrongLine = (
  error: unknown,
  cli: Cli<FamilyContext>,
  commands: readonly ProgramCommandClass[],
  words: readonly string[],
): unknown => {
  if (!(error instanceof Error) || !("clipanion" in error)) return error;
  const { message } = error;
  const [family = "", sub] = words;
  const unknownFlag = /Unsupported option name \("([^"]*)"\)/.exec(message)?.[1];
  if (unknownFlag !== undefined) {
    const option = /^--(?:port|host)$/.test(unknownFlag) ? unknownFlag.slice(2) : undefined;
    if (option !== undefined)
      return new UsageError(`Unknown flag ${unknownFlag}. Set this option in the manifest: http({ ${option}: ... })`);
    const known = cli
      .definitions()
      .flatMap(({ options }) => options.flatMap(({ definition }) => definition.match(/--[\w-]+/g) ?? []));
    return new UsageError(
      `Unknown flag ${cut(unknownFlag)}${meant(nearest(unknownFlag, [...known, "--json", "--config", "--help"]))}`,
    );
  }
  const subcommands = commands.flatMap(({ paths }) => (paths ?? []).flatMap(([, second]) => second ?? []));
  if (sub !== undefined && subcommands.length > 0 && !subcommands.includes(sub)) {
    const near = nearest(sub, subcommands);
    const typed = JSON.stringify(cut(`${family} ${sub}`));
    return new UsageError(`Unknown command ${typed}${meant(near === undefined ? near : `"${family} ${near}"`)}`);
  }
  const extra = /Extraneous positional argument \("([^"]*)"\)/.exec(message)?.[1];
  const usage = withValues(/^\$ (.*)$/m.exec(message)?.[1] ?? `quater ${family}`);
  if (extra !== undefined) return new UsageError(`Unexpected argument ${JSON.stringify(cut(extra))}. Write ${usage}`);
  return new UsageError(`An argument is missing. Write ${usage}`);
};

/** Replaces the numbers that clipanion gives to the values of flags, as in `--http #0`. */
const withValues = (usage: string): string => usage.replaceAll(/ #\d+/g, " <value>");

const meant = (near: string | undefined): string =>
  near === undefined ? "; --help lists the commands and flags" : `; did you mean ${near}?`;

/** Returns the descriptions of the commands of a family. */
export const familyHelp = (commands: readonly ProgramCommandClass[]): readonly CommandHelp[] => {
  const cli = new Cli<FamilyContext>({ binaryName: "quater", enableColors: false });
  for (const command of commands) cli.register(command);
  return cli.definitions().map(({ path, usage, description = "", details, options, examples = [] }) => ({
    path: path.split(" ").slice(1),
    usage: withValues(usage).replace(/^quater /, ""),
    description: description.trim(),
    details: details?.trim(),
    flags: options.flatMap(({ definition, description: about }) =>
      about === undefined
        ? []
        : [
            {
              flag: /--[\w-]+/.exec(definition)?.[0] ?? definition,
              spelled: withValues(definition),
              about: about.trim(),
              takesValue: definition.includes("#"),
            },
          ],
    ),
    examples: examples.map(([what, line]) => [what.trim().replace(/:$/, ""), line.trim()] as const),
    ...wordsOf(commands.find(({ paths = [] }) => paths.some((words) => `quater ${words.join(" ")}` === path))),
  }));
};

const wordsOf = (command: ProgramCommandClass | undefined): Pick<CommandHelp, "words"> => {
  const { completes } = Object(command) as { readonly completes?: NonNullable<CommandHelp["words"]> };
  return completes === undefined ? {} : { words: completes };
};
