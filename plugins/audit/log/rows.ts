// Reads the rows of events that Quater then verifies or prints. An attacker may have written any bytes into the database: a
// separator inside a cell, or a blob instead of text. Each row that this file returns has exactly the cells of the table
// `audit_event`, or the reason why a cell is malformed.

import { isUtf8 } from "node:buffer";
import type { Query, Reading, Statement } from "../../store/service.ts";
import type { EventRow } from "./event.ts";

/** The row of an event that Quater has not verified yet. */
export interface ReadRow extends EventRow {
  /** The reason why a cell of the row is malformed, as the end of a sentence: "holds a blob as meta". */
  readonly malformed?: string;
  /** The stored hash of the event before this event, if the query of the page selects `previous`. */
  readonly previous?: string | null;
}

/** A store, or a transaction on a store, from which Quater reads rows of events. */
export interface RowSource {
  readonly dialect: Reading["dialect"];
  readonly read: <Row>(query: Query) => Promise<readonly Row[]>;
}

/** A page of events: a Kysely query that selects the columns of `audit_event`, and optionally `previous`. */
export interface Page {
  compile(): { readonly sql: string; readonly parameters: readonly unknown[] };
}

const names = ["seq", "at", "type", "call_id", "meta", "body", "salt", "body_hash", "hash", "previous"] as const;
type Name = (typeof names)[number];
const numbers: ReadonlySet<Name> = new Set(["seq", "at"]);
const optional: ReadonlySet<Name> = new Set(["body", "salt", "previous"]);

/**
 * The separators between the cells and between the rows in the text of a page: control characters, which JSON text never contains
 * unescaped.
 */
const [cell, line] = ["\u001f", "\u001e"] as const;

/**
 * Reads a page of events as one text, because the database driver takes ten times as long to make an object of every row. The
 * text of the page can be split in only one way. Each row adds eight or nine separators of cells and one separator of rows. So if
 * the total numbers of separators are exact, no cell contains a separator. If the totals are not exact, Quater reads the page
 * again cell by cell.
 *
 * @returns The rows in ascending order of the event numbers.
 * @throws {StoreFailure}
 */
export const readRows = async (store: RowSource, page: Page, hasPrevious = false): Promise<readonly ReadRow[]> => {
  const columns = hasPrevious ? names : names.slice(0, -1);
  const { sql, parameters } = page.compile();
  const from = (selected: string): Statement => ({ sql: `select ${selected} from (${sql}) as page`, parameters });
  const [found] = await store.read<{ n: number; typed: number; rows: string | ArrayBuffer | null }>({
    ...from(asText(store, columns)),
    isTextless: true,
  });
  if (found === undefined || found.n === 0) return [];
  const text = found.typed === found.n ? textIn(found.rows) : undefined;
  const rows = text === undefined ? undefined : rowsIn(text, columns, found.n);
  return inOrder(rows ?? (await cellByCell(store, from, columns)));
};

const asText = ({ dialect }: RowSource, columns: readonly Name[]): string => {
  const cells = columns.map((name) =>
    numbers.has(name) ? name : optional.has(name) ? `coalesce('=' || ${name}, '-')` : `'=' || ${name}`,
  );
  const text = `string_agg(concat_ws('${cell}', ${cells.join(", ")}), '${line}')`;
  if (dialect === "postgres") return `count(*) as n, count(*) as typed, ${text} as rows`;
  // Columns in SQLite can have any type, and texts can have any bytes. The SQL casts the text to a blob, because the store would
  // read the text as JSON, which takes twice as long.
  return `count(*) as n, count(*) filter (where ${typed(columns)}) as typed, cast(${text} as blob) as rows`;
};

const textIn = (rows: string | ArrayBuffer | null): string | undefined => {
  if (rows === null || typeof rows === "string") return rows ?? "";
  const bytes = Buffer.from(rows);
  return isUtf8(bytes) ? bytes.toString("utf8") : undefined;
};

