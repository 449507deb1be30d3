// Exposure keys: the fields of a handler's exposure that plugins own, such as `audit`.

import { type Branded, brand } from "../diagnostics/brand.ts";
import type { Operation } from "../model/operation.ts";
import type { JsonSchema } from "../schema/schema.ts";
import type { Static, TSchema } from "../schema/typebox.ts";

/** The fault of the value of an exposure key, and the remedy. */
export interface KeyProblem {
  readonly cause: string;
  readonly remedy: string;
}

/**
 * The meaning of an exposure key for core and other plugins. An exposure key has this meaning with every value except `false`:
 * - `public`: callers need no credential, on the surfaces that can be public. Sets `operation.isPublic`.
 * - `approval`: people must approve each call. Sets `operation.needsApproval`.
 */
export type KeyMeaning = "public" | "approval";

/** A key of a handler's exposure, made by `exposureKey`. */
export interface ExposureKey<Given = unknown, Value = unknown> extends Branded<"exposure-key"> {
  readonly key: string;
  /** The schema for the value of the exposure key. */
  readonly schema: JsonSchema | object;
  readonly remedy?: string;
  readonly owner?: string;
  readonly means?: KeyMeaning;
  readonly check?: (given: never, operation: Operation) => readonly KeyProblem[];
  readonly resolve?: (given: never, operation: Operation) => unknown;
  /**
   * Returns the value that `resolve` made for this handler. Returns `undefined` if the exposure of the handler does not have the
   * key.
   */
  readonly of: (operation: Operation | undefined) => Value | undefined;
  readonly "~given"?: Given;
}

/** The type of an exposure key's value in the manifest. */
export type ExposureValue<Key> = Key extends ExposureKey<infer Given> ? Given : never;

export interface ExposureKeyRules<Given, Value> {
  /** The remedy for a value of the exposure key that the schema refuses: `Write "GET /path" or { route, status?, bind? }`. */
  readonly remedy?: string;
  /** The name of the plugin that owns the exposure key. Default: the name of the exposure key. */
  readonly owner?: string;
  readonly means?: KeyMeaning;
  /** Returns the faults that the schema cannot find in the value of the exposure key for this handler. */
  readonly check?: (given: Given, operation: Operation) => readonly KeyProblem[];
  /**
   * Turns the value of the exposure key in the manifest into the value that the plugin uses. Quater calls `resolve` once per
   * handler at boot, for values that fit the schema. An error that `resolve` throws stops the boot. The message of the error is
   * the cause of the boot problem, and the hint of a QuaterError is the remedy.
   */
  readonly resolve?: (given: Given, operation: Operation) => Value;
}

const keyOwners = new Map<string, string>();

/**
 * Defines a key of the exposure table. List the key in the field `exposure` of the plugin, and read the value of the key with
 * `.of(operation)`.
 *
 * @param schema  The schema for the value of the exposure key. Quater does not close this schema, so write
 * `additionalProperties: false` for objects.
 *
 * @example
 * const quotaKey = exposureKey("quota", Quota, { resolve: ({ perMinute }) => ({ everyMs: 60_000 / perMinute }) });
 * declare module "quater" {
 *   interface Exposure { readonly quota?: ExposureValue<typeof quotaKey> }
 * }
 */
export const exposureKey = <const Schema extends TSchema, Value = Static<Schema>>(
  name: string,
  schema: Schema,
  rules: ExposureKeyRules<NoInfer<Static<Schema>>, Value> = {},
): ExposureKey<Static<Schema>, Value> => {
  if (rules.owner !== undefined) keyOwners.set(name, rules.owner);
  return Object.freeze({
    ...rules,
    key: name,
    schema,
    of: (operation: Operation | undefined) => operation?.resolved.get(name) as Value | undefined,
    [brand]: "exposure-key" as const,
  });
};

/**
 * Returns the name of the plugin that owns an exposure key. The name is for the boot problem about a key that no configured
 * plugin owns.
 */
export const keyOwnerOf = (key: string): string => keyOwners.get(key) ?? key;

/** Whether the exposure has an exposure key with this meaning whose value is not `false`. */
export const says = (keys: Iterable<ExposureKey>, exposure: Readonly<Record<string, unknown>>, meaning: KeyMeaning): boolean => {
  for (const { key, means } of keys) if (means === meaning && exposure[key] !== undefined && exposure[key] !== false) return true;
  return false;
};
