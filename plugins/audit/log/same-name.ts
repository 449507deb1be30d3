// Compares names of persons, because authenticators write the name of one person in different ways. For example, a token contains
// `Ana@shop.example` and a key file contains `ana@shop.example`. Letters with accents have two encodings.

/**
 * Returns whether two names belong to one person. The comparison ignores letter case, encodings of characters and space around
 * the name.
 */
export const isSameName = (one: string, other: string): boolean => foldedName(one) === foldedName(other);

/** Returns a text for a name. The text is equal for all spellings of one person's name. */
export const foldedName = (name: string): string =>
  name
    .normalize("NFKC")
    .replace(/[\p{C}\p{Default_Ignorable_Code_Point}]/gu, "")
    .toUpperCase()
    .toLowerCase()
    .normalize("NFKC")
    .trim();
