// Reads signed lines from sinks and from files outside the store, for a verification of the trail.

import type { KeyObject } from "node:crypto";
import { statSync } from "node:fs";
import { type Claim, claimIn } from "../restore/attestation.ts";
import { linesOf } from "./source.ts";

/**
 * A file of signed lines, with the size of the file when the verification begins. The verification ignores lines that are
 * appended later, because later lines attest events that the verification does not read.
 */
export interface HeldFile {
  readonly path: string;
  readonly bytes: number;
}

/** Opens a file of signed lines. @throws when Quater cannot read the file. */
export const heldFile = (path: string): HeldFile => ({ path, bytes: statSync(path).size });

/**
 * How many lines of a sink file Quater sorts by event number at a time. If a line is further out of order, the verification looks
 * up the event of the line.
 */
const disorder = 64;

/**
 * Returns what the lines of a sink file claim about events, in the order of the event numbers. Instances that share a sink file
 * write nearly in order. Quater checks the signatures of the lines later.
 *
 * @param publicKeys  The public keys by key id. Quater cannot check a line that another key signed, so such a line attests no
 * event.
 */
export const heldIn = function* (
  files: readonly HeldFile[],
  publicKeys: ReadonlyMap<string, KeyObject>,
): Generator<Claim, undefined> {
  const readers = files.map((file) => {
    const lines = claimsOf(file, publicKeys);
    return { lines, next: lines.next().value };
  });
  for (;;) {
    let least: (typeof readers)[number] | undefined;
    for (const reader of readers)
      if (reader.next !== undefined && (least?.next === undefined || reader.next.seq < least.next.seq)) least = reader;
    if (least?.next === undefined) return;
    yield least.next;
    least.next = least.lines.next().value;
  }
};

const claimsOf = function* ({ path, bytes }: HeldFile, publicKeys: ReadonlyMap<string, KeyObject>): Generator<Claim, undefined> {
  const waiting: Claim[] = [];
  const least = () => {
    waiting.sort((one, other) => one.seq - other.seq);
    return waiting.shift() as Claim;
  };
  for (const line of linesOf(path, bytes)) {
    const claim = claimIn(line, publicKeys);
    if (typeof claim === "string") continue;
    waiting.push(claim);
    if (waiting.length > disorder) yield least();
  }
  while (waiting.length > 0) yield least();
};
