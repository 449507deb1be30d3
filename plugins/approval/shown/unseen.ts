// Which characters a person cannot see, or cannot tell from others by looking.

/**
 * Categories Cc Cf Cs Co Cn Zl Zp, default-ignorables (Hangul fillers among them), variation
 * selectors, tags, and the Braille blank. Unassigned ones by the Unicode version of the running Node. Beyond that every
 * space but the plain one: they cannot be told from it.
 */
const unseen =
  /[\p{Cc}\p{Cf}\p{Cs}\p{Co}\p{Cn}\p{Zl}\p{Zp}\p{Default_Ignorable_Code_Point}\p{Variation_Selector}\u{e0000}-\u{e007f}\u2800]|(?! )\p{Zs}/u;

export const hasUnseen = (text: string): boolean => unseen.test(text);

/** Half of a surrogate pair: no character, and without UTF-8. */
export const hasHalves = (text: string): boolean => /\p{Cs}/u.test(text);
