// Finds characters that people cannot see, or cannot distinguish from other characters.

/**
 * Matches the categories Cc Cf Cs Co Cn Zl Zp, default-ignorable characters (also Hangul fillers), variation selectors, tags, the
 * Braille blank, and all spaces except U+0020. Which code points are unassigned depends on the Unicode version of Node.
 */
const unseen =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Variation_Selector}\u{e0000}-\u{e007f}\u2800]|(?! )\p{Zs}/u;

export const hasUnseen = (text: string): boolean => unseen.test(text);

/** Whether the text has half of a surrogate pair, which is not a character and cannot be written as UTF-8. */
export const hasHalves = (text: string): boolean => /\p{Cs}/u.test(text);
