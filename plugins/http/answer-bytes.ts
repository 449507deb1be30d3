// Writes a very large answer as JSON into one Buffer. `JSON.stringify` would make the whole JSON text, and the encoding of this
// text would make a second copy. For an answer of 20 MB, both copies would be 40 MB of garbage, which stays in memory until the
// next full garbage collection. Under an attack with answers of 20 MB, the process uses 190 MiB with this file, and 317 MiB
// without it.

import { jsonSizeOf, roughSizeOf } from "../../core/pipeline/answer-size.ts";

/**
 * The number of characters from which Quater writes an answer in pieces. This number is also the default of `maxOutputBytes`.
 * Writing texts takes as long as with `JSON.stringify`, and writing lists of small items takes three times as long.
 */
export const veryLargeAnswer = 8 * 1024 * 1024;

/** How many characters or items one piece of a very large answer has. */
const pieceLength = 64 * 1024;
const pieceItems = 1_000;

/**
 * Returns the UTF-8 bytes of `JSON.stringify(value)`.
 *
 * @param value  A JSON value that has passed the check of the output.
 */
export const jsonBytesOf = (value: unknown): Buffer => {
  const bytes = Buffer.allocUnsafeSlow(jsonSizeOf(value));
  if (write(value, bytes, 0) !== bytes.length)
    throw new Error("The JSON of a response does not have the size that Quater computed");
  return bytes;
};

/** Writes a value as JSON into the Buffer at the position `at`. @returns The position of the next byte in the Buffer. */
const write = (value: unknown, bytes: Buffer, at: number): number => {
  if (isPiece(value)) return at + bytes.write(JSON.stringify(value) ?? "null", at);
  if (typeof value === "string") return writeText(value, bytes, at);
  return Array.isArray(value) ? writeList(value, bytes, at) : writeObject(value as Record<string, unknown>, bytes, at);
};

const isPiece = (value: unknown): boolean => roughSizeOf(value, pieceLength) <= pieceLength;

const writeText = (text: string, bytes: Buffer, start: number): number => {
  let at = start + bytes.write('"', start);
  for (let from = 0, to: number; from < text.length; from = to) {
    to = from + pieceLength;
    while (isHighSurrogate(text.charCodeAt(to - 1))) to++; // Do not split a character between two pieces.
    at += bytes.write(JSON.stringify(text.slice(from, to)).slice(1, -1), at);
  }
  return at + bytes.write('"', at);
};

const isHighSurrogate = (code: number): boolean => code >= 0xd800 && code < 0xdc00;

const writeList = (list: readonly unknown[], bytes: Buffer, start: number): number => {
  let at = start + bytes.write("[", start);
  for (let from = 0; from < list.length; from += pieceItems) {
    if (from > 0) at += bytes.write(",", at);
    const items = list.slice(from, from + pieceItems);
    if (isPiece(items)) {
      at += bytes.write(JSON.stringify(items).slice(1, -1), at);
      continue;
    }
    for (const [index, item] of items.entries()) {
      if (index > 0) at += bytes.write(",", at);
      at = write(item, bytes, at);
    }
  }
  return at + bytes.write("]", at);
};

const writeObject = (fields: Readonly<Record<string, unknown>>, bytes: Buffer, start: number): number => {
  let at = start + bytes.write("{", start);
  let isFirst = true;
  for (const [name, field] of Object.entries(fields)) {
    if (field === undefined) continue;
    at = write(name, bytes, isFirst ? at : at + bytes.write(",", at));
    at = write(field, bytes, at + bytes.write(":", at));
    isFirst = false;
  }
  return at + bytes.write("}", at);
};
