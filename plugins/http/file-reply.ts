// Makes the responses that are files or texts of a media type. Such a response could be an HTML page, and the approvals page may
// have the same origin. So the headers of these responses make browsers run no scripts of the response, show only harmless media
// types, and save files of other media types.

import type { IncomingMessage } from "node:http";
import type { SentFile } from "../../core/schema/file-answer.ts";
import type { Reply } from "./reply.ts";
import { jsonPolicy } from "./security.ts";

/**
 * The media types that browsers may show. Browsers save files of all other media types. HTML, SVG, XML and PDF can contain
 * scripts.
 */
const inlineTypes = /^(?:image\/(?:png|jpeg|gif|webp|avif|bmp)|audio\/.+|video\/.+|text\/(?:plain|csv))$/;

/**
 * With `sandbox` in the content security policy, a browser gives a document an origin of its own and runs no scripts of the
 * document (CSP level 3, 6.3).
 */
const guarding = ["content-security-policy", "sandbox; default-src 'none'"] as const;

/**
 * Returns the header `Content-Disposition`. Headers are ASCII, so the header repeats a file name with other characters in the
 * form of RFC 8187.
 */
const dispositionOf = (mediaType: string, given: string | undefined): string => {
  const shown = inlineTypes.test(mediaType.split(";", 1)[0] ?? "") ? "inline" : "attachment";
  const name = given?.replaceAll(/[/\\\p{Cc}]/gu, "_");
  if (name === undefined || name === "") return shown;
  const plain = `${shown}; filename="${name.replaceAll(/[^ -~]|"/g, "_")}"`;
  if (/^[ -~]*$/.test(name)) return plain;
  const encoded = encodeURIComponent(Buffer.from(name).toString()).replaceAll(
    /['()*]/g,
    (one) => `%${one.charCodeAt(0).toString(16)}`,
  );
  return `${plain}; filename*=UTF-8''${encoded}`;
};

const typeOf = (mediaType: string): string =>
  mediaType.startsWith("text/") && !mediaType.includes("charset") ? `${mediaType}; charset=utf-8` : mediaType;

/** Returns the headers of a route's success response without the headers for JSON. */
const withoutType = (headers: readonly string[]): string[] => {
  const kept: string[] = [];
  for (let at = 0; at < headers.length; at += 2)
    if (headers[at] !== "content-type" && headers[at] !== jsonPolicy[0])
      kept.push(headers[at] as string, headers[at + 1] as string);
  return kept;
};

export const textReply = (value: string, mediaType: string, status: number, headers: readonly string[]): Reply => ({
  status,
  headers: [
    ...withoutType(headers),
    "content-type",
    typeOf(mediaType),
    "content-disposition",
    dispositionOf(mediaType, undefined),
    ...guarding,
  ],
  body: value,
});

/**
 * Returns a response with the whole file, a response with one range of the file (RFC 9110 14), or 304 if the caller has the same
 * version of the file. If the caller requests several ranges at once, the response contains the whole file, as RFC 9110 14.2
 * allows.
 *
 * @param status  The status of a success response.
 */
export const fileReply = (
  { headers: asked, method }: IncomingMessage,
  file: SentFile,
  status: number,
  success: readonly string[],
): Reply => {
  const { bytes, mediaType, modifiedAt, name, version } = file;
  const etag = `"${version}"`;
  const common = [
    ...withoutType(success),
    "etag",
    etag,
    ...(modifiedAt === undefined ? [] : ["last-modified", modifiedAt.toUTCString()]),
    ...guarding,
  ];
  const isRead = method === "GET" || method === "HEAD";
  if (isRead && hasVersion(asked, etag, modifiedAt)) return { status: 304, headers: common, body: "" };
  const described = [...common, "content-type", typeOf(mediaType), "content-disposition", dispositionOf(mediaType, name)];
  if (!isRead || status !== 200) return { status, headers: [...described, "content-length", String(bytes)], body: file.stream() };
  described.push("accept-ranges", "bytes");
  const range = rangeIn(asked, etag, bytes);
  if (range === "unsatisfiable") return { status: 416, headers: [...common, "content-range", `bytes */${bytes}`], body: "" };
  if (range === undefined) return { status, headers: [...described, "content-length", String(bytes)], body: file.stream() };
  const { start, end } = range;
  const headers = [...described, "content-range", `bytes ${start}-${end}/${bytes}`, "content-length", String(end - start + 1)];
  return { status: 206, headers, body: file.stream(start, end) };
};

/** Whether the caller has this version of the file. `If-None-Match` has precedence over `If-Modified-Since` (RFC 9110 13.2.2). */
const hasVersion = (asked: IncomingMessage["headers"], etag: string, modifiedAt: Date | undefined): boolean => {
  const tags = asked["if-none-match"];
  if (tags !== undefined) return tags.split(",").some((tag) => ["*", etag].includes(tag.trim().replace(/^W\//, "")));
  const since = Date.parse(asked["if-modified-since"] ?? "");
  return modifiedAt !== undefined && Math.floor(modifiedAt.getTime() / 1_000) * 1_000 <= since; // HTTP dates have whole seconds.
};

const oneRange = /^bytes=(\d{0,15})-(\d{0,15})$/;

/** Returns the one range of the file that the caller requests. `undefined` means the whole file. */
const rangeIn = (
  { range, "if-range": condition }: IncomingMessage["headers"],
  etag: string,
  bytes: number,
): { readonly start: number; readonly end: number } | "unsatisfiable" | undefined => {
  const [, first = "", last = ""] = oneRange.exec(range ?? "") ?? [];
  // If the caller has another version of the file, a range of this version would not fit the caller's version (RFC 9110 13.1.5).
  if ((first === "" && last === "") || (condition !== undefined && condition !== etag)) return undefined;
  if (first === "")
    return last === "0" || bytes === 0 ? "unsatisfiable" : { start: Math.max(0, bytes - Number(last)), end: bytes - 1 };
  if (last !== "" && Number(last) < Number(first)) return undefined;
  if (Number(first) >= bytes) return "unsatisfiable";
  return { start: Number(first), end: Math.min(bytes - 1, last === "" ? bytes - 1 : Number(last)) };
};
