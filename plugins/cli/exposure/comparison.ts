// Compares the exposure of the project with an exposure file, and decides which differences the file accepts.

import { UsageError } from "../output/exit.ts";
import { type Difference, isSame } from "./difference.ts";
import { differencesBetween } from "./differences.ts";
import type { Kept } from "./kept.ts";
import { type Accepted, type KeptFile, keptFileName } from "./kept-file.ts";

export interface ComparedDifference extends Difference {
  /** The reason for which the exposure file accepts the difference; `null` if the file does not accept the difference. */
  readonly accepted: string | null;
}

export interface Comparison {
  /** The git revision of the compared exposure file. `null`: the exposure file of the working folder is compared. */
  readonly base: string | null;
  /** Whether the git revision has an exposure file. If not, Quater compares with the exposure file of the working folder. */
  readonly hasBase: boolean;
  /** Whether `quater.exposure.json` in the working folder describes the present exposure of the project. */
  readonly isCurrent: boolean;
  /** Whether every wider difference is accepted. With a git revision, `quater.exposure.json` must also be current. */
  readonly isFit: boolean;
  readonly differences: readonly ComparedDifference[];
}

export interface Compared {
  readonly present: Kept;
  /** The exposure file in the working folder. */
  readonly kept: KeptFile;
  /** The git revision, and the exposure file of this revision if the revision has an exposure file. */
  readonly base?: { readonly revision: string; readonly file: KeptFile | undefined };
}

/**
 * Compares the project with the exposure file of the working folder, or with the exposure file of another git revision.
 *
 * With a git revision, a wider difference passes if the exposure file of the working folder accepts the difference. Acceptances
 * that the other revision already contains do not count, because people gave them for an earlier change.
 */
export const comparisonOf = ({ present, kept, base }: Compared): Comparison => {
  // The whole exposure file must be equal, because later pull requests are compared with every entry of this exposure file.
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
 * Returns a function that finds the reason for which a difference is accepted. People review the words and not the id of a
 * difference, so an acceptance must contain the words.
 */
const freshReasons = ({ accepted }: KeptFile, base: KeptFile): ((difference: Difference) => string | undefined) => {
  const earlier = new Set(base.accepted.map(({ id }) => id));
  const fresh = accepted.filter(({ id }) => !earlier.has(id));
  return ({ id, subject, what }) => fresh.find((one) => one.id === id && one.subject === subject && one.what === what)?.reason;
};

/** The acceptance of differences that the user requests on the command line. */
export interface Accepting {
  readonly reason: string;
  /** The beginnings of the ids of the differences to accept. Empty: all wider differences are accepted. */
  readonly ids: readonly string[];
}

/**
 * Returns the acceptances for the new exposure file: old acceptances that still count, and new acceptances with the given reason.
 *
 * @throws {UsageError} for the beginning of an id that no wider difference has.
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

/** Returns the part of a difference's id that the program prints. */
export const shortId = (id: string): string => id.slice("sha256:".length, "sha256:".length + 12);
