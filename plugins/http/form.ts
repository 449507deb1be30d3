// Reads forms: `application/x-www-form-urlencoded`, and `multipart/form-data` with or without files. The fields of a form are
// texts. Quater converts the texts of a form to the types in the input schema, like the texts of a query. Quater reads a part
// with the type application/json as JSON.

import type { IncomingMessage, ServerResponse } from "node:http";
import type { Readable, Writable } from "node:stream";
import { visible } from "../../core/diagnostics/text.ts";
import { invalid, isQuaterError, type QuaterError } from "../../core/index.ts";
import { andThen } from "../../core/model/principal.ts";
import type { Uploading } from "../../core/plugin/uploading.ts";
import { type Awaitable, cancelled, type GivenInput, parseJsonBytes, tooLarge } from "../../core/plugin-api.ts";
import { pointerStep } from "../../core/schema/json.ts";
import { beginBody, jsonType, readBytes, readJsonBody, readQuery, tooManyBodies } from "./body.ts";
import { TransportRefusal } from "./refusals.ts";
import { holdBody } from "./sockets.ts";

/** The largest number of parts that a multipart form may have. */
const maxParts = 1_000;
const maxNameBytes = 200;
/** The largest number of bytes around the content of one part: the boundary and headers of this part. */
const partOverhead = 16 * 1024;

const isUrlencoded = (type: string | undefined): boolean => /^application\/x-www-form-urlencoded\s*(?:;|$)/i.test(type ?? "");
const isMultipart = (type: string | undefined): boolean => /^multipart\/form-data\s*(?:;|$)/i.test(type ?? "");

/**
 * Reads a urlencoded form.
 * @throws {QuaterError | TransportRefusal} or rejects with one: 400 for text that is not UTF-8, 413 for a form over the limit.
 */
const readUrlencoded = (req: IncomingMessage, res: ServerResponse, maxBytes: number): Awaitable<GivenInput[]> =>
  andThen(readBytes(req, res, maxBytes), (bytes) => {
    if (bytes.some((byte) => byte > 0x7f))
      throw new TransportRefusal("bad_request", "The form has characters that are not percent-encoded");
    return [{ from: "body", isText: true, values: readQuery(bytes.toString("latin1"), "The form") }];
  });

export interface BodyOptions {
  /** The largest number of bytes of a body, or of a form without its files. */
  readonly maxBytes: number;
  /** Stores the files of a form. `undefined` if the handler accepts no files. */
  readonly uploads: Uploading | undefined;
  /** The largest number of bytes of all files of a form together. */
  readonly fileBytes: number;
  readonly takesForms: boolean;
}

/**
 * Reads the body of an HTTP request by the media type of the body.
 *
 * @throws {QuaterError | TransportRefusal} or rejects with one: 415 for a media type that the route does not accept, 413 for a
 *   body over the limit, `json_*`.
 */
export const readBody = (req: IncomingMessage, res: ServerResponse, options: BodyOptions): Awaitable<readonly GivenInput[]> => {
  const type = req.headers["content-type"];
  if (options.takesForms) {
    if (isMultipart(type)) return readMultipart(req, res, options);
    if (isUrlencoded(type)) return readUrlencoded(req, res, options.maxBytes);
  }
  return andThen(readJsonBody(req, res, options.maxBytes, options.takesForms), (body) => [body]);
};

/**
 * Reads a multipart form.
 * @throws {QuaterError | TransportRefusal} The promise rejects as soon as the function refuses a part. After a refused part, the
 *   function reads no further parts of the form.
 */
const readMultipart = async (
  req: IncomingMessage,
  res: ServerResponse,
  { maxBytes, uploads, fileBytes }: BodyOptions,
): Promise<GivenInput[]> => {
  const most = maxBytes + fileBytes + partOverhead;
  beginBody(req, res, most);
  const { Busboy } = await import("@fastify/busboy");
  const parser = parserOf(Busboy, req, maxBytes);
  const form = new Form(maxBytes, uploads);
  const contents: Readable[] = [];
  const taking: Promise<void>[] = [];
  const failures: unknown[] = [];
  try {
    await new Promise<void>((resolve, reject) => {
      const fail = (error: unknown) => {
        failures.push(error);
        reject(error);
      };
      parser.on("field", (name, value, isNameCut, isValueCut, _encoding, type) => {
        try {
          form.addText(name, value, type, isNameCut || isValueCut);
        } catch (error) {
          fail(error);
        }
      });
      parser.on("file", (name, content, filename, _encoding, type) => {
        contents.push(content);
        content.on("error", () => {}); // The code that reads the file also gets this error.
        taking.push(form.addFile(name, { name: filename, mediaType: type }, content).catch(fail));
      });
      for (const limit of ["partsLimit", "filesLimit", "fieldsLimit"] as const)
        parser.on(limit, () => fail(tooLarge("The form", `${maxParts} parts`)));
      feed(req, parser, most, fail, (bytes) => holdBody(res, bytes), maxBytes);
      parser.on("finish", resolve);
    });
    await Promise.all(taking);
    if (failures.length > 0) throw failures[0];
  } catch (error) {
    req.removeAllListeners("data").pause();
    for (const content of contents) content.destroy();
    await Promise.all(taking);
    throw refusalOf(error);
  }
  return form.given();
};

