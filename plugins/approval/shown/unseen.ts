// Finds characters that people cannot see, or cannot distinguish from other characters.

/**
 * Matches the categories Cc Cf Cs Co Cn Zl Zp, default-ignorable characters (also Hangul fillers), variation selectors, tags, the
 * Braille blank, and all spaces except U+0020. The Unicode version of Node determines which code points are unassigned.
 */
const unseen =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Variation_Selector}\u{e0000}-\u{e007f}\u2800]|(?! )\p{Zs}/u;

export const hasUnseen = (text: string): boolean => unseen.test(text);

/** Whether a text contains half of a surrogate pair, which is not a character and has no UTF-8 form. */
export const hasHalves = (text: string): boolean => /\p{Cs}/u.test(text);
