// The type of the function that runs a built-in command, and the type of a loaded command with its descriptions.

import type { Awaitable } from "../../../core/plugin-api.ts";
import type { CommandHelp } from "./command-help.ts";
import type { Context } from "./context.ts";

/** Runs a built-in command. The array `words` begins with the name of the command. */
export type Runner = (context: Context, words: readonly string[]) => Promise<number>;

export interface LoadedCommand {
  readonly run: Runner;
  /** Returns the descriptions of all commands that begin with the first word of the loaded command. */
  readonly help: () => Awaitable<readonly CommandHelp[]>;
  /** Whether `run` itself prints the help for the typed words. Default: never. */
  readonly hasOwnHelp?: (words: readonly string[]) => boolean;
}
