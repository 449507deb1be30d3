// Finds the newest lines of a sink: the lines at its end, and the lines with the highest numbers. Instances that share a sink
// write nearly in order, but an attacker may append copies of old lines, and a trail that was set back uses the same numbers
// again.
//
// The position of a line in the file proves nothing, because a copy of an old line is signed, too, and can be appended any number
// of times. The number in a line is signed. So the file is read completely, and the lines with the highest numbers are the
// newest.

import type { KeyObject } from "node:crypto";
import { type Claim, claimIn } from "./attestation.ts";
import { linesFromEnd } from "./tail.ts";

/** How many lines of each trail are kept from the end of the file, and how many with the highest numbers. */
const kept = 32;

interface OfTrail {
  readonly fromEnd: Map<string, Claim>;
  /** The lines with the highest numbers, highest first. */
  readonly highest: Claim[];
}

export class NewestLines {
  /** The lines of each trail by its genesis hash. */
  readonly #trails = new Map<string, OfTrail>();

  /** The number of lines that no key of the project signed. */
  unsigned = 0;

  /**
   * Reads a sink completely, which takes about 3 milliseconds per MiB.
   *
   * @param publicKeys  The public keys whose signatures count, by id.
   * @throws {Error} when the file cannot be read.
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
   * Adds a line. Add the lines of a file from the last line to the first, and then each line that is appended later. Checks the
   * signature of a line only if the line is among the newest lines.
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
   * Returns whether the number of a line shows that the line is not among the newest lines. Parsing all lines of a large sink
   * would take eight times as long. In lines that Quater writes, the first `seq` or `size` is the number of the line.
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
