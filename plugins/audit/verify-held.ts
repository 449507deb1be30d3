// Checkpoints that were held outside the store, beside the trail as it is read: what they attest must stand there.

import type { SignedCheckpoint } from "./chain.ts";
import type { Findings } from "./damage.ts";
import type { VerifyKeys } from "./verify-keys.ts";

export class HeldCheckpoints {
  readonly #held: Iterator<SignedCheckpoint>;
  readonly #keys: VerifyKeys;
  readonly #genesis: string;
  readonly #findings: Findings;
  #next: SignedCheckpoint | undefined;
  #compared = 0;

  /** @param held  In the order of their sizes. */
  constructor(held: Iterator<SignedCheckpoint>, keys: VerifyKeys, genesis: string, findings: Findings) {
    this.#held = held;
    this.#keys = keys;
    this.#genesis = genesis;
    this.#findings = findings;
    this.#next = this.#take();
  }

  /** How many attested what stands there, or another event in its place. */
  get compared(): number {
    return this.#compared;
  }

  /** The trail was read up to this event. */
  reached(seq: number, hash: string): void {
    while (this.#next !== undefined && this.#next.size <= seq) {
      const { size, head } = this.#next;
      if (size === seq) {
        this.#compared++;
        if (head !== hash) this.#findings.say("forked", seq, `A checkpoint held elsewhere attests another event ${seq}`);
      }
      this.#next = this.#take();
    }
  }

  /** The trail ends here. */
  ended(seq: number): void {
    for (; this.#next !== undefined; this.#next = this.#take()) {
      const { size } = this.#next;
      if (size > seq)
        this.#findings.say("truncated", seq + 1, `A checkpoint held elsewhere attests ${size} events; the trail ends at ${seq}`);
    }
  }

  #take(): SignedCheckpoint | undefined {
    for (;;) {
      const { value, done } = this.#held.next();
      if (done === true) return undefined;
      const checkpoint = value as SignedCheckpoint;
      const what = `A checkpoint held elsewhere, of ${checkpoint.size} events, is`;
      if (!this.#keys.hasSigned(checkpoint)) this.#findings.say("unsigned", checkpoint.size, `${what} not signed by the key`);
      else if (checkpoint.genesis !== this.#genesis) this.#findings.say("forked", undefined, `${what} of another trail`);
      else return checkpoint;
    }
  }
}
