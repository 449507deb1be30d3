// The parts of a call's input as a surface gives them to the gate, and the storage of uploaded files.

import type { GivenInput } from "../model/given-input.ts";
import type { Awaitable } from "../model/principal.ts";
import type { FileField, UploadedFile } from "../schema/file.ts";

/** Stores the files of one call. The files are removed when the call has ended. */
export interface Uploading {
  /** Returns the file field of this name, or `undefined` if the handler has none. */
  field(name: string): FileField | undefined;
  /**
   * Writes the content to disk, and checks its length and its media type.
   *
   * @throws {QuaterError} `too_large`, `unavailable`, or `invalid_input` for another media type.
   */
  take(field: FileField, announced: Announced, content: AsyncIterable<Uint8Array>): Promise<UploadedFile>;
}

/** The facts about a file before its content arrives: the name and media type that the caller declares. */
export interface Announced {
  readonly name: string | undefined;
  readonly mediaType: string | undefined;
}

/** The parts of the input, or a function that reads the parts. */
export type GivenParts = readonly GivenInput[] | ((uploads?: Uploading) => Awaitable<readonly GivenInput[]>);
