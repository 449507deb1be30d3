// Answers that are files or texts of a media type. Pages could be among them, and the approvals page may have the same origin: so
// nothing in them runs, and a browser shows only harmless types and saves the others.

import type { IncomingMessage } from "node:http";
import type { SentFile } from "../../core/schema/file-answer.ts";
import type { Reply } from "./reply.ts";
import { jsonPolicy } from "./security.ts";

/** What browsers may show in the place of saving it. Not HTML, SVG, XML and PDF: these have scripts. */
const inlineTypes = /^(?:image\/(?:png|jpeg|gif|webp|avif|bmp)|audio\/.+|video\/.+|text\/(?:plain|csv))$/;

/** RFC 9110 and CSP level 3, 6.3: with `sandbox` a document has an origin of its own, and no scripts. */
const guarding = ["content-security-policy", "sandbox; default-src 'none'"] as const;

/** A header has ASCII alone, so a name with other characters is also given in the form of RFC 8187. */
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

/** The success headers of a route without those that say JSON. */
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
 * The whole file, one range of it (RFC 9110 14), or 304 where the caller has it already. Several ranges at once are answered with the
 * whole, as RFC 9110 14.2 allows.
 *
 * @param status  Of a success.
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

/** RFC 9110 13.2.2: whether the caller has this version already. `If-None-Match` goes before `If-Modified-Since`. */
const hasVersion = (asked: IncomingMessage["headers"], etag: string, modifiedAt: Date | undefined): boolean => {
  const tags = asked["if-none-match"];
  if (tags !== undefined) return tags.split(",").some((tag) => ["*", etag].includes(tag.trim().replace(/^W\//, "")));
  const since = Date.parse(asked["if-modified-since"] ?? "");
  return modifiedAt !== undefined && Math.floor(modifiedAt.getTime() / 1_000) * 1_000 <= since; // a date has whole seconds
};

const oneRange = /^bytes=(\d{0,15})-(\d{0,15})$/;

/** The one range that is asked for; `undefined` for the whole. */
const rangeIn = (
  { range, "if-range": condition }: IncomingMessage["headers"],
  etag: string,
  bytes: number,
): { readonly start: number; readonly end: number } | "unsatisfiable" | undefined => {
  const [, first = "", last = ""] = oneRange.exec(range ?? "") ?? [];
  // RFC 9110 13.1.5: a range of another version is of no use to the caller.
  if ((first === "" && last === "") || (condition !== undefined && condition !== etag)) return undefined;
  if (first === "")
    return last === "0" || bytes === 0 ? "unsatisfiable" : { start: Math.max(0, bytes - Number(last)), end: bytes - 1 };
  if (last !== "" && Number(last) < Number(first)) return undefined;
  if (Number(first) >= bytes) return "unsatisfiable";
  return { start: Number(first), end: Math.min(bytes - 1, last === "" ? bytes - 1 : Number(last)) };
};
