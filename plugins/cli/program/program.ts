// Runs the `quater` program from a command line to an exit code. Streams, environment and folder are parameters, so that tests
// can run the program in the process of the test.

import { cut, nearest } from "../../../core/diagnostics/text.ts";
import { exit, exitOfSignal, UsageError } from "../output/exit.ts";
import { type Streams, Terminal } from "../output/terminal.ts";
import { builtins } from "./builtins.ts";
import type { Context, Env } from "./context.ts";
import { type Globals, readGlobals } from "./globals.ts";

export interface ProgramOptions extends Streams {
  /** The words of the command line, without `node` and the script. */
  readonly argv: readonly string[];
  readonly env: Env;
  readonly cwd: string;
  /**
   * Aborts when a process signal asks the process to end. The abort reason is the name of the process signal, such as SIGTERM.
   */
  readonly interrupt?: AbortSignal;
  /** See `Context.idle`. */
  readonly idle?: AbortSignal;
  /** The program calls this function when it writes uncaught errors in another form than plain text. */
  readonly sayFailuresAs?: Context["sayFailuresAs"];
}

/** Runs the program. Never throws. @returns The exit code of the program. */
export const runProgram = async (options: ProgramOptions): Promise<number> => {
  const terminal = new Terminal(options, options.env);
  let isJsonAsked = false;
  let code: number;
  try {
    const globals = readGlobals(options.argv);
    isJsonAsked = globals.json === true;
    const { interrupt = new AbortController().signal, idle = new AbortController().signal } = options;
    let isHeeded = false;
    const context: Context = {
      env: options.env,
      cwd: options.cwd,
      terminal,
      isJson: globals.json ?? !terminal.isTerminal,
      isJsonAsked,
      isHelp: globals.isHelp,
      config: globals.config ?? (options.env["QUATER_CONFIG"] || undefined),
      remote: globals.remote,
      heedInterrupt: () => {
        isHeeded = true;
        return interrupt;
      },
      idle,
      sayFailuresAs: (line) => options.sayFailuresAs?.(line),
    };
    const left = new Promise<number>((resolve) => {
      const leave = () => isHeeded || resolve(exitOfSignal(interrupt.reason));
      if (interrupt.aborted) leave();
      interrupt.addEventListener("abort", leave, { once: true });
    });
    code = await Promise.race([dispatch(context, globals), left]);
  } catch (error) {
    const { reportFailure } = await import("../output/report.ts");
    code = reportFailure(error, terminal, isJsonAsked);
  }
  await terminal.end();
  return terminal.exitCode ?? code;
};

const dispatch = async (context: Context, { isVersion, rest }: Globals): Promise<number> => {
  const [word] = rest;
  if (isVersion || word === undefined || word === "help") {
    const { overview, version } = await import("./overview.ts");
    if (isVersion) await context.terminal.write(`${version()}\n`);
    else if (word === undefined && !context.isHelp) {
      context.terminal.say(overview(context.terminal.paintError));
      return exit.usage;
    } else await context.terminal.write(overview(context.terminal.paint));
    return exit.ok;
  }
  if (word.startsWith("-")) {
    const near = nearest(word, ["--config", "--json", "--help", "--version"]);
    throw new UsageError(`Unknown flag ${cut(word)}${near === undefined ? "" : `; did you mean ${near}?`}`);
  }
  if (context.remote !== undefined) {
    const { remoteReading } = await import("../remote/commands.ts");
    const reading = remoteReading(rest);
    if (reading !== undefined) return reading(context, rest);
  }
  const builtin = builtins.find((candidate) => candidate.word === word);
  if (builtin === undefined) {
    const [{ runPluginCommand }, { pluginGroups }] = await Promise.all([
      import("./plugin-command.ts"),
      import("./plugin-groups.ts"),
    ]);
    const words = [...builtins, ...pluginGroups].map((known) => known.word);
    return runPluginCommand(context, rest, unknownCommand(word, words));
  }
  const { run, help, hasOwnHelp } = await builtin.load();
  if (!context.isHelp || hasOwnHelp?.(rest) === true) return run(context, rest);
  const { helpsFor, helpText } = await import("./command-help.ts");
  await context.terminal.write(helpText(helpsFor(await help(), rest), context.terminal.paint));
  return exit.ok;
};

/** Returns the error for a command that neither the program nor a plugin has. */
const unknownCommand =
  (word: string, words: readonly string[]) =>
  (why?: string): UsageError => {
    const near = nearest(word, words);
    const advice = near === undefined ? (why ?? "quater --help lists all commands") : `did you mean "${near}"?`;
    return new UsageError(`Unknown command ${JSON.stringify(cut(word))}; ${advice}`);
  };
