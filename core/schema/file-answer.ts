// File outputs and text outputs of handlers.

import type { Readable } from "node:stream";
import { isPlainObject } from "./schema.ts";
import { Type } from "./typebox.ts";

/** The value that a handler with a file output returns: the path of a file under the schema's `folder`, or the content itself. */
export type FileAnswer = (
  | { readonly path: string; readonly content?: never }
  | { readonly content: Uint8Array | string; readonly path?: never }
) & {
  /** The file name that the caller gets for saving. Default: the last part of `path`. */
  readonly name?: string;
  /** The media type. Default: the type for the file name, or the only media type in the schema's `mediaTypes`. */
  readonly mediaType?: string;
};

export interface FileAnswerRules {
  /**
   * The folder that contains the files of a `path`: absolute, or relative to the project. Links in this folder are not followed.
   */
  readonly folder?: string;
  /** The media types that answers may have: `["application/pdf"]`, or `["image/*"]`. */
  readonly mediaTypes: readonly string[];
  readonly description?: string;
}

/** The rules of a file output, with the rules that only images and sounds have. */
export interface SentRules extends FileAnswerRules {
  /** What the content is. A surface with kinds of content shows images and sounds to people and models. */
  readonly kind?: "image" | "audio";
  /** The maximum length of the content, bytes. */
  readonly maxBytes?: number;
}

/** Marks a file output for the compiler. */
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
 * The schema of a text output with a media type, such as CSV. A surface with media types sends the text unquoted; other surfaces
 * send a string.
 *
 * @example
 * output: text("text/csv")
 */
export const text = (mediaType: `${string}/${string}`) => Type.String({ [textMark]: mediaType });

/** Returns the media type of a text output, or `undefined` for other schemas. */
export const textTypeOf = (schema: unknown): string | undefined =>
  isPlainObject(schema) && typeof schema[textMark] === "string" ? schema[textMark] : undefined;

/** A file that is sent to the caller. */
export class SentFile {
  readonly name: string | undefined;
  readonly mediaType: string;
  /** The length of the whole content, bytes. */
  readonly bytes: number;
  /** A text that changes when the content changes. */
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
   * Returns a stream of the content. The file is opened when the first byte is read. @param to  The index of the last byte to
   * read.
   */
  stream(from = 0, to = this.bytes - 1): Readable {
    return this.#open(from, to);
  }
}
