// Reads signed lines from sinks and from files outside the store, for a verification.

import type { KeyObject } from "node:crypto";
import { statSync } from "node:fs";
import { type Claim, claimIn } from "../restore/attestation.ts";
import { linesOf } from "./source.ts";

/**
 * The part of a file that exists when the verification begins. Lines that are appended later attest events that the verification
 * does not read.
 */
export interface HeldFile {
  readonly path: string;
  readonly bytes: number;
}

/** Opens a file of signed lines. @throws when the file cannot be read. */
export const heldFile = (path: string): HeldFile => ({ path, bytes: statSync(path).size });

/** How far lines of one file may be out of order. The verification looks up the events of lines that are further away. */
const disorder = 64;

/**
 * Returns the claims of the lines in the order of their numbers. Instances that share a file write nearly in order. Signatures
 * are checked later.
 *
 * @param publicKeys  The public keys by id. A line that another key signed cannot be checked, so the line attests nothing.
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
