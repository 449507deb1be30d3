// The keys of the exposure table that plugins own.

import type { Operation } from "../model/operation.ts";
import type { JsonSchema } from "../schema/schema.ts";

/** A key of the exposure table that the plugin owns. */
export interface ExposureKey {
  readonly key: string;
  /** Of the key's value. */
  readonly schema: JsonSchema | object;
  /** The next step for whoever wrote a value that the schema refuses: `Write "GET /path" or { route, status?, bind? }`. */
  readonly remedy?: string;
  /** What is wrong with this value on this handler, beyond the schema: cause and remedy. */
  readonly check?: (value: unknown, operation: Operation) => readonly { readonly cause: string; readonly remedy: string }[];
}

const keyOwners = new Map<string, string>();

/** Names the plugin that owns an exposure key, if the names differ: for the boot problem where it is not configured. */
export const nameKeyOwner = (key: string, plugin: string): void => void keyOwners.set(key, plugin);

export const keyOwnerOf = (key: string): string => keyOwners.get(key) ?? key;
