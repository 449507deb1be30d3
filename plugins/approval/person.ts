// When two names are one person's. Authenticators write one name in different ways: an identity provider says
// `Ana@shop.example` and a key file `ana@shop.example`, one of them composes its accents and the other does not. Whoever is
// taken for two people agrees to what he asked for himself, so that in doubt two names are one person.

/** Without letter case, the ways of writing one character, what cannot be seen, and space around it. */
const folded = (name: string): string =>
  name
    .normalize("NFKC")
    .replace(/[\p{C}\p{Default_Ignorable_Code_Point}]/gu, "")
    .toUpperCase()
    .toLowerCase()
    .normalize("NFKC")
    .trim();

/** Nobody is the same as nobody in particular. */
export const isSamePerson = (one: string | undefined, other: string | undefined): boolean =>
  one !== undefined && other !== undefined && folded(one) === folded(other);
