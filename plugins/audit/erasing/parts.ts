// Decides which part of an event's body stays when personal data are erased.

import type { Catalog } from "../../../core/plugin-api.ts";

import { canonicalText, schemaDigestOf } from "../../../core/schema/digest.ts";

import { withoutPersonal } from "../../../core/schema/schema.ts";
import type { EventMeta } from "../log/event.ts";

/** Replaces a `personal()` value. */
export const erasedText = "[erased]";

/**
 * Returns the arguments without their `personal()` fields; `undefined` when the schema of that time is not known any more.
 *
 * @param schema  Digest of the input schema under which the arguments were given.
 */
export const argumentsWithoutPersonal = (
  catalog: Catalog,
  handler: string | undefined,
  schema: string | undefined,
  args: unknown,
): unknown => {
  const operation = handler === undefined ? undefined : catalog.get(handler);
  if (operation === undefined || schemaDigestOf(operation) !== schema) return undefined;
  return withoutPersonal(operation.input, args, erasedText);
};

/** The part of a body that is kept. `all`: the body has no personal data. */
export type Kept = "all" | { readonly args: unknown } | undefined;

/**
 * Results, previews and reasons are erased whole: no schema of their time is on record. Arguments keep what the input schema
 * does not mark by `personal()`, unless the schema has changed since.
 */
export const keptOf = (catalog: Catalog, { handler, schema }: EventMeta, body: string): Kept => {
  const content = contentOf(body);
  if (content?.["args"] === undefined) return undefined;
  const args = argumentsWithoutPersonal(catalog, handler, schema, content["args"]);
  if (args === undefined) return undefined;
  const isSame = canonicalText(args) === canonicalText(content["args"]);
  return isSame && Object.keys(content).length === 1 ? "all" : { args };
};

/** A body that somebody changed may hold anything. It is erased whole. */
const contentOf = (body: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    return Object(JSON.parse(body)) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
};
