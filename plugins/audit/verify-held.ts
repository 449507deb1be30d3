// Checkpoints that were held outside the store, beside the trail as it is read: what they attest must stand there.

import type { SignedCheckpoint } from "./chain.ts";
import type { Findings } from "./damage.ts";
import type { Acknowledged } from "./restore/acknowledged.ts";
import type { VerifyKeys } from "./verify-keys.ts";

/** A held checkpoint that attests another history. A later `store.restored` event may explain it. */
interface Disputed {
  readonly line: { readonly seq: number; readonly genesis: string };
  readonly seq: number | undefined;
  readonly what: string;
}

/** Beyond this many, they are reported at once. */
const mostDisputed = 10_000;

export class HeldCheckpoints {
  readonly #held: Iterator<SignedCheckpoint>;
  readonly #keys: VerifyKeys;
  readonly #genesis: string;
  readonly #findings: Findings;
  #next: SignedCheckpoint | undefined;
  #compared = 0;
  #disputed: Disputed[] = [];

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
        if (head !== hash) this.#dispute(this.#next, seq, `A checkpoint held elsewhere attests another event ${seq}`);
      }
      this.#next = this.#take();
    }
  }

  /** An operator acknowledged a restore: held checkpoints of the lost events are explained. */
  acknowledged({ covers }: Acknowledged): void {
    this.#disputed = this.#disputed.filter(({ line }) => !covers(line));
  }

  /** The trail ends here. */
  ended(seq: number): void {
    for (const disputed of this.#disputed) this.#findings.sayOfHeld("forked", disputed.seq, disputed.what);
    for (; this.#next !== undefined; this.#next = this.#take()) {
      const { size } = this.#next;
      if (size > seq)
        this.#findings.sayOfHeld(
          "truncated",
          seq + 1,
          `A checkpoint held elsewhere attests ${size} events; the trail ends at ${seq}`,
        );
    }
  }

  #take(): SignedCheckpoint | undefined {
    for (;;) {
      const { value, done } = this.#held.next();
      if (done === true) return undefined;
      const checkpoint = value as SignedCheckpoint;
      const what = `A checkpoint held elsewhere, of ${checkpoint.size} events, is`;
      if (!this.#keys.hasSigned(checkpoint))
        this.#findings.sayOfHeld("unsigned", checkpoint.size, `${what} not signed by the key`);
      else if (checkpoint.genesis !== this.#genesis) this.#dispute(checkpoint, undefined, `${what} of another trail`);
      else return checkpoint;
    }
  }

  #dispute({ size, genesis }: SignedCheckpoint, seq: number | undefined, what: string): void {
    if (this.#disputed.length < mostDisputed) this.#disputed.push({ line: { seq: size, genesis }, seq, what });
    else this.#findings.sayOfHeld("forked", seq, what);
  }
}
