// Types and functions that the editors of JSON and TOML files share.

import { isDeepStrictEqual } from "node:util";
import type { Entry } from "./clients.ts";

/** The error about a configuration file that is not valid in its format. The error message is the end of a sentence. */
export class BrokenFile extends Error {}

export interface Edited {
  readonly text: string;
  /** The entry that the configuration file contained under the server's name: no entry, the same entry, or another entry. */
  readonly was: "absent" | "same" | "other";
}

export interface Wanted {
  readonly member: string;
  readonly name: string;
  readonly entry: Entry;
  /** Whether the configuration file may contain comments and trailing commas. */
  readonly hasComments: boolean;
}

/** Adds or replaces an entry in the text of a configuration file. @throws {BrokenFile} */
export type Edit = (text: string, wanted: Wanted) => Edited;

/**
 * Whether two values from configuration files are equal. The function ignores the prototypes of objects, because the parsers make
 * objects with different prototypes.
 */
export const isSame = (one: unknown, other: unknown): boolean => isDeepStrictEqual(structuredClone(one), structuredClone(other));
