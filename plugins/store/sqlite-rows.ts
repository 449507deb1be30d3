// Reads rows of SQLite safely. A text in a SQLite file may have any bytes, and the SQLite driver aborts the whole process at a
// text that is not UTF-8. So the store reads each row as bytes, and this file checks the cells of the row.

import { isUtf8 } from "node:buffer";

/** A SQL statement that returns each row as the bytes of one JSON array. */
export interface ReadAsBytes {
  readonly sql: string;
  /**
   * Returns the row of the original SQL statement as an object, with the names of the columns as keys. @param row  One row of
   * `sql`.
   */
  readonly rowOf: (row: unknown) => Readonly<Record<string, unknown>>;
}

/**
 * Rewrites a SQL statement so that the SQLite driver reads the columns with texts as bytes.
 *
 * @param names  The names of the columns in the rows of the SQL statement.
 * @returns `undefined` for statements such as `PRAGMA`, which read only the state of the database.
 */
export const readAsBytes = (sql: string, names: readonly string[]): ReadAsBytes | undefined => {
  const rewritten = isSelect.test(sql) ? selecting(sql, names) : returning(sql);
  return rewritten === undefined
    ? undefined
    : { sql: rewritten, rowOf: (row) => rowOf((row as { row: ArrayBuffer }).row, names) };
};

const isSelect = /^\s*(?:select|with)\b/i;

const selecting = (sql: string, names: readonly string[]): string => {
  const cells = names.map((name) => {
    const cell = `q."${name.replaceAll('"', '""')}"`;
    // JSON has no blobs, so the rewritten statement returns a blob as a list with the hexadecimal text of the blob. Quater stores
    // no blobs.
    return `case typeof(${cell}) when 'blob' then json_array(hex(${cell})) else ${cell} end`;
  });
  return `select cast(json_array(${cells.join(", ")}) as blob) as row from (${sql}) as q`;
};

/**
 * Rewrites a writing SQL statement with RETURNING. The rewritten SQL statement has no subquery, because SQLite has no subqueries
 * that write.
 */
const returning = (sql: string): string | undefined => {
  const at = sql.toLowerCase().lastIndexOf(" returning ");
  if (at === -1) return undefined;
  const cells = sql.slice(at + " returning ".length);
  return `${sql.slice(0, at)} returning cast(json_array(${cells}) as blob) as row`;
};

const rowOf = (row: ArrayBuffer, names: readonly string[]): Readonly<Record<string, unknown>> => {
  const bytes = Buffer.from(row);
  const isClean = isUtf8(bytes);
  // In latin1 each byte is one character, so `cellValue` can restore the bytes of each cell.
  const json = bytes.toString(isClean ? "utf8" : "latin1");
  const cells = JSON.parse(json) as readonly unknown[];
  const mayHoldNul = json.includes("\\u0000");
  return Object.fromEntries(names.map((name, index) => [name, cellValue(cells[index], isClean, mayHoldNul)]));
};

/**
 * Returns the value of a cell. As in PostgreSQL, a text in a cell must be UTF-8 without a NUL. For any other text, this function
 * returns the bytes.
 */
const cellValue = (cell: unknown, isClean: boolean, mayHoldNul: boolean): unknown => {
  if (Array.isArray(cell)) return new Uint8Array(Buffer.from(String(cell[0]), "hex"));
  if (typeof cell !== "string") return cell;
  if (mayHoldNul && cell.includes("\0")) return new Uint8Array(Buffer.from(cell, isClean ? "utf8" : "latin1"));
  if (isClean) return cell;
  const bytes = Buffer.from(cell, "latin1");
  return isUtf8(bytes) ? bytes.toString("utf8") : new Uint8Array(bytes);
};
