// Compares the project's exposure with a kept file, and decides which differences are accepted.

import { UsageError } from "../output/exit.ts";
import { type Difference, isSame } from "./difference.ts";
import { differencesBetween } from "./differences.ts";
import type { Kept } from "./kept.ts";
import { type Accepted, type KeptFile, keptFileName } from "./kept-file.ts";

export interface ComparedDifference extends Difference {
  /** The reason why the difference is accepted. `null` if the difference is not accepted. */
  readonly accepted: string | null;
}

export interface Comparison {
  /** The git revision of the kept file. `null`: the file of the working folder. */
  readonly base: string | null;
  /** Whether the compared revision has a kept file. Without this file, the file of the working folder is compared. */
  readonly hasBase: boolean;
  /** Whether `quater.exposure.json` in the working folder describes the project as it is. */
  readonly isCurrent: boolean;
  /** Whether every wider difference is accepted, and with a revision also whether the file is current. */
  readonly isFit: boolean;
  readonly differences: readonly ComparedDifference[];
}

export interface Compared {
  readonly present: Kept;
  /** The file in the working folder. */
  readonly kept: KeptFile;
  /** The revision, and its file if it has one. */
  readonly base?: { readonly revision: string; readonly file: KeptFile | undefined };
}

/**
 * Compares the project with the kept file, or with the file of another revision.
 *
 * With a revision, a wider difference passes if the file of the working folder accepts it. Acceptances that the other revision
 * already has do not count, because they were for an earlier change.
 */
export const comparisonOf = ({ present, kept, base }: Compared): Comparison => {
  // The whole file must be equal, because a later pull request is compared with every entry of this file.
  const isCurrent = isSame(kept.kept, present);
  const reference = base?.file ?? kept;
  const reasonFor = base?.file === undefined ? () => undefined : freshReasons(kept, base.file);
  const differences = differencesBetween(reference.kept, present).map((difference) => ({
    ...difference,
    accepted: (difference.verdict === "widened" ? reasonFor(difference) : undefined) ?? null,
  }));
  const isOpen = ({ verdict, accepted }: ComparedDifference) => verdict === "widened" && accepted === null;
  return {
    base: base?.revision ?? null,
    hasBase: base === undefined || base.file !== undefined,
    isCurrent,
    isFit: !differences.some(isOpen) && (base === undefined || isCurrent),
    differences,
  };
};

/**
 * Returns a function that finds the reason for a difference. An acceptance must have the words of the difference, because people
 * review the words and not the id.
 */
const freshReasons = ({ accepted }: KeptFile, base: KeptFile): ((difference: Difference) => string | undefined) => {
  const earlier = new Set(base.accepted.map(({ id }) => id));
  const fresh = accepted.filter(({ id }) => !earlier.has(id));
  return ({ id, subject, what }) => fresh.find((one) => one.id === id && one.subject === subject && one.what === what)?.reason;
};

/** The acceptance that the command line asks for. */
export interface Accepting {
  readonly reason: string;
  /** The beginnings of the ids to accept. Empty: all wider differences. */
  readonly ids: readonly string[];
}

/**
 * Returns the acceptances to write: acceptances that still count, and new acceptances with the reason.
 *
 * @throws {UsageError} for an id that no wider difference has.
 */
export const acceptedAfter = (compared: Compared, accepting: Accepting | undefined): readonly Accepted[] => {
  const { kept, base } = compared;
  const { differences } = comparisonOf(compared);
  const wider = differences.filter(({ verdict }) => verdict === "widened");
  const earlier = new Set(base?.file?.accepted.map(({ id }) => id));
  const isUsed = ({ id }: Accepted) => earlier.has(id) === false && wider.some((difference) => difference.id === id);
  const still = base?.file === undefined ? kept.accepted : kept.accepted.filter(isUsed);
  if (accepting === undefined) return still;
  const { reason, ids } = accepting;
  for (const id of ids)
    if (!wider.some((difference) => isNamed(difference, id)))
      throw new UsageError(`--change ${id}: no wider difference has this id. List the differences with quater exposure --check`);
  const chosen = wider.filter((difference) => ids.length === 0 || ids.some((id) => isNamed(difference, id)));
  if (chosen.length === 0) throw new UsageError(`--accept: nothing became wider, so ${keptFileName} needs no acceptance`);
  const known = new Set(chosen.map(({ id }) => id));
  return [...still.filter(({ id }) => !known.has(id)), ...chosen.map(({ id, subject, what }) => ({ id, subject, what, reason }))];
};

const isNamed = ({ id }: Difference, given: string): boolean =>
  given.length >= 8 && (id === given || id.slice("sha256:".length).startsWith(given));

/** Returns the part of an id that the program prints. */
export const shortId = (id: string): string => id.slice("sha256:".length, "sha256:".length + 12);
