// The newest lines of a sink: those at its end, and those with the highest numbers. Instances that share a sink write nearly in
// order, but somebody may append copies of old lines, and a trail that was set back uses its numbers again.

import type { Attestation, Claim } from "./attestation.ts";

/** Of each trail, this many from the end and this many with the highest numbers. */
const kept = 32;

interface OfTrail {
  readonly fromEnd: Map<string, Attestation>;
  /** By number, highest first. */
  readonly highest: Attestation[];
}

export class NewestLines {
  /** By genesis hash. */
  readonly #trails = new Map<string, OfTrail>();

  get all(): readonly Attestation[] {
    return [...this.#trails.values()].flatMap(({ fromEnd, highest }) => [...new Set([...fromEnd.values(), ...highest])]);
  }

  /**
   * Returns whether the number of a line shows that it is not among the newest. Parsing all lines of a large sink would take
   * eight times as long. In lines that Quater writes, the first `seq` or `size` is the number of the line.
   */
  isOld(line: string): boolean {
    const number = /"(?:seq|size)":(\d+)/.exec(line)?.[1];
    if (number === undefined) return false;
    for (const [genesis, { fromEnd, highest }] of this.#trails)
      if (fromEnd.size === kept && highest.length === kept && Number(number) <= (highest.at(-1)?.seq ?? 0))
        if (line.includes(genesis)) return true;
    return false;
  }

  /**
   * Takes the lines of a file, last one first. The signature is checked only if the line is among the newest.
   *
   * @returns `false` when no key of the project signed it.
   */
  add(claim: Claim): boolean {
    const { genesis, seq, hash } = claim;
    const { fromEnd, highest } = this.#trails.get(genesis) ?? { fromEnd: new Map<string, Attestation>(), highest: [] };
    const name = `${seq} ${hash}`;
    const isAtEnd = fromEnd.size < kept;
    const isHigh = highest.length < kept || seq > (highest.at(-1)?.seq ?? 0);
    if (!isAtEnd && !isHigh) return true;
    if (fromEnd.has(name) || highest.some((line) => line.seq === seq && line.hash === hash)) return true;
    if (!claim.isSigned()) return false;
    if (isAtEnd) fromEnd.set(name, claim);
    if (isHigh) {
      const at = highest.findIndex((line) => line.seq < seq);
      highest.splice(at < 0 ? highest.length : at, 0, claim);
      highest.length = Math.min(highest.length, kept);
    }
    this.#trails.set(genesis, { fromEnd, highest });
    return true;
  }
}
