// Types and functions that the editors of JSON and TOML share.

import { isDeepStrictEqual } from "node:util";
import type { Entry } from "./clients.ts";

/** Thrown if the file is not valid in its format. The message of this error is the end of a sentence. */
export class BrokenFile extends Error {}

export interface Edited {
  readonly text: string;
  /** What the file contained under the server's name: nothing, the same entry, or another entry. */
  readonly was: "absent" | "same" | "other";
}

export interface Wanted {
  readonly member: string;
  readonly name: string;
  readonly entry: Entry;
  /** Whether the file may have comments and trailing commas. */
  readonly hasComments: boolean;
}

/** Adds or replaces an entry in the text of a file. @throws {BrokenFile} */
export type Edit = (text: string, wanted: Wanted) => Edited;

/**
 * Whether two values of files are equal. The function ignores the prototypes of objects, because the parsers make objects with
 * different prototypes.
 */
export const isSame = (one: unknown, other: unknown): boolean => isDeepStrictEqual(structuredClone(one), structuredClone(other));
