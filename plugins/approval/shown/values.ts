// Converts arguments and previews to rows of path, type and text. values.ts flattens objects and arrays, so the requester cannot
// create a misleading layout. Before the conversion to rows, values.ts replaces secrets.

import { pointerStep } from "../../../core/schema/json.ts";
import { masked } from "../../../core/schema/schema.ts";
import type { Filed } from "../record.ts";
import { type ShownText, safeText, type View } from "./safe-text.ts";
import { hasHalves } from "./unseen.ts";

export type ValueType =
  | "string"
  | "number"
  | "boolean"
  | "null"
  | "empty string"
  | "empty object"
  | "empty array"
  /**
   * A `secret()` field, or a text of the preview that contains a secret. `value` contains the length of the secret, and never its
   * content.
   */
  | "secret";

export interface ShownValue {
  /** The path of the value as JSON Pointer (RFC 6901), `/lines/0/amount`; empty for a value that is the whole input. */
  readonly path: ShownText;
  readonly type: ValueType;
  /**
   * The value as text. The text of an empty value is empty. The text of a number or boolean is the JSON of this number or
   * boolean.
   */
  readonly value: ShownText;
}

export interface ShownValues {
  readonly rows: readonly ShownValue[];
  /** How many rows of the arguments or the preview the view leaves out. */
  readonly rowsLeftOut: number;
}

/**
 * Returns the arguments of a call as rows. @param tagOf  Returns a keyed digest, `hmac:<key id>:<64 hex>`. The keyed digest shows
 * that two secrets are equal, but nobody can guess the secret from the keyed digest.
 */
export const shownArguments = (
  { args, schema, tagOf }: { readonly args: unknown; readonly schema: unknown; readonly tagOf: (value: unknown) => string },
  view: View,
): ShownValues & { readonly secretTexts: readonly string[] } => {
  const secrets = new Map<symbol, unknown>();
  const restored = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value, (_key, item: unknown) => (typeof item === "symbol" ? secrets.get(item) : item)));
  // The mark is an object with a symbol as its key. Several parts of a schema may apply to one value, and a later part of the
  // schema must not look inside a mark.
  const withMarks = masked(schema, args, (secret) => {
    if (typeof secret === "symbol") return secret;
    const mark = Symbol("secret");
    secrets.set(mark, restored(secret));
    return mark;
  });
  const tagged = (secret: unknown): ShownText => {
    const text = typeof secret === "string" ? secret : JSON.stringify(secret);
    return safeText(`${[...text].length} characters, ${tagOf(secret).slice(0, -48)}`, "full");
  };
  const leaves = leavesOf(withMarks);
  return {
    ...rowsOf(leaves, view, ({ value }) => (typeof value === "symbol" ? tagged(secrets.get(value)) : undefined)),
    secretTexts: [...secrets.values()].flatMap((secret) =>
      leavesOf(secret).flatMap(({ value }) => textsIn(value).filter((text) => text !== "")),
    ),
  };
};

/**
 * Returns the texts of a secret for which Quater searches the preview. A PIN may be a number in the arguments and a text in the
 * preview. A boolean has no text.
 */
const textsIn = (value: unknown): readonly string[] =>
  typeof value === "string" || typeof value === "number" ? [String(value)] : [];

/**
 * The length of the shortest secret for which Quater searches inside longer texts, in characters. Quater searches for a shorter
 * secret only as a whole value, because many texts contain a short text by chance.
 */
const shortestPart = 4;
const isHidden = safeText("not shown, because it contains a secret argument", "full");

/**
 * Returns a preview as rows. A preview has no schema that marks secrets, so this function searches the preview for the secrets of
 * the arguments.
 *
 * @param secretTexts  The secrets of the arguments, as texts.
 */
export const shownPreview = (preview: unknown, secretTexts: readonly string[], view: View): ShownValues => {
  const holdsSecret = (text: string) =>
    secretTexts.some((secret) => text === secret || (secret.length >= shortestPart && text.includes(secret)));
  const leaves = leavesOf(preview).map(({ steps, value }) => ({
    steps: steps.map((step) => (holdsSecret(step) ? "[secret]" : step)),
    value,
  }));
  return rowsOf(leaves, view, ({ value }) => (textsIn(value).some(holdsSecret) ? isHidden : undefined));
};

/** The largest number of rows that a view shows of the arguments or of the preview. */
const mostRows: Readonly<Record<View, number>> = { row: 4, short: 100, full: Number.POSITIVE_INFINITY };

const rowsOf = (
  leaves: readonly Leaf[],
  view: View,
  secretOf: (leaf: Leaf) => ShownText | undefined,
): { readonly rows: readonly ShownValue[]; readonly rowsLeftOut: number } => {
  const listed = leaves.slice(0, mostRows[view]);
  return {
    rows: listed.map((leaf) => {
      const path = safeText(pointerOf(leaf.steps), view);
      const secret = secretOf(leaf);
      return secret === undefined ? { path, ...plainOf(leaf.value, view) } : { path, type: "secret", value: secret };
    }),
    rowsLeftOut: leaves.length - listed.length,
  };
};

