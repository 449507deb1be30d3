// Folds values that look the same to people into one value. After a denial, all calls that fold to the same value are refused,
// too, and such calls count as similar. docs/guides/approvals.md describes the rule.

import { canonicalText } from "../../../core/schema/digest.ts";
import { withoutLookAlikes } from "./look-alikes.ts";

/**
 * Characters that look like a space. The Braille pattern without dots looks like a space, too, but Unicode does not list it as
 * White_Space.
 */
const blanks = /[\p{White_Space}\u2800]+/gu;
const invisible = /[\p{C}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * Folds the encoding of characters (NFKC), characters that look like others, invisible characters, and runs of blanks. Folding
 * does not change letter case or the presence of a blank, because people see both, and ids may differ only in them.
 */
export const foldedText = (text: string): string => {
  // Replace blanks first: line breaks and tabs are control characters, which would be removed. Look up lone accents before NFKC
  // changes them.
  const plain = text.replace(blanks, " ").replace(invisible, "");
  const known = /^\p{ASCII}*$/u.test(plain) ? plain : withoutLookAlikes(withoutLookAlikes(plain).normalize("NFKD"));
  return known.normalize("NFC").replace(blanks, " ").replace(invisible, "").trim();
};

/**
 * Folds a JSON value, so that only differences that people can see remain. An empty text, list or object, and `null`, count as
 * absent.
 *
 * @returns `undefined` for an empty value.
 */
export const folded = (value: unknown): unknown => {
  if (value === null) return undefined;
  if (typeof value === "string") return foldedText(value) || undefined;
  if (Array.isArray(value)) {
    const items = value.map(folded).filter((item) => item !== undefined);
    return items.length === 0 ? undefined : items;
  }
  if (typeof value !== "object") return value;
  // The result is a list and not an object, because two names may become equal, and a name may be `__proto__`.
  const members = Object.entries(value).flatMap(([name, member]) => {
    const inner = folded(member);
    return inner === undefined ? [] : [[foldedText(name), inner]];
  });
  if (members.length === 0) return undefined;
  return { members: members.sort((a, b) => (canonicalText(a) < canonicalText(b) ? -1 : 1)) };
};
