// Finds the newest lines of a sink: the lines at the end of the sink file, and the lines with the highest event numbers.
// Instances that share a sink write nearly in order, but an attacker may append copies of old lines, and a trail that was set
// back uses the same event numbers again.
//
// The position of a line in the sink file proves nothing, because a copy of an old line has a valid signature, too, and an
// attacker can append the copy any number of times. The signature of a line covers the event number. So Quater reads the sink
// file completely, and the lines with the highest event numbers are the newest.

import type { KeyObject } from "node:crypto";
import { type Claim, claimIn } from "./attestation.ts";
import { linesFromEnd } from "./tail.ts";

/** How many lines of each trail Quater keeps from the end of the sink file, and how many lines with the highest event numbers. */
const kept = 32;

interface OfTrail {
  readonly fromEnd: Map<string, Claim>;
  /** The lines with the highest event numbers, highest first. */
  readonly highest: Claim[];
}

export class NewestLines {
  /** The newest lines of each trail, by the genesis hash of the trail. */
  readonly #trails = new Map<string, OfTrail>();

  /** The number of lines that no checkpoint key of the project signed. */
  unsigned = 0;

  /**
   * Reads a sink completely, which takes about 3 milliseconds per MiB.
   *
   * @param publicKeys  The public keys whose signatures Quater accepts, by key id.
   * @throws {Error} when Quater cannot read the sink file.
   */
  static async in(path: string, publicKeys: ReadonlyMap<string, KeyObject>): Promise<NewestLines> {
    const newest = new NewestLines();
    for await (const lines of linesFromEnd(path)) {
      for (const line of lines) {
        if (newest.#isOld(line)) continue;
        const claim = claimIn(line, publicKeys);
        if (claim === "unsigned") newest.unsigned++;
        else if (claim !== "foreign") newest.add(claim);
      }
    }
    return newest;
  }

  get all(): readonly Claim[] {
    return [...this.#trails.values()].flatMap(({ fromEnd, highest }) => [...new Set([...fromEnd.values(), ...highest])]);
  }

  /**
   * Adds a line of the sink. Add the lines of a sink file from the last line to the first, and then each line that is appended
   * later. This function checks the signature of a line only if the line is among the newest lines.
   */
  add(claim: Claim): void {
    const { genesis, seq, hash } = claim;
    const { fromEnd, highest } = this.#trails.get(genesis) ?? { fromEnd: new Map<string, Claim>(), highest: [] };
    const name = `${seq} ${hash}`;
    const isAtEnd = fromEnd.size < kept;
    const isHigh = highest.length < kept || seq > (highest.at(-1)?.seq ?? 0);
    if (!isAtEnd && !isHigh) return;
    if (fromEnd.has(name) || highest.some((line) => line.seq === seq && line.hash === hash)) return;
    if (!claim.isSigned()) {
      this.unsigned++;
      return;
    }
    if (isAtEnd) fromEnd.set(name, claim);
    if (isHigh) {
      const at = highest.findIndex((line) => line.seq < seq);
      highest.splice(at < 0 ? highest.length : at, 0, claim);
      highest.length = Math.min(highest.length, kept);
    }
    this.#trails.set(genesis, { fromEnd, highest });
  }

  /**
   * Returns whether the event number of a line shows that the line is not among the newest lines. Without this function, reading
   * a large sink would take eight times as long, because Quater would parse all lines. In lines that Quater writes, the first
   * `seq` or `size` is the event number.
   */
  #isOld(line: string): boolean {
    const number = /"(?:seq|size)":(\d+)/.exec(line)?.[1];
    if (number === undefined) return false;
    for (const [genesis, { fromEnd, highest }] of this.#trails)
      if (fromEnd.size === kept && highest.length === kept && Number(number) <= (highest.at(-1)?.seq ?? 0))
        if (line.includes(genesis)) return true;
    return false;
  }
}
