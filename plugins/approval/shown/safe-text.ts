// Makes texts safe to show to approvers. Characters that could hide, reorder or forge something are escaped, and unusual texts get warnings.
// The original text can be computed from the shown one, so two different texts are never shown as the same. The page and the terminal show
// no text of a request that did not pass through here.

import { createHash } from "node:crypto";
import { hasHalves, hasUnseen } from "./unseen.ts";
import { warningsOf } from "./warnings.ts";

/** `short`: long texts are cut. `full`: nothing is cut. A request with long texts can be approved on the full view only. */
export type View = "short" | "full";

export interface ShownText {
  /**
   * Printable, on one line. A backslash always begins an escape (`\u{200b}`, `\\`). `\…` replaces the middle of a text that was cut.
   */
  readonly text: string;
  /** What is unusual about the text: `has characters that cannot be seen`. */
  readonly warnings: readonly string[];
  readonly isCut: boolean;
  /** The length of the original text, in code points. */
  readonly length: number;
  /** SHA-256 of the original text in UTF-8, 64 hexadecimal digits: `sha256sum` prints the same. */
  readonly sha256: string;
}

/** In code points of the original text. */
const longest = 400;
const headLength = 200;
const tailLength = 100;

export const safeText = (text: string, view: View = "short"): ShownText => {
  const characters = [...text];
  const isCut = view === "short" && characters.length > longest;
  return {
    text: isCut
      ? `${rendered(characters.slice(0, headLength))}\\…${rendered(characters.slice(-tailLength))}`
      : rendered(characters),
    warnings: warningsOf(text),
    isCut,
    length: characters.length,
    // Half of a surrogate pair has no UTF-8, so all such texts would have the same digest. The escaped text is digested instead. It is longer
    // than the original, so no other text has both this length and this digest.
    sha256: createHash("sha256")
      .update(hasHalves(text) ? rendered(characters) : text)
      .digest("hex"),
  };
};

const mark = /^\p{M}$/u;
/** No language has more marks than this on one letter. */
const mostMarks = 3;

const rendered = (characters: readonly string[]): string => {
  let text = "";
  // A mark at the beginning is escaped, because it would join the character before the text.
  let marks = mostMarks;
  let isAfterSpace = true;
  for (const [index, character] of characters.entries()) {
    if (character === "\\") text += "\\\\";
    else if (hasUnseen(character)) text += escaped(character);
    // People cannot see a space at the edge or beside another space, and many spaces could push the next text to a new line.
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
