// Chooses the format in which the program prints a result.

import type { Results } from "../program/context.ts";
import { resultText } from "./render.ts";

/** Returns a result as JSON, or as text for a person. The program loads the code of tables only for people. */
export const shownResult = async (value: unknown, { isJson, terminal }: Results): Promise<string> =>
  isJson ? resultText(value, { terminal }) : (await import("./tables.ts")).renderValue(value, terminal.columns, terminal.paint);
