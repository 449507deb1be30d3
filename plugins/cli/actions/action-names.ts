// Compares the names of actions that people type, and makes the words that call an action.

import { cut, nearest, sameCase } from "../../../core/diagnostics/text.ts";
import { UsageError } from "../output/exit.ts";

export const sameName = (a: string, b: string): boolean => sameCase(a) === sameCase(b);

export const unknownAction = (typed: string, names: readonly string[]): UsageError => {
  const near = nearest(typed, names);
  const advice = near === undefined ? ". The command quater actions lists all actions" : `; did you mean "${near}"?`;
  return new UsageError(`No action named ${JSON.stringify(cut(typed))}${advice}`, "unknown_handler");
};

/** Returns the words after `quater run` that call an action, such as `refundOrder` or `--remote prod refundOrder`. */
export const calledName = (name: string, remote: string | undefined): string =>
  remote === undefined ? name : `--remote ${remote} ${name}`;
