// Makes texts safe to show to approvers. Characters that could hide, reorder or imitate text are escaped, and unusual texts get
// warnings. The original text can be computed from the shown text, so two different texts never look the same. All texts of a
// request pass through this file before the approvals page or the terminal shows them.

import { createHash } from "node:crypto";
import { hasHalves, hasUnseen } from "./unseen.ts";
import { warningsOf } from "./warnings.ts";

/**
 * How much of a request to show. `row`: the first values, for a list of requests. `short`: long texts are shortened. `full`:
 * complete texts. A request with long texts can be approved only on the full view.
 */
export type View = "row" | "short" | "full";

export interface ShownText {
  /**
   * The printable text on one line. A backslash always begins an escape (`\u{200b}`, `\\`). `\…` replaces the middle of a
   * shortened text.
   */
  readonly text: string;
  /** Warnings about the text: `has characters that cannot be seen`. */
  readonly warnings: readonly string[];
  readonly isCut: boolean;
  /** The length of the original text, in code points. */
  readonly length: number;
  /** The SHA-256 of the original text in UTF-8, 64 hexadecimal digits, as `sha256sum` prints it. */
  readonly sha256: string;
}

/**
 * `longest` is the longest text that a view shows completely. Of a longer text, the view shows the first `head` and the last
 * `tail` code points of the original.
 */
const limits: Readonly<Record<View, { readonly longest: number; readonly head: number; readonly tail: number }>> = {
  row: { longest: 48, head: 32, tail: 12 },
  short: { longest: 400, head: 200, tail: 100 },
  full: { longest: Number.POSITIVE_INFINITY, head: 0, tail: 0 },
};

export const safeText = (text: string, view: View = "short"): ShownText => {
  const characters = [...text];
  const { longest, head, tail } = limits[view];
  const isCut = characters.length > longest;
  return {
    text: isCut ? `${rendered(characters.slice(0, head))}\\…${rendered(characters.slice(-tail))}` : rendered(characters),
    warnings: warningsOf(text),
    isCut,
    length: characters.length,
    // Half of a surrogate pair has no UTF-8, so all such texts would have the same digest. Compute the digest of the escaped text
    // instead. The escaped text is longer than the original, so no other text has both this length and this digest.
    sha256: createHash("sha256")
      .update(hasHalves(text) ? rendered(characters) : text)
      .digest("hex"),
  };
};

const mark = /^\p{M}$/u;
/** The most combining marks on one letter that are shown. No language has letters with more marks. */
const mostMarks = 3;

const rendered = (characters: readonly string[]): string => {
  let text = "";
  // Escape a mark at the beginning, because it would combine with the character before the text.
  let marks = mostMarks;
  let isAfterSpace = true;
  for (const [index, character] of characters.entries()) {
    if (character === "\\") text += "\\\\";
    else if (hasUnseen(character)) text += escaped(character);
    // Escape a space at the end and after another space: people cannot see such a space, and many spaces could move the following
    // text to a new line.
    else if (character === " " && (isAfterSpace || index === characters.length - 1)) text += escaped(character);
    else if (mark.test(character) && marks >= mostMarks) text += escaped(character);
    else {
      marks = mark.test(character) ? marks + 1 : 0;
      isAfterSpace = character === " ";
      text += character;
      continue;
    }
    marks = mostMarks;
    isAfterSpace = character === " ";
  }
  return text;
};

const escaped = (character: string): string => `\\u{${(character.codePointAt(0) ?? 0).toString(16)}}`;
