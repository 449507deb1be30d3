// The credentials that an authenticator knows without a call, for `quater explain` and `quater who-can`.

import type { Principal } from "./principal.ts";

/** A credential that an authenticator knows without a call, such as a key in a file. The name is the principal's subject. */
export interface KnownCredential {
  readonly id: string;
  readonly principal: Principal;
  /** Why the credential is refused, as the end of a sentence: `was revoked at ...`. Absent for an accepted credential. */
  readonly refused?: string | undefined;
  /** An authenticator that answers before this one, and that Quater cannot ask about the credential. */
  readonly unclear?: string | undefined;
}

export interface KnownCredentials {
  readonly known: readonly KnownCredential[];
  /** Sentences about accepted credentials that are not in `known`, such as tokens of an issuer. */
  readonly others: readonly string[];
  /** An authenticator that may accept further credentials, and that Quater cannot ask. */
  readonly unclear?: string | undefined;
}
