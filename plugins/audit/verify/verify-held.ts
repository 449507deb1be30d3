// Compares signed lines from outside the store with the trail: each event that a line attests must be on the trail.

import type { Acknowledged } from "../restore/acknowledged.ts";
import type { Claim } from "../restore/attestation.ts";
import type { Findings } from "./damage.ts";

/** A signed line that attests another history than the trail. A later event `store.restored` may explain the line. */
interface Disputed {
  readonly line: Claim;
  readonly seq: number | undefined;
  readonly what: string;
}

/**
 * The most disputed lines that stay in memory until the end of the trail. The verification reports further disputed lines
 * immediately.
 */
const mostDisputed = 10_000;
/**
 * The most late lines, whose events the verification looks up at the end. The verification does not compare further late lines.
 */
const mostLate = 10_000;

/** The names of the types of sink lines, as subjects of a sentence. */
const names = {
  "audit.checkpoint": "A checkpoint outside of the store",
  "approval.used": "The record of a used approval outside of the store",
  "store.restored": "The record of a restore outside of the store",
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
  /**
   * The number of the event up to which the verification has read the trail. At first, this is the number of the event at which
   * the verification begins.
   */
  #seq: number;

  /**
   * @param held  The signed lines from outside the store, nearly in the order of their event numbers.
   * @param after  The verification does not compare lines about events up to this number.
   */
  constructor(held: Iterator<Claim>, genesis: string, findings: Findings, after: number) {
    this.#held = held;
    this.#genesis = genesis;
    this.#findings = findings;
    this.#seq = after;
    this.#next = this.#take();
    while (this.#next !== undefined && this.#next.seq <= after) this.#next = this.#take();
  }

  /** How many of the lines attest an event whose number is on the trail. */
  get compared(): number {
    return this.#compared;
  }

  /** The late lines: the verification had read the event of a late line before the line. */
  get late(): readonly Claim[] {
    return [...this.#late.values()];
  }

  /**
   * Compares the lines about events up to the given event. The Verifier calls this function when the Verifier has read this
   * event.
   */
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

  /**
   * Removes the disputed lines that an acknowledged restore explains, because these lines attest events that the restore lost.
   */
  acknowledged(restore: Acknowledged): void {
    this.#restores.push(restore);
    this.#disputed = this.#disputed.filter(({ line }) => !restore.covers(line));
  }

  /** Compares the late lines with the trail. @param hashes  The hashes of the events of the lines in `late`. */
  lookedUp(hashes: ReadonlyMap<number, string>): void {
    for (const line of this.late) this.#compare(line, hashes.get(line.seq));
  }

  /** Reports the lines about events behind the end of the trail. The Verifier calls this function at the end of the trail. */
  ended(seq: number): void {
    for (; this.#next !== undefined; this.#next = this.#take()) {
      const { type, seq: attested } = this.#next;
      const what = type === "audit.checkpoint" ? `${attested} events` : `event ${attested}`;
      if (attested > seq)
        this.#findings.sayOfHeld("truncated", seq + 1, `${names[type]} proves ${what}, but the trail ends at event ${seq}`);
      else if (this.#late.size < mostLate) this.#late.set(`${attested} ${this.#next.hash}`, this.#next);
    }
  }

  /** Reports the disputed lines that no restore explains. */
  finish(): void {
    for (const { line, seq, what } of this.#disputed) if (!this.#isExplained(line)) this.#findings.sayOfHeld("forked", seq, what);
  }

  /**
   * Compares a signed line with the trail.
   *
   * @param hash  The hash of the event with the line's number; `undefined` without such an event.
   */
  #compare(line: Claim, hash: string | undefined): void {
    const { type, seq } = line;
    this.#compared++;
    if (line.hash === hash) return;
    this.#dispute(
      line,
      seq,
      `${names[type]} proves ${hash === undefined ? `event ${seq}, which the trail does not have` : `another event ${seq} than the trail has`}`,
    );
  }

  /** @returns The next line that has a valid signature and belongs to this trail. Skips repeated lines. */
  #take(): Claim | undefined {
    for (;;) {
      const { value, done } = this.#held.next();
      if (done === true) return undefined;
      const line = value as Claim;
      const { type, seq, hash, genesis } = line;
      const last = this.#last;
      if (last?.seq === seq && last.hash === hash && last.genesis === genesis && last.type === type) continue;
      // Skip copies of lines before Quater checks their signatures, because checking signatures takes longer than all other work.
      // An attacker may have appended many copies to the sink file.
      if (genesis === this.#genesis && this.#late.has(`${seq} ${hash}`)) continue;
      this.#last = line;
      const what = `${names[type]}, of ${seq} events, is`;
      if (!line.isSigned()) this.#findings.sayOfHeld("unsigned", seq, `${what} not signed by a checkpoint key of the key file`);
      else if (genesis !== this.#genesis) this.#dispute(line, undefined, `${what} from another trail`);
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
