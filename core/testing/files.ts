// Files for tests: small sample contents of common media types, and schemas in which a file is written as JSON.

import { Readable } from "node:stream";
import type { WrittenFile } from "../plugin/surface.ts";
import { fileRulesOf, isAllowedType, OfferedFile, type UploadedFile } from "../schema/file.ts";
import { isPlainObject, type JsonSchema, withSubschemas } from "../schema/schema.ts";

/**
 * Makes a file that a test can pass to `call`.
 *
 * @example
 * await app.as(ana).call("addPhoto", { photo: fileOf(await readFile("shelf.png"), { name: "shelf.png" }) });
 */
export const fileOf = (content: string | Uint8Array, { name, mediaType }: { name: string; mediaType?: string }): UploadedFile =>
  new OfferedFile(name, mediaType, () => Readable.from([Buffer.from(content)])) as unknown as UploadedFile;

/**
 * Sample contents by media type. A sample content is the first bytes by which Quater recognises the media type, or a whole text.
 */
const contents: readonly (readonly [mediaType: string, content: string])[] = [
  ["text/plain", "sample"],
  ["text/csv", "id,name\n1,sample\n"],
  ["application/json", '{"sample":true}'],
  ["image/png", "\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\b\x06\0\0\0\x1f\x15\xc4\x89\0\0\0\0IEND\xaeB`\x82"],
  ["image/jpeg", "\xff\xd8\xff\xe0\0\x10JFIF\0\x01\x01\0\0\x01\0\x01\0\0\xff\xd9"],
  ["image/gif", "GIF89a\x01\0\x01\0\0\0\0;"],
  ["image/webp", "RIFF\x1a\0\0\0WEBPVP8L\r\0\0\0/\0\0\0\x10\x07\x10\x11\x11\x88\x88\xfe\x07\0"],
  ["application/pdf", "%PDF-1.4\n%%EOF\n"],
  ["application/zip", `PK\x05\x06${"\0".repeat(18)}`],
  ["application/gzip", "\x1f\x8b\b\0\0\0\0\0\0\x03\x03\0\0\0\0\0\0\0\0\0"],
  ["application/octet-stream", "sample"],
];

/** Returns a file that the rules of a schema accept, or `undefined` for media types without a sample content. */
const sampleFile = (schema: JsonSchema): WrittenFile | undefined => {
  const found = contents.find(([type]) => isAllowedType(type, fileRulesOf(schema)?.mediaTypes ?? []));
  if (found === undefined) return undefined;
  const [mediaType, content] = found;
  return { name: "sample", mediaType, base64: Buffer.from(content, "latin1").toString("base64") };
};

/**
 * Returns the schema with each file replaced by the schema of `WrittenFile`. In the JSON input of a probe, files have the form
 * `WrittenFile`.
 */
export const withWrittenFiles = (schema: JsonSchema): JsonSchema => {
  if (fileRulesOf(schema) === undefined) {
    const copy = withSubschemas(schema, withWrittenFiles);
    // A multipart form cannot contain an empty list.
    return fileRulesOf(schema["items"]) === undefined
      ? copy
      : Object.assign(copy, { minItems: Math.max(1, Number(schema["minItems"] ?? 1)) });
  }
  const sample = sampleFile(schema);
  const text = { type: "string", minLength: 1 };
  return {
    type: "object",
    properties: { name: text, mediaType: { const: sample?.mediaType }, base64: { ...text, pattern: "^[A-Za-z0-9+/]+={0,2}$" } },
    required: ["name", "mediaType", "base64"],
    additionalProperties: false,
    ...(sample === undefined ? {} : { examples: [sample] }),
  };
};

/** Copies the input of a call, except the files in the input. */
export const clonedInput = (input: unknown): unknown => {
  if (!isPlainObject(input)) return structuredClone(input);
  const isOffered = (value: unknown) => [value].flat().some((one) => one instanceof OfferedFile);
  return Object.fromEntries(
    Object.entries(input).map(([name, value]) => [name, isOffered(value) ? value : structuredClone(value)]),
  );
};
