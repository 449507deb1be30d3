// Folds values that look the same to people into one value. Calls that fold to the same value are similar calls. After a denial,
// Quater also refuses similar calls. docs/guides/approvals.md describes the rule of folding.

import { canonicalText } from "../../../core/schema/digest.ts";
import { withoutLookAlikes } from "./look-alikes.ts";

/**
 * Characters that look like a space. The Braille pattern without dots also looks like a space, but Unicode does not list this
 * character as White_Space.
 */
const blanks = /[\p{White_Space}\u2800]+/gu;
const invisible = /[\p{C}\p{Default_Ignorable_Code_Point}]/gu;

/**
 * Folds the encoding of the characters in a text (NFKC), characters that look like others, invisible characters, and runs of
 * blanks. The function changes neither letter case nor the presence of a blank. People see letter case and blanks, and two ids
 * may differ only in letter case or in a blank.
 */
export const foldedText = (text: string): string => {
  // Replace blanks first, because line breaks and tabs are also control characters, which the next step removes. Replace lone
  // accents before NFKC changes the lone accents.
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
  // The result for an object is a list and not an object, because two names of members may become equal, and a name may be
  // `__proto__`.
  const members = Object.entries(value).flatMap(([name, member]) => {
    const inner = folded(member);
    return inner === undefined ? [] : [[foldedText(name), inner]];
  });
  if (members.length === 0) return undefined;
  return { members: members.sort((a, b) => (canonicalText(a) < canonicalText(b) ? -1 : 1)) };
};