/**
 * Writes the body into the parser of the form, no faster than Quater writes the files in the body to disk. The HTTP request stays
 * open, so that the server can respond.
 */
const feed = (
  req: IncomingMessage,
  parser: Writable,
  most: number,
  fail: (error: unknown) => void,
  hold: (bytes: number) => boolean,
  mostHeld: number,
): void => {
  let size = 0;
  req.on("data", (part: Buffer) => {
    // At most `mostHeld` bytes of the body are text. Text stays in memory, and Quater writes files to disk.
    const held = Math.min(part.length, mostHeld - size);
    size += part.length;
    if (size > most) return fail(tooLarge("The body", `${most} bytes`));
    if (held > 0 && !hold(held)) return fail(tooManyBodies());
    if (parser.write(part)) return;
    req.pause();
    parser.once("drain", () => req.resume());
  });
  req.on("end", () => parser.end());
  req.on("close", () => {
    if (!req.complete) fail(cancelled());
  });
  req.on("error", () => fail(cancelled()));
  parser.on("error", fail);
};

type BusboyClass = typeof import("@fastify/busboy")["Busboy"];

const parserOf = (Busboy: BusboyClass, req: IncomingMessage, maxBytes: number) => {
  try {
    return new Busboy({
      headers: { ...req.headers, "content-type": req.headers["content-type"] ?? "" },
      limits: {
        fieldNameSize: maxNameBytes,
        fieldSize: maxBytes,
        fields: maxParts,
        files: maxParts,
        parts: maxParts,
        headerPairs: 20,
        headerSize: 8 * 1024,
      },
    });
  } catch {
    throw new TransportRefusal("bad_request", "The multipart form has no valid boundary in its Content-Type");
  }
};

/** Returns the error that the caller gets instead of an error of the form parser. */
const refusalOf = (error: unknown): unknown => {
  if (isQuaterError(error) || error instanceof TransportRefusal) return error;
  return new TransportRefusal("bad_request", "The multipart form is malformed or ends early");
};

/** The parts of one multipart form. */
class Form {
  readonly #texts = new Map<string, string[]>();
  readonly #values = new Map<string, unknown[]>();
  readonly #maxBytes: number;
  readonly #uploads: Uploading | undefined;
  readonly #counts = new Map<string, number>();
  #bytes = 0;

  constructor(maxBytes: number, uploads: Uploading | undefined) {
    this.#maxBytes = maxBytes;
    this.#uploads = uploads;
  }

  addText(name: string, value: string, type: string, isCut: boolean): void {
    this.#count(Buffer.byteLength(value) + name.length);
    if (isCut) throw this.#tooLarge();
    if (jsonType.test(type)) listIn(this.#values, name).push(parseJsonBytes(Buffer.from(value)));
    else listIn(this.#texts, name).push(value);
  }

  #count(bytes: number): void {
    this.#bytes += bytes;
    if (this.#bytes > this.#maxBytes) throw this.#tooLarge();
  }

  #tooLarge(): QuaterError {
    return tooLarge("The form without its files", `${this.#maxBytes} bytes`);
  }

  async addFile(name: string, announced: { name: string | undefined; mediaType: string }, content: AsyncIterable<Uint8Array>) {
    const field = this.#uploads?.field(name);
    // Browsers send a file name with every Blob in a form, also with a Blob of JSON.
    if (field === undefined && jsonType.test(announced.mediaType)) return this.#addJson(name, content);
    const path = pathOf(name);
    if (this.#uploads === undefined || field === undefined) return invalid(path, "is sent as a file, but must be a text field");
    const count = (this.#counts.get(name) ?? 0) + 1;
    this.#counts.set(name, count);
    if (count > field.most) invalid(path, field.isList ? `must have at most ${field.most} files` : "is given more than once");
    // Reserve the place of the file in the list now, because a short file may be on disk before a longer file that the client
    // sent first.
    const list = listIn(this.#values, name);
    const at = list.push(undefined) - 1;
    list[at] = await this.#uploads.take(field, announced, content);
  }

  async #addJson(name: string, content: AsyncIterable<Uint8Array>): Promise<void> {
    this.#count(name.length);
    const parts: Uint8Array[] = [];
    for await (const part of content) {
      this.#count(part.length);
      parts.push(part);
    }
    listIn(this.#values, name).push(parseJsonBytes(Buffer.concat(parts)));
  }

  given(): GivenInput[] {
    const texts = [...this.#texts].map(([name, values]) => [name, values.length === 1 ? values[0] : values] as const);
    const isList = (name: string) => this.#uploads?.field(name)?.isList === true;
    const values = [...this.#values].map(([name, list]) => {
      if (list.length > 1 && !isList(name)) invalid(pathOf(name), "is given more than once");
      return [name, isList(name) ? list : list[0]] as const;
    });
    return [
      { from: "body", isText: true, values: Object.fromEntries(texts) },
      { from: "body", isText: false, values: Object.fromEntries(values) },
    ];
  }
}

const pathOf = (name: string): string => visible(`/${pointerStep(name)}`);

const listIn = <Value>(table: Map<string, Value[]>, name: string): Value[] => {
  const list = table.get(name) ?? [];
  table.set(name, list);
  return list;
};
