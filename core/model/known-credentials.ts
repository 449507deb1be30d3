// The credentials that an authenticator knows without a call, for `quater explain` and `quater who-can`.

import type { Principal } from "./principal.ts";

/**
 * A credential that an authenticator knows without a call, such as a key in a file. The name of the credential is the subject of
 * the principal.
 */
export interface KnownCredential {
  readonly id: string;
  readonly principal: Principal;
  /**
   * Why the authenticator refuses the credential, as the end of a sentence: `was revoked at ...`. Absent for an accepted
   * credential.
   */
  readonly refused?: string | undefined;
  /**
   * The name of an authenticator that checks the credential before this authenticator. Quater cannot find out whether that
   * authenticator accepts the credential.
   */
  readonly unclear?: string | undefined;
}

export interface KnownCredentials {
  readonly known: readonly KnownCredential[];
  /** Sentences about accepted credentials that are not in `known`, such as the tokens of a token issuer. */
  readonly others: readonly string[];
  /** The name of an authenticator that may accept further credentials. Quater cannot list these further credentials. */
  readonly unclear?: string | undefined;
}
