// Writes the path of an HTTP request in one normal form before any middleware, route or check reads the path. `/items/5` and
// `/%69tems/5` name the same resource. Without the normal form, a path with another spelling could pass a check of the text of
// the path.

import { TransportRefusal } from "./refusals.ts";

/**
 * Matches a request target that is already in normal form. The path of such a request target has no percent sign, no empty
 * segment, and no segment that begins with a dot. Most request targets match.
 */
const plain = /^(?:\/[\w\-~!$&'()*+,;=:@][\w\-.~!$&'()*+,;=:@]*)*\/?(?:\?(?!\?)[!"$-~]*)?$/;
/**
 * The characters that a path segment may contain unencoded (`pchar` of RFC 3986 section 3.3): unreserved characters,
 * `!$&'()*+,;=`, `:` and `@`. In RFC 3986 section 2.2, `@` and `%40` may name two resources. In Quater, `@` and `%40` name one
 * resource, because a path parameter gets the decoded text `@` in both cases.
 */
const needsNoEncoding = /^[\w\-.~!$&'()*+,;=:@]$/;
/** Characters that clients may send unencoded, although RFC 3986 section 3.3 encodes them. */
const looselyWritten = /["<>[\]^`{|}]/g;
/**
 * Characters that a request target may not contain (RFC 9112 section 3.2), because parsers disagree about these characters. For
 * Koa, a number sign ends the query and changes the path of the request target. A tab or a byte outside of ASCII also changes the
 * path that Koa reads.
 */
const unreadable = /[^\x21-\x7e]|#/;

/**
 * Returns the request target with its path in the one normal form. The query stays unchanged, except for one character.
 *
 * - A character that a segment may contain unencoded is decoded: `/%69tems` becomes `/items`, `%40` becomes `@`.
 * - Every other character is percent-encoded, such as `%2F` and `%25`. So each decoded text of a segment has one spelling.
 * - Hexadecimal digits become upper case: `%c3` becomes `%C3`.
 * - An empty segment stays in the path: `/items//5` is another path than `/items/5`.
 * - A question mark at the beginning of the query is encoded, because Koa's `ctx.query` would drop the question mark.
 *
 * @param target  A request target that begins with a slash.
 * @throws {TransportRefusal} `bad_request` for a dot segment, a wrong percent-encoding, a path that begins with `//`, a backslash
 *   in the path, and a character that must be encoded anywhere in the request target.
 */
export const normalTarget = (target: string): string => {
  if (plain.test(target)) return target;
  const end = target.indexOf("?");
  const path = end === -1 ? target : target.slice(0, end);
  if (unreadable.test(target)) throw refused("The request path or the query contains a character that must be percent-encoded");
  // URL parsers read a backslash in a path as a slash.
  if (path.includes("\\")) throw refused("The request path contains a backslash, which must be percent-encoded as %5C");
  // URL parsers read the text after `//` as the name of a host.
  if (path.startsWith("//")) throw refused("The request path begins with two slashes, but must begin with one slash");
  const normal = path.replace(looselyWritten, encodeURIComponent).replace(/%([0-9A-Fa-f]{2})?/g, normalEncoding);
  if (!isDecodable(normal)) throw refused("The request path is not valid percent-encoded UTF-8");
  if (/\/\.\.?(?:\/|$)/.test(normal)) throw refused("The request path must not contain the segments . and ..");
  return end === -1 ? normal : `${normal}?${target.slice(end + 1).replace(/^\?/, "%3F")}`;
};

/** Returns the normal encoding of one character. `digits` is undefined for a percent sign without hexadecimal digits. */
const normalEncoding = (written: string, digits: string | undefined): string => {
  if (digits === undefined) throw refused("The request path is not valid percent-encoded UTF-8");
  const character = String.fromCharCode(Number.parseInt(digits, 16));
  return needsNoEncoding.test(character) ? character : written.toUpperCase();
};

const isDecodable = (path: string): boolean => {
  try {
    decodeURIComponent(path);
    return true;
  } catch {
    return false;
  }
};

const refused = (message: string): TransportRefusal => new TransportRefusal("bad_request", message);

/** Returns the path of a request target, without the query. */
export const pathOf = (target: string): string => {
  const end = target.indexOf("?");
  return end === -1 ? target : target.slice(0, end);
};
