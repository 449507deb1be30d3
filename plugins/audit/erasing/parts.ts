// Computes the part of an event's body that Quater keeps when Quater erases personal data.

import type { Catalog } from "../../../core/plugin-api.ts";

import { canonicalText, schemaDigestOf } from "../../../core/schema/digest.ts";

import { withoutPersonal } from "../../../core/schema/schema.ts";
import type { EventMeta } from "../log/event.ts";

/** The text that replaces the value of a `personal()` field. */
export const erasedText = "[erased]";

/**
 * Returns the arguments without their `personal()` fields; `undefined` when the catalog no longer has the input schema of the
 * call.
 *
 * @param schema  The digest of the input schema with which Quater checked the arguments.
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

/** The part of a body that an erasure keeps. `all`: the body has no personal data. `undefined`: the erasure keeps no part. */
export type Kept = "all" | { readonly args: unknown } | undefined;

/**
 * Returns the part of a body that an erasure keeps. The erasure removes results, previews and reasons completely, because events
 * do not contain the schemas of results, previews and reasons. The erasure keeps the arguments without their `personal()` fields,
 * unless the input schema has changed since the call.
 */
export const keptOf = (catalog: Catalog, { handler, schema }: EventMeta, body: string): Kept => {
  const content = contentOf(body);
  if (content?.["args"] === undefined) return undefined;
  const args = argumentsWithoutPersonal(catalog, handler, schema, content["args"]);
  if (args === undefined) return undefined;
  const isSame = canonicalText(args) === canonicalText(content["args"]);
  return isSame && Object.keys(content).length === 1 ? "all" : { args };
};

/** Parses a body. A body that another program has changed may contain any data, so Quater erases such a body completely. */
const contentOf = (body: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    return Object(JSON.parse(body)) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
};
