// Outputs that are content for people and models: images, sounds, links to resources, and resources with their content. A surface
// whose protocol has kinds of content sends these outputs as content. Other surfaces send an image or a sound as a file, and a
// link or a resource as JSON.

import { type FileAnswerMark, type FileAnswerRules, fileAnswerSchema, type SentFile } from "./file-answer.ts";
import { isPlainObject } from "./schema.ts";
import { Type } from "./typebox.ts";

/** The rules of an output that is an image or a sound. */
export interface MediaRules extends Partial<FileAnswerRules> {
  /** The maximum length of the image or the sound, bytes. */
  readonly maxBytes?: number;
}

/** Marks a schema of content with the kind of the content. */
export const contentMark = "x-quater-content";
/**
 * Marks a field whose value is the content itself. The trail stores the digest and the length of this value instead of the value.
 */
export const contentBytesMark = "x-quater-content-bytes";

const media = (kind: "image" | "audio", { mediaTypes = [`${kind}/*`], ...rules }: MediaRules) =>
  fileAnswerSchema({ ...rules, mediaTypes, kind }) as ReturnType<typeof Type.Unsafe<SentFile>> & FileAnswerMark;

const described = (description: string | undefined) => (description === undefined ? {} : { description });

const about = {
  uri: Type.String({ format: "uri", maxLength: 2_000 }),
  mediaType: Type.Optional(Type.String({ pattern: "^[a-z0-9]+/[a-z0-9!#$&^_.+-]+$", maxLength: 200 })),
};

const linkSchema = (rules: ContentRules = {}) =>
  Type.Object(
    {
      uri: about.uri,
      name: Type.String({ minLength: 1, maxLength: 200 }),
      title: Type.Optional(Type.String({ maxLength: 200 })),
      description: Type.Optional(Type.String({ maxLength: 1_000 })),
      mediaType: about.mediaType,
      bytes: Type.Optional(Type.Integer({ minimum: 0 })),
    },
    { ...described(rules.description), [contentMark]: "link" },
  );

const resourceSchema = ({ maxBytes, description }: ResourceRules = {}) => {
  const bytes = { [contentBytesMark]: true };
  const limit = maxBytes === undefined ? {} : { maxLength: 4 * Math.ceil(maxBytes / 3) };
  const text = { ...bytes, ...(maxBytes === undefined ? {} : { maxLength: maxBytes }) };
  const base64 = { ...bytes, ...limit, contentEncoding: "base64", pattern: "^[A-Za-z0-9+/]*={0,2}$" };
  return Type.Union(
    [Type.Object({ ...about, text: Type.String(text) }), Type.Object({ ...about, base64: Type.String(base64) })],
    {
      ...described(description),
      [contentMark]: "resource",
    },
  );
};

interface ContentRules {
  readonly description?: string;
}

interface ResourceRules extends ContentRules {
  /** The maximum length of the resource's content: bytes of `base64` after decoding, characters of `text`. */
  readonly maxBytes?: number;
}

/** Schemas of outputs that are an image, a sound, a link or a resource. */
export const content = {
  /**
   * The schema of an image as the whole output of a handler. The handler returns `{ content }` with the bytes or a text, or
   * `{ path }` of a file under `folder`. The default of `mediaTypes` is all images.
   *
   * @example
   * output: content.image({ mediaTypes: ["image/png"], maxBytes: 1_000_000 })
   */
  image: (rules: MediaRules = {}) => media("image", rules),
  /** The schema of a sound as the whole output of a handler. The handler returns the same values as for `content.image`. */
  audio: (rules: MediaRules = {}) => media("audio", rules),
  /**
   * The schema of a link to a resource: `{ uri, name, title?, description?, mediaType?, bytes? }`. `bytes` is the length of the
   * linked resource.
   */
  link: linkSchema,
  /** The schema of a resource with its content: `{ uri, mediaType?, text }`, or `{ uri, mediaType?, base64 }` for bytes. */
  resource: resourceSchema,
};

export type ContentKind = "link" | "resource";

const kindOf = (schema: unknown): ContentKind | undefined =>
  isPlainObject(schema) ? (schema[contentMark] as ContentKind | undefined) : undefined;

/**
 * Returns the kinds of content in an output that is a link, a resource, or a list of links and resources. Returns `undefined` for
 * all other outputs.
 */
export const contentKindsOf = (output: unknown): readonly ContentKind[] | undefined => {
  const own = kindOf(output);
  if (own !== undefined) return [own];
  const items = isPlainObject(output) && output["type"] === "array" ? output["items"] : undefined;
  if (!isPlainObject(items)) return undefined;
  const parts = kindOf(items) === undefined && Array.isArray(items["anyOf"]) ? (items["anyOf"] as unknown[]) : [items];
  const kinds = parts.map(kindOf);
  return kinds.every((kind) => kind !== undefined) ? kinds : undefined;
};
