// When two names are one person's. Authenticators write one name in different ways: an identity provider says
// `Ana@shop.example` and a key file `ana@shop.example`, one of them composes its accents and the other does not. A person
// who counts as two could approve their own request, so in doubt two names are one person.

import { isSameName } from "../../audit/service.ts";

/** Nobody is the same as nobody in particular. */
export const isSamePerson = (one: string | undefined, other: string | undefined): boolean =>
  one !== undefined && other !== undefined && isSameName(one, other);
