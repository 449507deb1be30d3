// The type of the function that runs a built-in command.

import type { Context } from "./context.ts";

/** Runs a built-in command. `words` begins with the name of the command. */
export type Runner = (context: Context, words: readonly string[]) => Promise<number>;
