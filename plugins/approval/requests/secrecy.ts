// Encrypts the stored texts of calls with secret() fields: the arguments, the preview and the nonce. A preview may repeat secret
// arguments. With the nonce and the digest of an approval request, an attacker could guess a short secret. The encryption key is
// in the project's key file.

import { sealed, unsealed } from "../seal.ts";

const use = "quater.approval.request.v1";
/** The beginning of an encrypted text. No JSON text and no nonce begins with this text. */
const mark = "sealed.";

export class Secrecy {
  readonly #secretsFor: (label: string) => readonly Buffer[];

  /**
   * @param secretsFor  The function `deriveSecrets` of audit, which returns secrets. The first secret belongs to the current key.
   */
  constructor(secretsFor: (label: string) => readonly Buffer[]) {
    this.#secretsFor = secretsFor;
  }

  closed(text: string): string {
    const [current] = this.#secrets();
    if (current === undefined) throw new Error("The key file of the trail has no current encryption key");
    return mark + sealed(current, use, text);
  }

  /** @returns The decrypted text; `undefined` if the key of the text is no longer in the key file. */
  opened(text: string): string | undefined {
    if (!text.startsWith(mark)) return text;
    for (const secret of this.#secrets()) {
      const opened = unsealed(secret, use, text.slice(mark.length));
      if (opened !== undefined) return opened;
    }
    return undefined;
  }

  #secrets(): readonly Buffer[] {
    return this.#secretsFor("approval.request");
  }
}
