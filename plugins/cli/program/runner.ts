// The type of the function that runs a built-in command, and of a loaded command with its description.

import type { Awaitable } from "../../../core/plugin-api.ts";
import type { CommandHelp } from "./command-help.ts";
import type { Context } from "./context.ts";

/** Runs a built-in command. `words` begins with the name of the command. */
export type Runner = (context: Context, words: readonly string[]) => Promise<number>;

export interface LoadedCommand {
  readonly run: Runner;
  /** The descriptions of all commands that begin with the word. */
  readonly help: () => Awaitable<readonly CommandHelp[]>;
  /** Whether `run` itself prints the help for these words. Default: never. */
  readonly hasOwnHelp?: (words: readonly string[]) => boolean;
}
