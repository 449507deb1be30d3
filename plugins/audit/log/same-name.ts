// When two names are one person's. Authenticators write one name in different ways: an identity provider says
// `Ana@shop.example` and a key file `ana@shop.example`; one of them composes its accents and the other does not.

/** Returns whether two names are one person's: letter case, ways of writing a character and space around it do not count. */
export const isSameName = (one: string, other: string): boolean => foldedName(one) === foldedName(other);

/** Returns the same text for two names of one person. */
export const foldedName = (name: string): string =>
  name
    .normalize("NFKC")
    .replace(/[\p{C}\p{Default_Ignorable_Code_Point}]/gu, "")
    .toUpperCase()
    .toLowerCase()
    .normalize("NFKC")
    .trim();
