// What the gate suite found: one row per handler, surface and case; the same as a matrix for eyes, and every hole as a
// sentence.

import { visible } from "../../core/diagnostics/text.ts";

export interface GateRow {
  /** Or a key file of the project, which has no surface. */
  readonly handler: string;
  /** Empty for a file. */
  readonly surface: string;
  readonly case: string;
  /** `ran`, or the codes that would have been right, joined by " or ". */
  readonly expected: string;
  /** `ran`, a code, or `not tried`. */
  readonly got: string;
  readonly ok: boolean;
  /** What is wrong, in a sentence; none where nothing is. */
  readonly hole?: string;
}

export interface GateReport {
  readonly rows: readonly GateRow[];
  /** Every case that applies was tried and came out right. */
  readonly isGreen: boolean;
  /** What is wrong, in sentences. */
  readonly holes: readonly string[];
  /** The matrix and the holes, as text. */
  print(): string;
}

/** @param order  The names of the cases, as the matrix has them. */
export const reportOf = (rows: readonly GateRow[], order: readonly string[]): GateReport => {
  const holes = rows.flatMap(({ hole }) => hole ?? []);
  // Nothing tried is nothing proved.
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
      ? "Nothing is exposed, so nothing was tried."
      : wrong === 0
        ? `${rows.length} cases, every one as it should be.`
        : `${rows.length} cases, ${wrong} not as they should be:`;
  return [
    ...headings,
    "",
    `${"".padEnd(width)}  ${numbers}`,
    ...lines,
    "",
    "✓ as it should be   ✗ not   · does not apply",
    "",
    verdict,
    ...holes.map((hole) => `  ${visible(hole)}`),
    "",
  ].join("\n");
};

const placeOf = ({ handler, surface }: GateRow): string => (surface === "" ? handler : `${handler} over ${surface}`);
