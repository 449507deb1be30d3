// Folds values that look the same to people into one value. A denial of a call covers all calls that fold to the same value, and such
// calls count as similar. docs/guides/approvals.md has the rule.

import { canonicalText } from "../../../core/schema/digest.ts";
import { withoutLookAlikes } from "./look-alikes.ts";

/** The Braille pattern without dots is blank, too, but Unicode does not list it as White_Space. */
const blanks = /[\p{White_Space}\u2800]+/gu;
const invisible = /[\p{C}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * Folds how characters are written (NFKC), characters that look like others, invisible characters, and runs of blanks. Letter
 * case stays, and so does whether there is a blank: people see both, and ids differ by them.
 */
export const foldedText = (text: string): string => {
  // Line breaks and tabs are control characters, so they become blanks first. Lone accents must be looked up before NFKC.
  const plain = text.replace(blanks, " ").replace(invisible, "");
  const known = /^\p{ASCII}*$/u.test(plain) ? plain : withoutLookAlikes(withoutLookAlikes(plain).normalize("NFKD"));
  return known.normalize("NFC").replace(blanks, " ").replace(invisible, "").trim();
};

/**
 * Folds a JSON value to what people can tell apart. An empty text, list or object, and `null`, are the same as an absent one.
 *
 * @returns `undefined` for what is empty.
 */
export const folded = (value: unknown): unknown => {
  if (value === null) return undefined;
  if (typeof value === "string") return foldedText(value) || undefined;
  if (Array.isArray(value)) {
    const items = value.map(folded).filter((item) => item !== undefined);
    return items.length === 0 ? undefined : items;
  }
  if (typeof value !== "object") return value;
  // A list and not an object: names may become equal, and `__proto__` may be one of them.
  const members = Object.entries(value).flatMap(([name, member]) => {
    const inner = folded(member);
    return inner === undefined ? [] : [[foldedText(name), inner]];
  });
  if (members.length === 0) return undefined;
  return { members: members.sort((a, b) => (canonicalText(a) < canonicalText(b) ? -1 : 1)) };
};