const typed = (columns: readonly Name[]): string =>
  columns
    .map((name) => {
      if (optional.has(name)) return `typeof(${name}) in ('text', 'null')`;
      return `typeof(${name}) = '${numbers.has(name) ? "integer" : "text"}'`;
    })
    .join(" and ");

/**
 * Splits the text of a page into rows. @returns The rows; `undefined` when the text does not contain exactly `count` rows with
 * one cell for each column.
 */
const rowsIn = (text: string, columns: readonly Name[], count: number): readonly ReadRow[] | undefined => {
  const lines = text.split(line);
  if (lines.length !== count) return undefined;
  const rows: ReadRow[] = [];
  for (const each of lines) {
    const cells = each.split(cell);
    if (cells.length !== columns.length) return undefined;
    const [seq, at, type, call_id, meta, body, salt, body_hash, hash, previous] = cells as unknown as readonly string[] &
      readonly [string, string, string, string, string, string, string, string, string];
    const row: EventRow = {
      seq: Number(seq),
      at: Number(at),
      type: type.slice(1),
      call_id: call_id.slice(1),
      meta: meta.slice(1),
      body: body[0] === "=" ? body.slice(1) : null,
      salt: salt[0] === "=" ? salt.slice(1) : null,
      body_hash: body_hash.slice(1),
      hash: hash.slice(1),
    };
    rows.push(previous === undefined ? row : { ...row, previous: previous[0] === "=" ? previous.slice(1) : null });
  }
  return rows;
};

/** Reads a page of events cell by cell, which is slow but safe for any text in the cells. */
const cellByCell = async (
  store: RowSource,
  from: (selected: string) => Query,
  columns: readonly Name[],
): Promise<readonly ReadRow[]> => {
  if (store.dialect === "postgres") return store.read<ReadRow>(from(columns.join(", ")));
  const selected = columns.map((name) => `typeof(${name}) as t_${name}, hex(cast(${name} as blob)) as h_${name}`).join(", ");
  const found = await store.read<Record<string, string>>(from(selected));
  return found.map((raw) => decoded(raw, columns));
};

const decoded = (raw: Readonly<Record<string, string>>, columns: readonly Name[]): ReadRow => {
  const row: Record<string, unknown> = {};
  const problems: string[] = [];
  for (const name of columns) {
    const type = String(raw[`t_${name}`]);
    const bytes = Buffer.from(String(raw[`h_${name}`]), "hex");
    const isExpected = optional.has(name)
      ? type === "text" || type === "null"
      : type === (numbers.has(name) ? "integer" : "text");
    if (!isExpected) problems.push(`has ${type === "integer" ? "an integer" : `a ${type}`} in the column ${name}`);
    else if (type === "text" && !isUtf8(bytes)) problems.push(`has bytes that are not UTF-8 in the column ${name}`);
    const text = bytes.toString("utf8");
    row[name] = type === "null" && optional.has(name) ? null : numbers.has(name) ? Number(text) : text;
  }
  if (problems[0] !== undefined) row["malformed"] = problems[0];
  return row as unknown as ReadRow;
};

const inOrder = (rows: readonly ReadRow[]): readonly ReadRow[] => [...rows].sort((one, other) => one.seq - other.seq);

/** Parses a line of an export into the row of an event. */
export const exportedRow = (text: string): ReadRow => {
  let cells: Readonly<Record<string, unknown>>;
  try {
    cells = Object(JSON.parse(text)) as typeof cells;
  } catch {
    cells = {};
  }
  const row: Record<string, unknown> = {};
  const wrong: Name[] = [];
  for (const name of names.slice(0, -1)) {
    const value = cells[name];
    const isExpected = typeof value === (numbers.has(name) ? "number" : "string") || (optional.has(name) && value === null);
    if (!isExpected) wrong.push(name);
    row[name] = isExpected ? value : numbers.has(name) ? Number.NaN : "";
  }
  if (wrong[0] !== undefined) row["malformed"] = `has a value of the wrong type in the column ${wrong[0]}`;
  return row as unknown as ReadRow;
};
