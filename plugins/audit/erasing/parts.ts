// Computes the part of an event's body that is kept when personal data are erased.

import type { Catalog } from "../../../core/plugin-api.ts";

import { canonicalText, schemaDigestOf } from "../../../core/schema/digest.ts";

import { withoutPersonal } from "../../../core/schema/schema.ts";
import type { EventMeta } from "../log/event.ts";

/** The text that replaces a `personal()` value. */
export const erasedText = "[erased]";

/**
 * Returns the arguments without their `personal()` fields; `undefined` when the schema of the call is no longer known.
 *
 * @param schema  The digest of the input schema under which the arguments were given.
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

/** The part of a body that is kept. `all`: the body has no personal data. `undefined`: nothing is kept. */
export type Kept = "all" | { readonly args: unknown } | undefined;

/**
 * Returns the part of a body that is kept. Results, previews and reasons are erased completely, because their schemas are not
 * recorded. From the arguments, the fields without `personal()` are kept, unless the input schema has changed since the call.
 */
export const keptOf = (catalog: Catalog, { handler, schema }: EventMeta, body: string): Kept => {
  const content = contentOf(body);
  if (content?.["args"] === undefined) return undefined;
  const args = argumentsWithoutPersonal(catalog, handler, schema, content["args"]);
  if (args === undefined) return undefined;
  const isSame = canonicalText(args) === canonicalText(content["args"]);
  return isSame && Object.keys(content).length === 1 ? "all" : { args };
};

/** Parses a body. A body that another program changed may contain anything, so it is erased completely. */
const contentOf = (body: string): Readonly<Record<string, unknown>> | undefined => {
  try {
    return Object(JSON.parse(body)) as Readonly<Record<string, unknown>>;
  } catch {
    return undefined;
  }
};
