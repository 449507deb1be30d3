// Makes text from outside safe to show.

// Control and format characters, private use, unassigned, lone surrogates, separators (threat T22).
const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;

const escaped = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

/** Returns printable text. Characters that a terminal or a log could act on, line breaks too, become `\u{1b}` and the like. */
export const visible = (text: string): string => text.replace(invisible, escaped);

/** As `visible`, for text of several lines: line breaks and tabs stay. */
export const visibleLines = (text: string): string =>
  text.replace(invisible, (character) => (character === "\n" || character === "\t" ? character : escaped(character)));

/** Marks the place where a text was cut. */
const mark = "...";

/**
 * Cuts a text that somebody sent to `most` UTF-16 units, the mark `...` included. Every sentence, header, log line and
 * event that repeats input passes the input through here, so that a long request never makes a long answer.
 */
export const cut = (text: string, most = 120): string => {
  if (text.length <= most) return text;
  const end = most - mark.length;
  // Half of a surrogate pair has no UTF-8.
  const isPair = /[\uD800-\uDBFF]/.test(text.charAt(end - 1));
  return `${text.slice(0, isPair ? end - 1 : end)}${mark}`;
};

/** Returns the candidate nearest to `word`, for "did you mean". At most a third of the word may differ. */
export const nearest = (word: string, candidates: Iterable<string>): string | undefined => {
  let best: string | undefined;
  let bestDistance = Math.max(1, Math.floor(word.length / 3)) + 1;
  for (const candidate of candidates) {
    if (Math.abs(candidate.length - word.length) >= bestDistance) continue;
    const distance = editDistance(word.toLowerCase(), candidate.toLowerCase());
    const sharesNothing = distance >= Math.max(word.length, candidate.length);
    if (distance < bestDistance && !sharesNothing) [best, bestDistance] = [candidate, distance];
  }
  return best;
};

/** Counts insertions, deletions, substitutions and swaps of two neighbours. A swap is the most common slip, so it counts as one. */
const editDistance = (a: string, b: string): number => {
  let twoAbove: number[] = [];
  let above = Array.from({ length: b.length + 1 }, (_, column) => column);
  for (let row = 1; row <= a.length; row++) {
    const current = [row];
    for (let column = 1; column <= b.length; column++) {
      const substitution = (above[column - 1] ?? 0) + (a[row - 1] === b[column - 1] ? 0 : 1);
      const isSwap = row > 1 && column > 1 && a[row - 1] === b[column - 2] && a[row - 2] === b[column - 1];
      const swap = isSwap ? (twoAbove[column - 2] ?? 0) + 1 : substitution;
      current.push(Math.min(substitution, swap, (above[column] ?? 0) + 1, (current[column - 1] ?? 0) + 1));
    }
    [twoAbove, above] = [above, current];
  }
  return above[b.length] ?? 0;
};

/** Returns one form for names that differ in case style: the terminal accepts `refundOrder` and `refund-order`. */
export const sameCase = (name: string): string => name.replaceAll(/[-_]/g, "").toLowerCase();

const instantForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

/** Whether this is an ISO 8601 date and time with its zone, such as `2026-11-26T21:00:00Z`. */
export const isInstant = (value: unknown): value is string =>
  typeof value === "string" && instantForm.test(value) && !Number.isNaN(Date.parse(value));
