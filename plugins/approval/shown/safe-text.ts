// Makes texts safe to show to approvers. safe-text.ts escapes characters that could hide, reorder or imitate text, and adds
// warnings to unusual texts. The original text can be computed from the shown text, so two different texts never look the same.
// All texts of an approval request pass through this file before the approvals page or the terminal shows the texts.

import { createHash } from "node:crypto";
import { hasHalves, hasUnseen } from "./unseen.ts";
import { warningsOf } from "./warnings.ts";

/**
 * How much of an approval request a view shows. `row` shows the first values, for a list of approval requests. `short` shortens
 * long texts. `full` shows complete texts. An approver can approve a request with long texts only on the full view.
 */
export type View = "row" | "short" | "full";

export interface ShownText {
  /**
   * The printable text on one line. A backslash always begins an escape (`\u{200b}`, `\\`). `\…` replaces the middle of a
   * shortened text.
   */
  readonly text: string;
  /** Warnings about the original text: `has characters that cannot be seen`. */
  readonly warnings: readonly string[];
  readonly isCut: boolean;
  /** The length of the original text, in code points. */
  readonly length: number;
  /** The SHA-256 of the original text in UTF-8, 64 hexadecimal digits, as `sha256sum` prints it. */
  readonly sha256: string;
}

/**
 * The limits of texts in each view, in code points. `longest` is the length of the longest text that the view shows completely.
 * Of a longer text, the view shows the first `head` and the last `tail` code points.
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
    // Half of a surrogate pair has no UTF-8 form, so all texts with such a half would have the same digest. Quater therefore
    // computes the digest of the escaped text. The escaped text is longer than the original text, so no other text has both the
    // same length and the same digest.
    sha256: createHash("sha256")
      .update(hasHalves(text) ? rendered(characters) : text)
      .digest("hex"),
  };
};

const mark = /^\p{M}$/u;
/** The most combining marks on one letter that a view shows without escapes. No language has letters with more marks. */
const mostMarks = 3;

const rendered = (characters: readonly string[]): string => {
  let text = "";
  // Escape a combining mark at the beginning of the text, because this mark would combine with the character before the text.
  let marks = mostMarks;
  let isAfterSpace = true;
  for (const [index, character] of characters.entries()) {
    if (character === "\\") text += "\\\\";
    else if (hasUnseen(character)) text += escaped(character);
    // Escape a space at the end of the text, and a space after another space. People cannot see these spaces, and many spaces
    // could move the following text to a new line.
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
