// Files and texts as answers.

import type { Readable } from "node:stream";
import { isPlainObject } from "./schema.ts";
import { Type } from "./typebox.ts";

/** What a handler returns where its output is a file: the path of one under the schema's `folder`, or the content. */
export type FileAnswer = (
  | { readonly path: string; readonly content?: never }
  | { readonly content: Uint8Array | string; readonly path?: never }
) & {
  /** What the caller may save it as. Default: the last part of `path`. */
  readonly name?: string;
  /** Default: by the name, or the only one of the schema's `mediaTypes`. */
  readonly mediaType?: string;
};

export interface FileAnswerRules {
  /** Where files of a `path` are: absolute, or relative to the project. Links are not followed. */
  readonly folder?: string;
  /** Media types of the answers: `["application/pdf"]`, or `["image/*"]`. */
  readonly mediaTypes: readonly string[];
  readonly description?: string;
}

/** The mark of a file as an output, for the compiler. */
export interface FileAnswerMark {
  readonly "~fileAnswer": true;
}

const fileAnswerMark = "x-quater-file-answer";
const textMark = "x-quater-text";

export const fileAnswerSchema = ({ folder, mediaTypes, description }: FileAnswerRules) =>
  Type.Unsafe<SentFile>({
    ...(description === undefined ? {} : { description }),
    [fileAnswerMark]: { folder, mediaTypes },
  }) as ReturnType<typeof Type.Unsafe<SentFile>> & FileAnswerMark;

export const fileAnswerRulesOf = (schema: unknown): FileAnswerRules | undefined =>
  isPlainObject(schema) && fileAnswerMark in schema ? (schema[fileAnswerMark] as FileAnswerRules) : undefined;

/**
 * A text of a media type as an output, such as CSV. Over a surface with media types it leaves as it is; elsewhere it is a text.
 *
 * @example
 * output: text("text/csv")
 */
export const text = (mediaType: `${string}/${string}`) => Type.String({ [textMark]: mediaType });

/** The media type of a text output; `undefined` for other schemas. */
export const textTypeOf = (schema: unknown): string | undefined =>
  isPlainObject(schema) && typeof schema[textMark] === "string" ? schema[textMark] : undefined;

/** A file on its way to the caller. */
export class SentFile {
  readonly name: string | undefined;
  readonly mediaType: string;
  /** Length of the whole content. */
  readonly bytes: number;
  /** Changes when the content changes. */
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

  /** Nothing is open before the first byte is read. @param to  The last byte, included. */
  stream(from = 0, to = this.bytes - 1): Readable {
    return this.#open(from, to);
  }
}
