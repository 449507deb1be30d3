// Text for approvers: what could hide, reorder or forge something is written out, and what only looks
// odd is named. The rendering can be read back to the text, so that two different texts never look the same for a reason
// that this file could have prevented. Page and terminal print nothing of a request that did not pass through here.

import { createHash } from "node:crypto";
import { hasHalves, hasUnseen } from "./unseen.ts";
import { warningsOf } from "./warnings.ts";

/** `short`: long texts are cut. `full`: everything, and the only view on which somebody may approve what is long. */
export type View = "short" | "full";

export interface ShownText {
  /**
   * Printable, on one line. A backslash begins an escape (`\u{200b}`, `\\`) and nothing else; `\…` stands for the middle
   * of a text that was cut.
   */
  readonly text: string;
  /** What is unusual about it, each as a few words after "has" or "is": `has characters that cannot be seen`. */
  readonly warnings: readonly string[];
  readonly isCut: boolean;
  /** Of the text that was given, in characters (code points). */
  readonly length: number;
  /** 64 hexadecimal digits, over the UTF-8 of the text that was given: what `sha256sum` says of it. */
  readonly sha256: string;
}

/** In characters of the given text. */
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
    // Half of a surrogate pair has no UTF-8, and all of them would share one digest. The rendering tells them apart, and is
    // longer than what it renders, so that no other text has this length and this digest.
    sha256: createHash("sha256")
      .update(hasHalves(text) ? rendered(characters) : text)
      .digest("hex"),
  };
};

const mark = /^\p{M}$/u;
/** More marks than this on one letter are no language. */
const mostMarks = 3;

const rendered = (characters: readonly string[]): string => {
  let text = "";
  // Written out as after a gap: a combining mark at the beginning would join the character before the text.
  let marks = mostMarks;
  let isAfterSpace = true;
  for (const [index, character] of characters.entries()) {
    if (character === "\\") text += "\\\\";
    else if (hasUnseen(character)) text += escaped(character);
    // A space at an edge or beside another would not be seen, and many of them could push what follows onto a new line.
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