const plainOf = (value: unknown, view: View): { readonly type: ValueType; readonly value: ShownText } => {
  const nothing = safeText("", view);
  if (value === "") return { type: "empty string", value: nothing };
  if (typeof value === "string") return { type: "string", value: safeText(value, view) };
  if (value === null) return { type: "null", value: safeText("null", view) };
  if (Array.isArray(value)) return { type: "empty array", value: nothing };
  if (typeof value === "object") return { type: "empty object", value: nothing };
  return { type: typeof value as "number" | "boolean", value: safeText(JSON.stringify(value), view) };
};

interface Leaf {
  readonly steps: readonly string[];
  /** A value that is neither an object nor an array, or an empty object or array. */
  readonly value: unknown;
}

/** Returns all values inside a value that contain no other value, in order. */
const leavesOf = (value: unknown, steps: readonly string[] = []): readonly Leaf[] => {
  const inside = entriesOf(value);
  return inside.length === 0 ? [{ steps, value }] : inside.flatMap(([key, item]) => leavesOf(item, [...steps, key]));
};

const entriesOf = (value: unknown): readonly [string, unknown][] =>
  value === null || typeof value !== "object" ? [] : Object.entries(value);

const pointerOf = (steps: readonly string[]): string => steps.map((step) => `/${pointerStep(step)}`).join("");

/** The reason why Quater cannot show an approval request to people. Quater does not file such an approval request. */
export interface Unrenderable {
  readonly in: "arguments" | "preview";
  /** The JSON Pointer to the value that Quater cannot show. The JSON Pointer is safe to print. */
  readonly path: string;
  /** The reason why Quater cannot show the value, as a text that follows the path: `is nested deeper than 64 levels`. */
  readonly reason: string;
}

const mostBytes = 16 * 1024;
const mostLevels = 64;
/**
 * The most bytes of all paths of one approval request together. Each nested value repeats its path, so 16 KiB of arguments could
 * fill megabytes of an approvals page.
 */
const mostPathLength = 256 * 1024;

/**
 * Returns the path and the reason of the first value that Quater cannot show; `undefined` if Quater can show all values. The
 * arguments and the preview must be the texts that the digest covers.
 */
export const unrenderableAt = ({ args, preview }: Pick<Filed, "args" | "preview">): Unrenderable | undefined => {
  const bytes = { arguments: Buffer.byteLength(args), preview: Buffer.byteLength(preview ?? "") };
  if (bytes.arguments + bytes.preview > mostBytes) {
    const where = bytes.arguments >= bytes.preview ? "arguments" : "preview";
    const steps = heaviest(JSON.parse((where === "arguments" ? args : preview) ?? "null"));
    return found(where, steps, `is too large: the whole request may have at most ${mostBytes} bytes`);
  }
  return unreadable("arguments", args) ?? (preview === undefined ? undefined : unreadable("preview", preview));
};

const unreadable = (where: Unrenderable["in"], text: string): Unrenderable | undefined => {
  let pathLength = 0;
  const visit = (value: unknown, steps: readonly string[]): Unrenderable | undefined => {
    if (steps.length > mostLevels) return found(where, steps, `is nested deeper than ${mostLevels} levels`);
    if (typeof value === "string" && hasHalves(value)) return found(where, steps, "contains half of a surrogate pair");
    const inside = entriesOf(value);
    if (inside.length === 0) pathLength += steps.reduce((sum, { length }) => sum + length + 1, 0);
    if (pathLength > mostPathLength) return found(where, steps, "is one of too many values with long names");
    for (const [key, item] of inside) {
      const failure = hasHalves(key)
        ? found(where, [...steps, key], "contains half of a surrogate pair")
        : visit(item, [...steps, key]);
      if (failure !== undefined) return failure;
    }
    return undefined;
  };
  return visit(JSON.parse(text), []);
};

const found = (where: Unrenderable["in"], steps: readonly string[], reason: string): Unrenderable => ({
  in: where,
  path: safeText(pointerOf(steps)).text,
  reason,
});

/**
 * Returns the path of the part of a value that has most of the bytes, at most 8 levels deep, so that the requester knows which
 * part to shorten.
 */
const heaviest = (value: unknown, steps: readonly string[] = []): readonly string[] => {
  const inside = entriesOf(value).map(([key, item]) => ({ key, item, size: JSON.stringify(item).length }));
  const most = inside.sort((one, other) => other.size - one.size)[0];
  const whole = inside.reduce((sum, { size }) => sum + size, 0);
  return most === undefined || most.size * 2 < whole || steps.length >= 8 ? steps : heaviest(most.item, [...steps, most.key]);
};
