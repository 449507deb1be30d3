// Makes text from callers and other programs safe to print on a terminal and in a log.

// Matches invisible characters: control and format characters, private use, unassigned, lone surrogates, line and paragraph
// separators (threat T22).
const invisible = /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}]/gu;

const escaped = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;

/**
 * Returns printable text. Characters that could control a terminal or a log become escapes such as `\u{1b}`. `visible` also
 * escapes line breaks.
 */
export const visible = (text: string): string => text.replace(invisible, escaped);

/** Returns printable text of several lines. `visibleLines` works like `visible`, but does not escape line breaks and tabs. */
export const visibleLines = (text: string): string =>
  text.replace(invisible, (character) => (character === "\n" || character === "\t" ? character : escaped(character)));

/** The mark at the end of a text that `cut` has shortened. */
const mark = "...";

/**
 * Cuts a text from a caller to `most` UTF-16 units, including the mark `...`. All code that repeats input in a sentence, header,
 * log line or event cuts the input with `cut`, so that a long request never makes a long answer.
 */
export const cut = (text: string, most = 120): string => {
  if (text.length <= most) return text;
  const end = most - mark.length;
  // Do not cut between the two halves of a surrogate pair, because a single half has no UTF-8.
  const isPair = /[\uD800-\uDBFF]/.test(text.charAt(end - 1));
  return `${text.slice(0, isPair ? end - 1 : end)}${mark}`;
};

/** Returns the candidate nearest to `word`, for "did you mean". Returns `undefined` if more than a third of `word` differs. */
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

/**
 * Counts the insertions, deletions, substitutions and swaps of neighbours between two words. A swap is the most common typing
 * mistake, so one swap counts as one change.
 */
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

/** Returns one form for names that differ only in case style. The terminal accepts both `refundOrder` and `refund-order`. */
export const sameCase = (name: string): string => name.replaceAll(/[-_]/g, "").toLowerCase();

const instantForm = /^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d{1,9})?(?:Z|[+-]\d\d:\d\d)$/;

/** Whether the value is an ISO 8601 date and time with a time zone, such as `2026-11-26T21:00:00Z`. */
export const isInstant = (value: unknown): value is string =>
  typeof value === "string" && instantForm.test(value) && !Number.isNaN(Date.parse(value));
