// File outputs and text outputs of handlers.

import type { Readable } from "node:stream";
import { isPlainObject } from "./schema.ts";
import { Type } from "./typebox.ts";

/**
 * The value that a handler with a file output returns: the path of a file under `folder` of the schema, or the content of the
 * file.
 */
export type FileAnswer = (
  | { readonly path: string; readonly content?: never }
  | { readonly content: Uint8Array | string; readonly path?: never }
) & {
  /** The file name under which the caller can save the file. Default: the last part of `path`. */
  readonly name?: string;
  /**
   * The media type of the file. Default: the media type for the file name, or the only media type in the schema's `mediaTypes`.
   */
  readonly mediaType?: string;
};

export interface FileAnswerRules {
  /**
   * The folder that contains the files that handlers return by `path`. The folder path is absolute, or relative to the project.
   * Quater does not follow links in `folder`.
   */
  readonly folder?: string;
  /** The media types that the files may have: `["application/pdf"]`, or `["image/*"]`. */
  readonly mediaTypes: readonly string[];
  readonly description?: string;
}

/** The rules of a file output, and the rules that only images and sounds have. */
export interface SentRules extends FileAnswerRules {
  /** The kind of the file's content. A surface with kinds of content shows images and sounds to people and models. */
  readonly kind?: "image" | "audio";
  /** The maximum length of the file's content, bytes. */
  readonly maxBytes?: number;
}

/** Marks the schema of a file output for the compiler. */
export interface FileAnswerMark {
  readonly "~fileAnswer": true;
}

const fileAnswerMark = "x-quater-file-answer";
const textMark = "x-quater-text";

export const fileAnswerSchema = ({ folder, mediaTypes, description, kind, maxBytes }: SentRules) =>
  Type.Unsafe<SentFile>({
    ...(description === undefined ? {} : { description }),
    [fileAnswerMark]: { folder, mediaTypes, kind, maxBytes },
  }) as ReturnType<typeof Type.Unsafe<SentFile>> & FileAnswerMark;

export const fileAnswerRulesOf = (schema: unknown): SentRules | undefined =>
  isPlainObject(schema) && fileAnswerMark in schema ? (schema[fileAnswerMark] as SentRules) : undefined;

/**
 * The schema of a text output with a media type, such as CSV. A surface with media types sends the text unquoted. Other surfaces
 * send the text as a string.
 *
 * @example
 * output: text("text/csv")
 */
export const text = (mediaType: `${string}/${string}`) => Type.String({ [textMark]: mediaType });

/** Returns the media type of a text output, or `undefined` for other schemas. */
export const textTypeOf = (schema: unknown): string | undefined =>
  isPlainObject(schema) && typeof schema[textMark] === "string" ? schema[textMark] : undefined;

/** A file that Quater sends to the caller. */
export class SentFile {
  readonly name: string | undefined;
  readonly mediaType: string;
  /** The length of the whole file, bytes. */
  readonly bytes: number;
  /** A text that changes when the content of the file changes. */
  readonly version: string;
  readonly modifiedAt: Date | undefined;
  readonly #open: (from: number, to: number) => Readable;

  constructor(
    about: Pick<SentFile, "name" | "mediaType" | "bytes" | "version" | "modifiedAt">,
    open: (from: number, to: number) => Readable,
  ) {
    this.name = about.name;
    this.mediaType = about.mediaType;
    this.bytes = about.bytes;
    this.version = about.version;
    this.modifiedAt = about.modifiedAt;
    this.#open = open;
  }

  /**
   * Returns a stream of the file's content. Quater opens the file when the reader of the stream reads the first byte. @param to
   * The index of the last byte to read.
   */
  stream(from = 0, to = this.bytes - 1): Readable {
    return this.#open(from, to);
  }
}
