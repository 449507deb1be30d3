// Formats results for people: a list of objects as a table, and an object as names and values. A table fits the width of the
// terminal. The program loads this file only for results on a terminal.

import { visible, visibleLines } from "../../../core/diagnostics/text.ts";
import { jsonPretty, jsonVisible } from "./render.ts";
import type { Paint } from "./terminal.ts";
import { cutTo, padded, widthOf } from "./width.ts";

type Row = Readonly<Record<string, unknown>>;

const isRow = (value: unknown): value is Row => value !== null && typeof value === "object" && !Array.isArray(value);
const isScalar = (value: unknown): boolean => value === null || typeof value !== "object";

/** Returns a result as text for a person. @param columns  The width of the terminal, in columns. */
export const renderValue = (value: unknown, columns: number, paint: Paint): string => {
  if (typeof value === "string") return `${visibleLines(value)}\n`;
  if (Array.isArray(value)) return renderList(value, columns, paint);
  return isRow(value) && Object.keys(value).length > 0 ? renderRow(value, columns, paint) : jsonPretty(value);
};

const renderList = (list: readonly unknown[], columns: number, paint: Paint): string => {
  if (list.length === 0) return "none\n";
  if (list.every((item) => typeof item === "string")) return `${list.map(visible).join("\n")}\n`;
  if (!list.every(isRow)) return jsonPretty(list);
  const names = [...new Set(list.flatMap((item) => Object.keys(item)))];
  if (names.length === 0) return jsonPretty(list);
  const rows = list.map((item) => names.map((name) => cell(item[name])));
  const widths = fitting(
    names.map((name, column) => Math.max(widthOf(visible(name)), ...rows.map((row) => widthOf(row[column] ?? "")))),
    columns,
  );
  if (widths === undefined) return list.map((item) => renderRow(item, columns, paint)).join("\n");
  const line = (cells: readonly string[]) =>
    cells
      .map((text, column) => padded(cutTo(text, widths[column] ?? 0), widths[column] ?? 0))
      .join(gap)
      .trimEnd();
  return `${[paint("bold", line(names.map(visible))), ...rows.map(line)].join("\n")}\n`;
};

const gap = "  ";
/** The smallest width of a column with cut cells. In a narrower column, people could not tell cells apart. */
const narrowest = 8;

/**
 * Makes the widest columns of a table narrower until the table fits the terminal.
 *
 * @returns `undefined` if a column of the table would become too narrow.
 */
const fitting = (widths: readonly number[], columns: number): readonly number[] | undefined => {
  const room = columns - gap.length * (widths.length - 1);
  const sum = (most: number) => widths.reduce((all, width) => all + Math.min(width, most), 0);
  let most = Math.max(...widths);
  while (most > narrowest && sum(most) > room) most--;
  return sum(most) > room ? undefined : widths.map((width) => Math.min(width, most));
};

/** Returns one line for each value of an object. Dots join the names of nested objects. Lists of objects become tables. */
const renderRow = (value: Row, columns: number, paint: Paint): string => {
  const lines = linesOf(value);
  const width = Math.max(0, ...lines.filter(({ list }) => list === undefined).map(({ name }) => widthOf(name)));
  return lines
    .map(({ name, text = "", list }) =>
      list === undefined
        ? `${paint("dim", padded(name, width))}${gap}${text}`.trimEnd()
        : `${paint("dim", name)}\n${indented(renderList(list, columns - gap.length, paint))}`,
    )
    .map((line) => `${line}\n`)
    .join("");
};

const indented = (text: string): string => text.trimEnd().replaceAll(/^/gm, gap);

interface Line {
  readonly name: string;
  readonly text?: string;
  readonly list?: readonly unknown[];
}

const linesOf = (value: Row, before = ""): readonly Line[] =>
  Object.entries(value).flatMap(([key, item]): readonly Line[] => {
    const name = `${before}${visible(key)}`;
    if (isRow(item) && Object.keys(item).length > 0) return linesOf(item, `${name}.`);
    if (Array.isArray(item) && item.length > 0 && item.every(isRow)) return [{ name, list: item }];
    return [{ name, text: cell(item) }];
  });

/** Returns a value on one line, for a cell of a table. */
const cell = (value: unknown): string => {
  if (value === undefined || value === null) return "-";
  if (Array.isArray(value) && value.every(isScalar)) return value.length === 0 ? "-" : value.map(cell).join(", ");
  return typeof value === "object" ? jsonVisible(JSON.stringify(value)) : visible(String(value));
};
