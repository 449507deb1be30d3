// A built-in command at work.

import type { Context } from "./context.ts";

/** How a built-in command is run. `words` begins with the command's own word. */
export type Runner = (context: Context, words: readonly string[]) => Promise<number>;
