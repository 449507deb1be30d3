// Arguments with secret() fields lie sealed in the store, and so do the preview, which may repeat them, and the nonce,
// without which short secrets could be tried against the digest. Whoever has the store alone, and not the project's key
// file, learns nothing of them.

import { sealed, unsealed } from "./page/seal.ts";

const use = "quater.approval.request.v1";
/** No JSON text and no nonce begins so. */
const mark = "sealed.";

export class Secrecy {
  readonly #secretFor: (label: string) => Buffer;
  #key: Buffer | undefined;

  /** @param secretFor  Audit's. */
  constructor(secretFor: (label: string) => Buffer) {
    this.#secretFor = secretFor;
  }

  closed(text: string): string {
    return mark + sealed(this.#secret(), use, text);
  }

  /** @returns `undefined` for what was sealed before the keys were rotated. */
  opened(text: string): string | undefined {
    return text.startsWith(mark) ? unsealed(this.#secret(), use, text.slice(mark.length)) : text;
  }

  #secret(): Buffer {
    this.#key ??= this.#secretFor("approval.request");
    return this.#key;
  }
}
