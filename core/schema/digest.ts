// Writes a value as its one canonical text (RFC 8785), and computes digests of canonical texts. The same arguments of a call give
// the same digest on every surface.

import { createHash } from "node:crypto";
import canonicalize from "canonicalize";
import { ReceivedFile } from "./file.ts";

/**
 * Returns the RFC 8785 text of a JSON value.
 *
 * @param value  A JSON value. The input that the stage bind returns is always JSON.
 * @throws {TypeError} for values that JSON cannot represent: `undefined`, functions, dates, non-finite numbers, lone surrogates.
 */
export const canonicalText = (value: unknown): string => {
  assertJson(value);
  const text = canonicalize(value);
  if (text === undefined) throw new TypeError("The value cannot be written as JSON");
  return text;
};

// Refuses values that are not JSON, because the package canonicalize writes invalid JSON for functions and for holes in lists.
const assertJson = (value: unknown): void => {
  if (value === null || typeof value === "boolean") return;
  if (typeof value === "string") {
    assertWellFormed(value);
    return;
  }
  if (typeof value === "number" && Number.isFinite(value)) return;
  if (Array.isArray(value)) {
    for (let index = 0; index < value.length; index++) assertJson(value[index]);
    return;
  }
  if (typeof value === "object" && (isPlain(value) || ReceivedFile.is(value))) {
    for (const [key, item] of Object.entries(value)) {
      assertWellFormed(key);
      assertJson(item);
    }
    return;
  }
  throw new TypeError(
    `A value of the type ${typeof value === "object" ? (value.constructor?.name ?? "class") : typeof value} cannot be written as JSON`,
  );
};

const isPlain = (value: object): boolean => [Object.prototype, null].includes(Object.getPrototypeOf(value));

const assertWellFormed = (text: string): void => {
  if (/[\ud800-\udfff]/u.test(text)) throw new TypeError("A string with half of a surrogate pair cannot be written as JSON");
};

/**
 * Returns `sha256:` and 64 hexadecimal digits. `digestOfText` computes the digest over the UTF-8 bytes of the text. All digests
 * of Quater have this form.
 */
export const digestOfText = (text: string): string => `sha256:${createHash("sha256").update(text).digest("hex")}`;

/** Returns the digest of a call. `argumentsHash` computes the digest over the RFC 8785 text of `{ handler, input }`. */
export const argumentsHash = (handler: string, input: unknown): string => digestOfText(canonicalText({ handler, input }));

/**
 * Returns the digest of an operation's closed input schema. Approvals cover this digest, because the same arguments may have
 * another meaning under another schema.
 */
export const schemaDigestOf = ({ input }: { readonly input: unknown }): string =>
  digestOfText(canonicalText(JSON.parse(JSON.stringify(input))));
