// Formats values for people and for pipes. On a terminal, control and format characters are escaped (threat T22).

import { visible, visibleLines } from "../../../core/diagnostics/text.ts";
import type { Context } from "../program/context.ts";
import type { Paint } from "./terminal.ts";

/** Returns one line of JSON, for pipes and streams. */
export const jsonLine = (value: unknown): string => `${JSON.stringify(value ?? null)}\n`;

/**
 * Returns indented JSON for a terminal. Characters that a terminal could interpret are escaped, for example as `\u001b`, so the
 * text is still JSON.
 */
export const jsonPretty = (value: unknown): string => `${jsonVisible(JSON.stringify(value ?? null, null, 2))}\n`;

const jsonVisible = (text: string): string =>
  text.replaceAll(/[^\n\u0020-\u007e]/gu, (character) =>
    visible(character) === character
      ? character
      : [...Array(character.length).keys()]
          .map((unit) => `\\u${character.charCodeAt(unit).toString(16).padStart(4, "0")}`)
          .join(""),
  );

/** Returns the text of a result: for a person, for a person who wants JSON, or for a pipe. */
export const resultText = (value: unknown, { isJson, terminal }: Pick<Context, "isJson" | "terminal">): string => {
  if (!isJson) return renderValue(value, terminal.columns, terminal.paint);
  return terminal.isTerminal ? jsonPretty(value) : jsonLine(value);
};

type Scalar = string | number | boolean | null;
/** A value that fits into a cell of a table: a scalar, or a list of scalars. */
type Cell = Scalar | readonly Scalar[];
type Flat = Readonly<Record<string, Cell>>;

const isScalar = (value: unknown): value is Scalar => value === null || typeof value !== "object";
const isCell = (value: unknown): value is Cell => isScalar(value) || (Array.isArray(value) && value.every(isScalar));
const isFlat = (value: unknown): value is Flat =>
  value !== null && typeof value === "object" && !Array.isArray(value) && Object.values(value).every(isCell);

const cell = (value: Cell | undefined): string => {
  if (Array.isArray(value)) return value.length === 0 ? "-" : value.map(cell).join(", ");
  return value === undefined || value === null ? "-" : visible(String(value));
};

/**
 * Returns a result for a person: a table for a list of flat objects, lines for a flat object, and indented JSON for other values.
 */
export const renderValue = (value: unknown, columns: number, paint: Paint): string => {
  if (typeof value === "string") return `${visibleLines(value)}\n`;
  if (Array.isArray(value)) return renderList(value, columns, paint);
  return isFlat(value) && Object.keys(value).length > 0 ? renderFlat(value, paint) : jsonPretty(value);
};

const renderList = (list: readonly unknown[], columns: number, paint: Paint): string => {
  if (list.length === 0) return "none\n";
  if (list.every((item) => typeof item === "string")) return `${list.map(visible).join("\n")}\n`;
  if (!list.every(isFlat)) return jsonPretty(list);
  const names = [...new Set(list.flatMap((item) => Object.keys(item)))];
  if (names.length === 0) return jsonPretty(list);
  const rows = list.map((item) => names.map((name) => cell(item[name])));
  const text = table(names.map(visible), rows, paint);
  const isTooWide = text.split("\n").some((line) => line.length > columns + 8 * Number(line.includes("\u001b")));
  return isTooWide ? list.map((item) => renderFlat(item, paint)).join("\n") : text;
};

const renderFlat = (value: Flat, paint: Paint): string =>
  aligned(
    Object.entries(value).map(([name, item]) => [visible(name), cell(item)]),
    "",
    (name) => paint("dim", name),
  );

/** Returns one line for an item of a stream on a terminal. */
export const renderItem = (item: unknown): string =>
  typeof item === "string" ? `${visible(item)}\n` : `${jsonVisible(JSON.stringify(item ?? null))}\n`;

/** Returns two columns, the first as wide as its longest text. The texts must be safe to print. */
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

/** Returns columns under headings. The texts must be safe to print. */
export const table = (headings: readonly string[], rows: readonly (readonly string[])[], paint: Paint): string => {
  const widths = headings.map((heading, column) => Math.max(heading.length, ...rows.map((row) => row[column]?.length ?? 0)));
  const line = (cells: readonly string[]) =>
    cells
      .map((text, column) => text.padEnd(widths[column] ?? 0))
      .join("  ")
      .trimEnd();
  return `${[paint("bold", line(headings)), ...rows.map(line)].join("\n")}\n`;
};
