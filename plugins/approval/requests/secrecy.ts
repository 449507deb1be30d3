// Encrypts arguments with secret() fields in the store, the preview, which may repeat them, and the nonce: with the nonce, short secrets
// could be guessed by the digest. The key is in the project's key file.

import { sealed, unsealed } from "../seal.ts";

const use = "quater.approval.request.v1";
/** No JSON text and no nonce begins so. */
const mark = "sealed.";

export class Secrecy {
  readonly #secretsFor: (label: string) => readonly Buffer[];

  /** @param secretsFor  Audit's: the current key first. */
  constructor(secretsFor: (label: string) => readonly Buffer[]) {
    this.#secretsFor = secretsFor;
  }

  closed(text: string): string {
    const [current] = this.#secrets();
    if (current === undefined) throw new Error("The key file has no key to seal with");
    return mark + sealed(current, use, text);
  }

  /** @returns `undefined` for what was sealed with a key that is not in the key file any more. */
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
