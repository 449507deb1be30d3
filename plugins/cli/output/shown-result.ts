// Chooses the format of a result.

import type { Results } from "../program/context.ts";
import { resultText } from "./render.ts";

/** Returns the text of a result: JSON, or text for a person. The code of tables is loaded only for people. */
export const shownResult = async (value: unknown, { isJson, terminal }: Results): Promise<string> =>
  isJson ? resultText(value, { terminal }) : (await import("./tables.ts")).renderValue(value, terminal.columns, terminal.paint);
