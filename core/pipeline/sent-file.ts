// Makes the file that Quater sends for a handler's file output. The path of the file must stay under the declared folder, and no
// part of the path may be a link.

import { createHash } from "node:crypto";
import { constants } from "node:fs";
import { lstat, open, realpath, stat } from "node:fs/promises";
import { basename, isAbsolute, join, resolve, sep } from "node:path";
import { Readable } from "node:stream";
import { internal } from "../diagnostics/errors.ts";
import { cut, visible } from "../diagnostics/text.ts";
import { isAllowedType } from "../schema/file.ts";
import { SentFile, type SentRules } from "../schema/file-answer.ts";
import { isPlainObject } from "../schema/schema.ts";

interface Place {
  /** The subject of error messages: `The output of getInvoice`. */
  readonly subject: string;
  /** The folder of the project. */
  readonly root: string;
}

/**
 * @returns A function from a handler's value to the file to send. The returned function rejects with `internal` when the value
 * does not name a file.
 */
export const fileAnswerOf =
  ({ folder, mediaTypes, maxBytes = Number.POSITIVE_INFINITY }: SentRules, { subject, root }: Place) =>
  async (value: unknown): Promise<SentFile> => {
    const wrong = (what: string) => internal(new Error(`${subject} ${what}`));
    if (!isPlainObject(value)) throw wrong("must be an object { path } or { content }");
    const { path, content, name: given, mediaType } = value;
    if (given !== undefined && typeof given !== "string") throw wrong("has a name that is not a string");
    const name = given ?? (typeof path === "string" ? basename(path) : undefined);
    const isContent = typeof content === "string" || content instanceof Uint8Array;
    if (!isContent && typeof path !== "string") throw wrong("must be an object { path } or { content }");
    if (!isContent && folder === undefined) throw wrong("has a path, but its file() declares no folder");
    const found = isContent ? undefined : await underFolder(resolve(root, folder ?? ""), String(path));
    if (typeof found === "string") throw wrong(`has the path ${cut(visible(String(path)))}, which ${found}`);
    const type = mediaType ?? (await typeOfName(name, mediaTypes));
    if (typeof type !== "string" || !isAllowedType(type.split(";", 1)[0] ?? "", mediaTypes))
      throw wrong(`has the media type ${visible(String(type))}, but mediaTypes allows only ${mediaTypes.join(", ")}`);
    const length = found?.bytes ?? Buffer.byteLength(content as string);
    if (length > maxBytes) throw wrong(`has ${length} bytes, but maxBytes allows ${maxBytes}`);
    if (found === undefined) return inMemory(Buffer.from(content as string), name, type);
    const { whole, bytes, mtimeMs, ino } = found;
    const version = createHash("sha256").update(`${bytes}-${mtimeMs}-${ino}`).digest("base64url").slice(0, 22);
    const about = { name, mediaType: type, bytes, version, modifiedAt: new Date(mtimeMs) };
    return new SentFile(about, (from, to) => Readable.from(contentOf(whole, ino, from, to), { objectMode: false }));
  };

const typeOfName = async (name: string | undefined, mediaTypes: readonly string[]): Promise<string | undefined> => {
  const [only] = mediaTypes;
  if (mediaTypes.length === 1 && only?.endsWith("/*") === false) return only;
  const { default: mime } = await import("mime/lite");
  return (name === undefined ? undefined : mime.getType(name)) ?? undefined;
};

const inMemory = (content: Buffer, name: string | undefined, mediaType: string): SentFile => {
  const version = createHash("sha256").update(content).digest("base64url").slice(0, 22);
  const about = { name, mediaType, bytes: content.length, version, modifiedAt: undefined };
  return new SentFile(about, (from, to) => Readable.from([content.subarray(from, to + 1)], { objectMode: false }));
};

interface Found {
  readonly whole: string;
  readonly bytes: number;
  readonly mtimeMs: number;
  readonly ino: number;
}

/** Checks the path of a file. @returns The file, or a text that describes the fault of the path. */
const underFolder = async (base: string, path: string): Promise<Found | string> => {
  const whole = join(base, path);
  if (isAbsolute(path) || path.includes("\0") || !whole.startsWith(base + sep)) return `points outside the folder ${base}`;
  try {
    const real = join(await realpath(base), whole.slice(base.length));
    if ((await realpath(whole)) !== real) return "is a symbolic link, or goes through one";
    const { size, mtimeMs, ino } = await stat(real);
    if (!(await lstat(real)).isFile()) return "is not a file";
    return { whole: real, bytes: size, mtimeMs, ino };
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "ENOENT" ? "does not exist" : `cannot be read: ${String(error)}`;
  }
};

/**
 * Reads the file that a handler returned. Fails if another file is at the path now, because Quater has already sent the length of
 * the first file.
 */
async function* contentOf(path: string, ino: number, from: number, to: number): AsyncGenerator<Buffer> {
  if (to < from) return;
  const handle = await open(path, constants.O_RDONLY | constants.O_NOFOLLOW);
  try {
    if ((await handle.stat()).ino !== ino) throw new Error(`The file ${path} was replaced while Quater sent the file`);
    for await (const part of handle.createReadStream({ start: from, end: to, autoClose: false })) yield part as Buffer;
  } finally {
    await handle.close();
  }
}
