// Reading a request's body and query, with every limit checked while reading.

import type { IncomingMessage, ServerResponse } from "node:http";
import { cut, visible } from "../../core/diagnostics/text.ts";
import { andThen } from "../../core/model/principal.ts";
import { type Awaitable, cancelled, type GivenInput, internal, parseJsonBytes, tooLarge } from "../../core/plugin-api.ts";
import { TransportRefusal } from "./refusals.ts";

export const hasBody = (req: IncomingMessage): boolean =>
  req.headers["transfer-encoding"] !== undefined ||
  (req.headers["content-length"] !== undefined && req.headers["content-length"] !== "0");

const jsonType = /^application\/(?:json|[a-z0-9.+-]+\+json)\s*(?:;|$)/i;

/** @throws {QuaterError | TransportRefusal} 415 for what is not JSON or compressed, 413 over the limit, `json_*`. */
export const readJsonBody = (req: IncomingMessage, res: ServerResponse, maxBytes: number): Awaitable<GivenInput> => {
  const type = req.headers["content-type"];
  if (type === undefined || !jsonType.test(type)) {
    throw new TransportRefusal("unsupported_media_type", "The body must be JSON: send Content-Type: application/json", {
      accept: "application/json",
    });
  }
  return andThen(readBytes(req, res, maxBytes), (bytes) => ({ from: "body", isText: false, values: parseJsonBytes(bytes) }));
};

/**
 * Returns the body, without a promise where all of it is there already.
 *
 * @throws {QuaterError | TransportRefusal} or rejects with them.
 */
export const readBytes = (req: IncomingMessage, res: ServerResponse, maxBytes: number): Awaitable<Buffer> => {
  const encoding = req.headers["content-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    throw new TransportRefusal("unsupported_media_type", "Compressed bodies are not accepted", { "accept-encoding": "identity" });
  }
  refuseCharset(req.headers["content-type"]);
  const limit = `${maxBytes} bytes`;
  const length = Number(req.headers["content-length"] ?? Number.NaN); // without one it ends when it ends
  if (length > maxBytes) throw tooLarge("The body", limit);
  if (req.readableDidRead || req.readableEnded)
    throw internal(new Error("A middleware has read the body, which only its route may read"));
  if (req.destroyed) throw cancelled(); // the caller has left, and nothing would ever tell us so again
  // The caller waits for leave to send: given only now, when nothing refused the call by its headers. RFC 9110 10.1.1: a
  // caller of HTTP/1.0 would take the 100 for the answer.
  if (req.headers.expect !== undefined && req.httpVersion === "1.1") res.writeContinue();
  return length > 0 && req.readableLength === length ? (req.read() as Buffer) : readParts(req, maxBytes, limit);
};

const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i;

/** RFC 8259 8.1: JSON is UTF-8. Bytes in another charset may be valid UTF-8 and mean another text. */
const refuseCharset = (type = ""): void => {
  const named = type.includes(";") ? charset.exec(type)?.[1] : undefined;
  if (named === undefined || /^utf-?8$/i.test(named)) return;
  const message = `The body must be UTF-8 and not ${cut(visible(named))}: send Content-Type: application/json`;
  throw new TransportRefusal("unsupported_media_type", message, { accept: "application/json" });
};

const readParts = (req: IncomingMessage, maxBytes: number, limit: string): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    req.on("data", (part: Buffer) => {
      size += part.length;
      if (size <= maxBytes) return void parts.push(part);
      req.removeAllListeners("data");
      reject(tooLarge("The body", limit));
    });
    req.on("end", () => resolve(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)));
    req.on("close", () => {
      if (!req.complete) reject(cancelled());
    });
    req.on("error", () => reject(cancelled()));
  });

const ownField = { configurable: true, enumerable: true, writable: true } as const;
/** How many parameters a query may have. */
const maxParameters = 1_000;

/**
 * Returns a query's texts by name; a repeated name gives a list. `+` is a space, as forms write it.
 *
 * @throws {TransportRefusal} 400 for a query that is not UTF-8 or has too many parameters.
 */
export const readQuery = (text: string): Readonly<Record<string, string | string[]>> => {
  const found: Record<string, string | string[]> = {};
  let count = 0;
  for (let start = 0, end: number; start < text.length; start = end + 1) {
    end = text.indexOf("&", start);
    if (end === -1) end = text.length;
    if (end === start) continue;
    if (++count > maxParameters) throw new TransportRefusal("bad_request", `The query has more than ${maxParameters} parameters`);
    const part = text.slice(start, end);
    const equals = part.indexOf("=");
    const name = decoded(equals === -1 ? part : part.slice(0, equals));
    const value = equals === -1 ? "" : decoded(part.slice(equals + 1));
    const before = Object.hasOwn(found, name) ? found[name] : undefined;
    if (Array.isArray(before)) before.push(value);
    else if (before !== undefined) found[name] = [before, value];
    else if (name === "__proto__")
      Object.defineProperty(found, name, { ...ownField, value }); // not the object's prototype
    else found[name] = value;
  }
  return found;
};

const decoded = (text: string): string => {
  if (!text.includes("%") && !text.includes("+")) return text;
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw new TransportRefusal("bad_request", "The query is not valid percent-encoded UTF-8");
  }
};
