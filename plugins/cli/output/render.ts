// Formats values as JSON, and texts in columns. For a terminal, this file escapes control and format characters (threat T22). The
// file `tables.ts` formats results for people.

import { visible } from "../../../core/diagnostics/text.ts";
import type { Context } from "../program/context.ts";
import type { Paint } from "./terminal.ts";

/**
 * Matches the control characters above ASCII, and the characters that change the direction of text. JSON does not escape these
 * characters, but a terminal that shows the output of a pipe interprets them.
 */
const interpreted = /[\u007f-\u009f\u061c\u200e\u200f\u2028-\u202e\u2066-\u2069]/g;

const unitEscape = (unit: string): string => `\\u${unit.charCodeAt(0).toString(16).padStart(4, "0")}`;

/** Returns a value as one line of JSON, for pipes and streams. */
export const jsonLine = (value: unknown): string => `${JSON.stringify(value ?? null).replace(interpreted, unitEscape)}\n`;

/**
 * Returns a value as indented JSON for a terminal. Characters that a terminal could interpret are escaped, for example as
 * `\u001b`, so the text is still JSON.
 */
export const jsonPretty = (value: unknown): string => `${jsonVisible(JSON.stringify(value ?? null, null, 2))}\n`;

export const jsonVisible = (text: string): string =>
  text.replaceAll(/[^\n\u0020-\u007e]/gu, (character) =>
    visible(character) === character ? character : character.split("").map(unitEscape).join(""),
  );

/** Returns a result as JSON. The JSON is indented on a terminal, and otherwise on one line. */
export const resultText = (value: unknown, { terminal }: Pick<Context, "terminal">): string =>
  terminal.isTerminal ? jsonPretty(value) : jsonLine(value);

/** Returns an item of a stream as one line for a terminal. */
export const renderItem = (item: unknown): string =>
  typeof item === "string" ? `${visible(item)}\n` : `${jsonVisible(JSON.stringify(item ?? null))}\n`;

/** Returns texts in two columns. The first column is as wide as its longest text. The given texts must be safe to print. */
export const aligned = (
  rows: readonly (readonly [string, string])[],
  indent = "  ",
  paintFirst: (text: string) => string = (text) => text,
): string => {
  const width = Math.max(0, ...rows.map(([first]) => first.length));
  return rows
    .map(([first, second]) => `${indent}${paintFirst(first)}${" ".repeat(width - first.length)}  ${second}`.trimEnd())
    .map((line) => `${line}\n`)
    .join("");
};

/** Returns a table with headings. The given texts must be safe to print. */
export const table = (headings: readonly string[], rows: readonly (readonly string[])[], paint: Paint): string => {
  const widths = headings.map((heading, column) => Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return `${[paint("bold", line(headings)), ...rows.map(line)].join("\n")}\n`;
};
