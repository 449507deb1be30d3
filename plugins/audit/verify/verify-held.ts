// Compares signed lines from outside the store with the trail: each event that a line attests must be in the trail.

import type { Acknowledged } from "../restore/acknowledged.ts";
import type { Claim } from "../restore/attestation.ts";
import type { Findings } from "./damage.ts";

/** A line that attests another history. A `store.restored` event may explain it. */
interface Disputed {
  readonly line: Claim;
  readonly seq: number | undefined;
  readonly what: string;
}

/** Beyond this many, they are reported at once. */
const mostDisputed = 10_000;
/** Lines far out of order that are looked up at the end. Beyond this many they are not compared. */
const mostLate = 10_000;

/** A line as the subject of a sentence. */
const names = {
  "audit.checkpoint": "A checkpoint held elsewhere",
  "approval.used": "The line of a used approval held elsewhere",
  "store.restored": "The line of a restore held elsewhere",
} as const;

export class HeldLines {
  readonly #held: Iterator<Claim>;
  readonly #genesis: string;
  readonly #findings: Findings;
  readonly #restores: Acknowledged[] = [];
  readonly #late = new Map<string, Claim>();
  #next: Claim | undefined;
  #last: Claim | undefined;
  #compared = 0;
  #disputed: Disputed[] = [];
  /** The trail was read up to here, or begins here. */
  #seq: number;

  /**
   * @param held  By their numbers, nearly.
   * @param after  Lines about events up to here are not compared.
   */
  constructor(held: Iterator<Claim>, genesis: string, findings: Findings, after: number) {
    this.#held = held;
    this.#genesis = genesis;
    this.#findings = findings;
    this.#seq = after;
    this.#next = this.#take();
    while (this.#next !== undefined && this.#next.seq <= after) this.#next = this.#take();
  }

  /** How many attested what stands there, or another event in its place. */
  get compared(): number {
    return this.#compared;
  }

  /** Lines about events before those that were read when they came. */
  get late(): readonly Claim[] {
    return [...this.#late.values()];
  }

  /** The trail was read up to this event. */
  reached(seq: number, hash: string): void {
    const before = this.#seq;
    this.#seq = seq;
    for (; this.#next !== undefined && this.#next.seq <= seq; this.#next = this.#take()) {
      const next = this.#next;
      if (next.seq === seq) this.#compare(next, hash);
      else if (next.seq > before) this.#compare(next, undefined);
      else if (this.#late.size < mostLate) this.#late.set(`${next.seq} ${next.hash}`, next);
    }
  }

  /** An operator acknowledged a restore: lines about the lost events are explained. */
  acknowledged(restore: Acknowledged): void {
    this.#restores.push(restore);
    this.#disputed = this.#disputed.filter(({ line }) => !restore.covers(line));
  }

  /** @param hashes  Of the events that `late` names. */
  lookedUp(hashes: ReadonlyMap<number, string>): void {
    for (const line of this.late) this.#compare(line, hashes.get(line.seq));
  }

  /** The trail ends here. */
  ended(seq: number): void {
    for (; this.#next !== undefined; this.#next = this.#take()) {
      const { type, seq: attested } = this.#next;
      const what = type === "audit.checkpoint" ? `${attested} events` : `event ${attested}`;
      if (attested > seq)
        this.#findings.sayOfHeld("truncated", seq + 1, `${names[type]} attests ${what}; the trail ends at ${seq}`);
      else if (this.#late.size < mostLate) this.#late.set(`${attested} ${this.#next.hash}`, this.#next);
    }
  }

  /** Reports the lines that no restore explains. */
  finish(): void {
    for (const { line, seq, what } of this.#disputed) if (!this.#isExplained(line)) this.#findings.sayOfHeld("forked", seq, what);
  }

  /** @param hash  Of the event that stands there; `undefined` where none does. */
  #compare(line: Claim, hash: string | undefined): void {
    const { type, seq } = line;
    this.#compared++;
    if (line.hash === hash) return;
    this.#dispute(line, seq, `${names[type]} attests ${hash === undefined ? "an event" : "another event"} ${seq}`);
  }

  /** @returns The next line that is signed and speaks of this trail, without repeated ones. */
  #take(): Claim | undefined {
    for (;;) {
      const { value, done } = this.#held.next();
      if (done === true) return undefined;
      const line = value as Claim;
      const { type, seq, hash, genesis } = line;
      const last = this.#last;
      if (last?.seq === seq && last.hash === hash && last.genesis === genesis && last.type === type) continue;
      // Somebody may have appended many copies: a signature takes longer to check than all the rest.
      if (genesis === this.#genesis && this.#late.has(`${seq} ${hash}`)) continue;
      this.#last = line;
      const what = `${names[type]}, of ${seq} events, is`;
      if (!line.isSigned()) this.#findings.sayOfHeld("unsigned", seq, `${what} not signed by the key`);
      else if (genesis !== this.#genesis) this.#dispute(line, undefined, `${what} of another trail`);
      else return line;
    }
  }

  #isExplained(line: Claim): boolean {
    return this.#restores.some((restore) => restore.covers(line));
  }

  #dispute(line: Claim, seq: number | undefined, what: string): void {
    if (this.#isExplained(line)) return;
    if (this.#disputed.length < mostDisputed) this.#disputed.push({ line, seq, what });
    else this.#findings.sayOfHeld("forked", seq, what);
  }
}
