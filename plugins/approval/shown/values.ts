// Converts arguments and previews to rows of path, type and text. Objects and arrays are flattened, so the requester cannot
// create a misleading layout. Secrets are replaced before that.

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
  /** JSON Pointer (RFC 6901), `/lines/0/amount`; empty for a value that is the whole input. */
  readonly path: ShownText;
  readonly type: ValueType;
  /** The value as text. Empty for an empty value. Numbers and booleans are written as in JSON. */
  readonly value: ShownText;
}

export interface ShownValues {
  readonly rows: readonly ShownValue[];
  /** How many rows the view leaves out. */
  readonly rowsLeftOut: number;
}

/**
 * Returns arguments as rows. @param tagOf Returns a keyed digest, `hmac:<key id>:<64 hex>`. The digest shows that two secrets are
 * equal, but nobody can guess the secret from the digest.
 */
export const shownArguments = (
  { args, schema, tagOf }: { readonly args: unknown; readonly schema: unknown; readonly tagOf: (value: unknown) => string },
  view: View,
): ShownValues & { readonly secretTexts: readonly string[] } => {
  const secrets = new Map<symbol, unknown>();
  const restored = (value: unknown): unknown =>
    JSON.parse(JSON.stringify(value, (_key, item: unknown) => (typeof item === "symbol" ? secrets.get(item) : item)));
  // The mark is an object with a symbol as its key: several parts of a schema may apply to one value, and a later part must not
  // look inside a mark.
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
 * Returns the texts of a secret that the preview is searched for. A PIN may be a number in the arguments and a text in the
 * preview. For a boolean there is no text.
 */
const textsIn = (value: unknown): readonly string[] =>
  typeof value === "string" || typeof value === "number" ? [String(value)] : [];

/**
 * The shortest secret, in characters, that is searched for inside longer texts. A shorter secret is searched for only as a whole
 * value, because many texts contain such a short text by chance.
 */
const shortestPart = 4;
const isHidden = safeText("not shown, because it contains a secret argument", "full");

/**
 * Returns a preview as rows. A preview has no schema that marks its secrets, so this function searches it for the secrets of the
 * arguments.
 *
 * @param secretTexts  The secrets of the arguments.
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

/** How many rows a view has at most. */
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

/** Returns all values that contain no other value, in order. */
const leavesOf = (value: unknown, steps: readonly string[] = []): readonly Leaf[] => {
  const inside = entriesOf(value);
  return inside.length === 0 ? [{ steps, value }] : inside.flatMap(([key, item]) => leavesOf(item, [...steps, key]));
};

const entriesOf = (value: unknown): readonly [string, unknown][] =>
  value === null || typeof value !== "object" ? [] : Object.entries(value);

const pointerOf = (steps: readonly string[]): string => steps.map((step) => `/${pointerStep(step)}`).join("");

/** Why a request cannot be shown to people. Such a request is not filed. */
export interface Unrenderable {
  readonly in: "arguments" | "preview";
  /** JSON Pointer to the value, printable. */
  readonly path: string;
  /** The reason, as a text that follows the path: `is nested deeper than 64 levels`. */
  readonly reason: string;
}

const mostBytes = 16 * 1024;
const mostLevels = 64;
/**
 * The most bytes of all paths together. Each nested value repeats its path, so 16 KiB of arguments could fill megabytes of a
 * page.
 */
const mostPathLength = 256 * 1024;

/**
 * Returns the first value that cannot be shown; `undefined` if all values can be shown. The arguments and the preview must be the
 * texts that the digest covers.
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
 * Returns the path of the part that has most of the bytes, at most 8 levels deep, so that the requester knows which part to
 * shorten.
 */
const heaviest = (value: unknown, steps: readonly string[] = []): readonly string[] => {
  const inside = entriesOf(value).map(([key, item]) => ({ key, item, size: JSON.stringify(item).length }));
  const most = inside.sort((one, other) => other.size - one.size)[0];
  const whole = inside.reduce((sum, { size }) => sum + size, 0);
  return most === undefined || most.size * 2 < whole || steps.length >= 8 ? steps : heaviest(most.item, [...steps, most.key]);
};
