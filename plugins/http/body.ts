// Reads the body and the query of an HTTP request. Quater checks every limit of the body while the body arrives.

import type { IncomingMessage, ServerResponse } from "node:http";
import { cut, visible } from "../../core/diagnostics/text.ts";
import { andThen } from "../../core/model/principal.ts";
import { type Awaitable, cancelled, type GivenInput, internal, parseJsonBytes, tooLarge } from "../../core/plugin-api.ts";
import { TransportRefusal } from "./refusals.ts";
import { holdBody } from "./sockets.ts";

export const hasBody = (req: IncomingMessage): boolean =>
  req.headers["transfer-encoding"] !== undefined ||
  (req.headers["content-length"] !== undefined && req.headers["content-length"] !== "0");

const formTypes = ["application/x-www-form-urlencoded", "multipart/form-data"] as const;

export const jsonType = /^application\/(?:json|[a-z0-9.+-]+\+json)\s*(?:;|$)/i;

/**
 * Reads the JSON body of an HTTP request.
 * @throws {QuaterError | TransportRefusal} 415 for a body that is not JSON or is compressed, 413 for a body over the limit,
 *   `json_*`.
 */
export const readJsonBody = (
  req: IncomingMessage,
  res: ServerResponse,
  maxBytes: number,
  takesForms = false,
): Awaitable<GivenInput> => {
  const type = req.headers["content-type"];
  if (type === undefined || !jsonType.test(type)) {
    const accept = takesForms ? `application/json, ${formTypes.join(", ")}` : "application/json";
    const what = takesForms ? "JSON or a form" : "JSON";
    throw new TransportRefusal("unsupported_media_type", `The request body must be ${what}. Send Content-Type: ${accept}`, {
      accept,
    });
  }
  return andThen(readBytes(req, res, maxBytes), (bytes) => ({ from: "body", isText: false, values: parseJsonBytes(bytes) }));
};

/**
 * Returns the body of an HTTP request, or a promise of the body if a part of the body has not arrived yet.
 *
 * @throws {QuaterError | TransportRefusal} If the function returns a promise, the promise rejects with the same errors.
 */
export const readBytes = (req: IncomingMessage, res: ServerResponse, maxBytes: number): Awaitable<Buffer> => {
  refuseCharset(req.headers["content-type"]);
  const length = beginBody(req, res, maxBytes);
  return length > 0 && req.readableLength === length ? (req.read() as Buffer) : readParts(req, res, maxBytes);
};

/**
 * Checks the headers of an HTTP request with a body before Quater reads the first byte of the body. Sends `100 Continue` if the
 * client waits for `100 Continue`.
 *
 * @returns The length of the body that the client announced, or `NaN` for a body without announced length.
 * @throws {QuaterError | TransportRefusal} 415 for a compressed body, 413 for a body over the limit.
 */
export const beginBody = (req: IncomingMessage, res: ServerResponse, maxBytes: number): number => {
  const encoding = req.headers["content-encoding"];
  if (encoding !== undefined && encoding.toLowerCase() !== "identity") {
    throw new TransportRefusal(
      "unsupported_media_type",
      "The request body is compressed, which this server does not accept. Send the body without Content-Encoding",
      { "accept-encoding": "identity" },
    );
  }
  const length = Number(req.headers["content-length"] ?? Number.NaN);
  if (length > maxBytes) throw tooLarge("The body", `${maxBytes} bytes`);
  if (req.readableDidRead || req.readableEnded)
    throw internal(
      new Error(
        "A middleware has read the request body before the route. Remove the code that reads the body from the middleware",
      ),
    );
  if (req.destroyed) throw cancelled(); // The client has left, and no later event would report that the client has left.
  // Send 100 Continue only now, after all headers have passed their checks. An HTTP/1.0 client would read 100 Continue as the
  // response (RFC 9110 10.1.1).
  if (req.headers.expect !== undefined && req.httpVersion === "1.1") res.writeContinue();
  return length;
};

const charset = /;\s*charset\s*=\s*"?([^";\s]*)/i;

/**
 * Refuses bodies in charsets other than UTF-8 (RFC 8259 8.1). Bytes in another charset may be valid UTF-8 with another meaning.
 */
const refuseCharset = (type = ""): void => {
  const named = type.includes(";") ? charset.exec(type)?.[1] : undefined;
  if (named === undefined || /^utf-?8$/i.test(named)) return;
  const message = `The request body must be UTF-8, but its charset is ${cut(visible(named))}: send Content-Type: application/json`;
  throw new TransportRefusal("unsupported_media_type", message, { accept: "application/json" });
};

export const tooManyBodies = (): TransportRefusal =>
  new TransportRefusal("overloaded", "The server has too many request bodies in memory. Repeat the request later", {
    "retry-after": "1",
  });

const readParts = (req: IncomingMessage, res: ServerResponse, maxBytes: number): Promise<Buffer> =>
  new Promise((resolve, reject) => {
    const parts: Buffer[] = [];
    let size = 0;
    req.on("data", (part: Buffer) => {
      size += part.length;
      const isTooLarge = size > maxBytes;
      if (!isTooLarge && holdBody(res, part.length)) return void parts.push(part);
      req.removeAllListeners("data");
      parts.length = 0;
      reject(isTooLarge ? tooLarge("The body", `${maxBytes} bytes`) : tooManyBodies());
    });
    req.on("end", () => resolve(parts.length === 1 ? (parts[0] as Buffer) : Buffer.concat(parts)));
    req.on("close", () => {
      if (!req.complete) reject(cancelled());
    });
    req.on("error", () => reject(cancelled()));
  });

const ownField = { configurable: true, enumerable: true, writable: true } as const;
/** The largest number of parameters that a query may have. */
const maxParameters = 1_000;

/**
 * Returns the texts of a query by the names of the parameters. For a repeated name, the value is a list. `+` means a space, as in
 * forms.
 *
 * @throws {TransportRefusal} 400 for a query that is not UTF-8 or has too many parameters.
 */
export const readQuery = (text: string, what = "The query"): Readonly<Record<string, string | string[]>> => {
  const found: Record<string, string | string[]> = {};
  let count = 0;
  for (let start = 0, end: number; start < text.length; start = end + 1) {
    end = text.indexOf("&", start);
    if (end === -1) end = text.length;
    if (end === start) continue;
    if (++count > maxParameters) throw new TransportRefusal("bad_request", `${what} has more than ${maxParameters} parameters`);
    const part = text.slice(start, end);
    const equals = part.indexOf("=");
    const name = decoded(equals === -1 ? part : part.slice(0, equals), what);
    const value = equals === -1 ? "" : decoded(part.slice(equals + 1), what);
    const before = Object.hasOwn(found, name) ? found[name] : undefined;
    if (Array.isArray(before)) before.push(value);
    else if (before !== undefined) found[name] = [before, value];
    else if (name === "__proto__")
      // Define the field instead of setting it, so that a parameter `__proto__` does not set the prototype of the object.
      Object.defineProperty(found, name, { ...ownField, value });
    else found[name] = value;
  }
  return found;
};

const decoded = (text: string, what: string): string => {
  if (!text.includes("%") && !text.includes("+")) return text;
  try {
    return decodeURIComponent(text.replaceAll("+", " "));
  } catch {
    throw new TransportRefusal("bad_request", `${what} is not valid percent-encoded UTF-8`);
  }
};
