// The report of the gate suite: one row for each handler, surface and case. The gate suite can print the report as a matrix of
// handlers and cases, with one sentence for each hole.

import { visible } from "../../core/diagnostics/text.ts";

export interface GateRow {
  /** The name of the handler that the row describes, or the path of a key file. */
  readonly handler: string;
  /** The surface of the calls in the case. Empty if the row describes a key file. */
  readonly surface: string;
  readonly case: string;
  /** The expected result of the calls: `ran`, or the expected error codes, joined by " or ". */
  readonly expected: string;
  /** The actual result of the calls: `ran`, an error code, or `not tested`. */
  readonly got: string;
  readonly ok: boolean;
  /** The hole as a sentence. Absent when the result of the calls is right. */
  readonly hole?: string;
}

export interface GateReport {
  readonly rows: readonly GateRow[];
  /** Whether the gate suite tried all applicable cases, and all results were as expected. */
  readonly isGreen: boolean;
  /** The holes that the gate suite found, one sentence for each hole. */
  readonly holes: readonly string[];
  /** Returns the matrix of handlers and cases and the list of holes as text. */
  print(): string;
}

/** @param order  The names of the cases, in the order of their columns in the matrix. */
export const reportOf = (rows: readonly GateRow[], order: readonly string[]): GateReport => {
  const holes = rows.flatMap(({ hole }) => hole ?? []);
  // A report without any row proves nothing, so such a report is not green.
  return { rows, holes, isGreen: rows.length > 0 && rows.every(({ ok }) => ok), print: () => printed(rows, order, holes) };
};

const printed = (rows: readonly GateRow[], order: readonly string[], holes: readonly string[]): string => {
  const cases = order.filter((name) => rows.some((row) => row.case === name));
  const places = [...new Set(rows.map(placeOf))];
  const width = Math.max(0, ...places.map(({ length }) => length));
  const headings = cases.map((name, at) => `${String(at + 1).padStart(2)}  ${name}`);
  const numbers = cases.map((_, at) => String(at + 1).padStart(2)).join(" ");
  const lines = places.map((place) => {
    const cells = cases.map((name) => {
      const row = rows.find((candidate) => placeOf(candidate) === place && candidate.case === name);
      return row === undefined ? " ·" : row.ok ? " ✓" : " ✗";
    });
    return `${visible(place).padEnd(width)}  ${cells.join(" ")}`.trimEnd();
  });
  const wrong = rows.filter(({ ok }) => !ok).length;
  const verdict =
    rows.length === 0
      ? "No handler is exposed, so no case was tested."
      : wrong === 0
        ? `${rows.length} cases tested, all passed.`
        : `${rows.length} cases tested, ${wrong} failed:`;
  return [
    ...headings,
    "",
    `${"".padEnd(width)}  ${numbers}`,
    ...lines,
    "",
    "✓ passed   ✗ failed   · does not apply",
    "",
    verdict,
    ...holes.map((hole) => `  ${visible(hole)}`),
    "",
  ].join("\n");
};

const placeOf = ({ handler, surface }: GateRow): string => (surface === "" ? handler : `${handler} over ${surface}`);
