// Compares names of persons. Authenticators write a name in different ways: an identity provider says `Ana@shop.example` and a
// key file `ana@shop.example`, and accents have two encodings.

/**
 * Returns whether two names belong to one person. Letter case, encodings of characters and space around the name do not count.
 */
export const isSameName = (one: string, other: string): boolean => foldedName(one) === foldedName(other);

/** Returns the same text for all spellings of one person's name. */
export const foldedName = (name: string): string =>
  name
    .normalize("NFKC")
    .replace(/[\p{C}\p{Default_Ignorable_Code_Point}]/gu, "")
    .toUpperCase()
    .toLowerCase()
    .normalize("NFKC")
    .trim();
