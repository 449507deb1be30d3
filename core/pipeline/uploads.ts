// Stores uploaded files until their call ends. The files are in a folder of this process, and only the user of the process can
// read the files. All uploaded files together have a maximum size. The next process of the app removes the uploaded files of a
// killed process.

import { createHash, randomBytes } from "node:crypto";
import { createReadStream, mkdtempSync, promises, readdirSync, rmSync, statSync } from "node:fs";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { inputInvalid, QuaterError, tooLarge } from "../diagnostics/errors.ts";
import { cut, visible } from "../diagnostics/text.ts";
import type { GivenInput } from "../model/given-input.ts";
import type { Awaitable } from "../model/principal.ts";
import type { CallResources } from "../model/resource.ts";
import type { Announced, Uploading } from "../plugin/uploading.ts";
import { type FileField, isAllowedType, longestName, OfferedFile, ReceivedFile } from "../schema/file.ts";
import { pointerStep } from "../schema/json.ts";
import { isPlainObject } from "../schema/schema.ts";

export interface UploadOptions {
  /**
   * The folder in which each process creates its own folder for uploads. Default: the folder of the operating system for
   * temporary files.
   */
  readonly folder: string | undefined;
  /** The maximum size of all uploaded files that exist at the same time, bytes. */
  readonly maxBytes: number;
}

let ownPrefix: string | undefined;
/**
 * The beginning of the name of an upload folder. The beginning of the name identifies this machine. The name of an upload folder
 * also contains the process id.
 */
const prefix = (): string => {
  ownPrefix ??= `quater-uploads-${createHash("sha256").update(hostname()).digest("hex").slice(0, 8)}-`;
  return ownPrefix;
};
/**
 * The upload folders of this process. `ofThisProcess` may contain several folders, because several kernels may run in one
 * process.
 */
const ofThisProcess = new Set<string>();

export class Uploads {
  readonly #options: UploadOptions;
  #folder: string | undefined;
  #held = 0;

  constructor(options: UploadOptions) {
    this.#options = options;
  }

  /** Removes the upload folders of processes that have ended on this machine. */
  sweep(): void {
    const parent = this.#parent;
    for (const name of namesIn(parent)) {
      if (!name.startsWith(prefix())) continue;
      const pid = Number(name.slice(prefix().length).split("-")[0]);
      // In a container, a new process may have the same process id as an earlier process.
      if (pid === process.pid ? !ofThisProcess.has(join(parent, name)) : !isRunning(pid)) removeFolder(join(parent, name));
    }
  }

  /**
   * Counts the bytes of a new uploaded file. @throws {QuaterError} `unavailable` when all uploaded files together would be too
   * large.
   */
  reserve(bytes: number): void {
    if (this.#held + bytes > this.#options.maxBytes)
      throw new QuaterError({
        code: "unavailable",
        kind: "unavailable",
        message: "The server has no space for more uploaded files right now. Repeat the call later",
        hint: `Raise maxUploadBytes in the manifest. The limit is now ${this.#options.maxBytes} bytes for all uploads together`,
        retryAfterSeconds: 5,
      });
    this.#held += bytes;
  }

  giveBack(bytes: number): void {
    this.#held -= bytes;
  }

  newPath(): string {
    if (this.#folder === undefined) {
      this.#folder = mkdtempSync(join(this.#parent, `${prefix()}${process.pid}-`));
      ofThisProcess.add(this.#folder);
    }
    return join(this.#folder, randomBytes(12).toString("hex"));
  }

  close(): void {
    if (this.#folder !== undefined) removeFolder(this.#folder);
    this.#folder = undefined;
  }

  get #parent(): string {
    return this.#options.folder ?? tmpdir();
  }
}

const namesIn = (folder: string): readonly string[] => {
  try {
    return readdirSync(folder);
  } catch {
    return []; // The folder does not exist, so no killed process left files.
  }
};

const isRunning = (pid: number): boolean => {
  try {
    process.kill(pid, 0);
    return true;
  } catch (error) {
    return (error as NodeJS.ErrnoException).code === "EPERM"; // EPERM means that the process exists, but belongs to another user.
  }
};

const removeFolder = (path: string): void => {
  try {
    if (statSync(path).uid === process.getuid?.()) rmSync(path, { recursive: true, force: true });
  } catch {
    // Another process removed the upload folder, or the upload folder cannot be removed. In both cases only the owner can read
    // the content of the folder.
  }
};

/** Stores the uploaded files of one call. */
export class CallUploads implements Uploading {
  readonly #all: Uploads;
  readonly #fields: ReadonlyMap<string, FileField>;
  readonly #paths: string[] = [];
  #bytes = 0;

  constructor(all: Uploads, fields: ReadonlyMap<string, FileField>) {
    this.#all = all;
    this.#fields = fields;
  }

  field(name: string): FileField | undefined {
    return this.#fields.get(name);
  }

  async take({ name: field, rules }: FileField, { name, mediaType }: Announced, content: AsyncIterable<Uint8Array>) {
    const path = this.#all.newPath();
    this.#paths.push(path);
    const hash = createHash("sha256");
    const text = new TextCheck();
    let bytes = 0;
    const target = await promises.open(path, "wx", 0o600);
    try {
      for await (const part of content) {
        bytes += part.length;
        if (bytes > rules.maxBytes) throw tooLarge(`The file ${field}`, `${rules.maxBytes} bytes`);
        this.#all.reserve(part.length);
        this.#bytes += part.length;
        hash.update(part);
        text.add(part);
        await target.writeFile(part);
      }
    } finally {
      await target.close();
    }
    const type = await checkedType(path, { declared: mediaType, isText: text.isText(), allowed: rules.mediaTypes, field });
    const about = { name: cleanName(name), mediaType: type, bytes, sha256: hash.digest("hex"), path };
    return new ReceivedFile(about, createReadStream);
  }

  /** Stores the files that a caller in this process offers, and replaces each offered file in the input by the received file. */
  async received(given: readonly GivenInput[]): Promise<readonly GivenInput[]> {
    const receive = (field: FileField) => (value: unknown) =>
      value instanceof OfferedFile ? this.take(field, value, value.open()) : value;
    const whole = given.map(async (part) => {
      if (!isPlainObject(part.values)) return part;
      const values: Record<string, unknown> = { ...part.values };
      for (const [name, field] of this.#fields) {
        const value = values[name];
        if (Array.isArray(value)) values[name] = await Promise.all(value.slice(0, field.most + 1).map(receive(field)));
        else if (value !== undefined) values[name] = await receive(field)(value);
      }
      return { ...part, values };
    });
    return Promise.all(whole);
  }

  async remove(): Promise<void> {
    const paths = this.#paths.splice(0);
    this.#all.giveBack(this.#bytes);
    this.#bytes = 0;
    await Promise.all(paths.map((path) => promises.rm(path, { force: true })));
  }

  /** Returns the resources of the call, extended so that closing the resources also removes the uploaded files of the call. */
  closedWith(resources: CallResources): CallResources {
    return {
      open: resources.open,
      renew: resources.renew,
      close: async (failed) => {
        try {
          await resources.close(failed);
        } finally {
          await this.remove();
        }
      },
    };
  }
}

/** @param uploads  Stores the uploaded files of the call. Absent if the handler has no file inputs. */
export type InputSource = readonly GivenInput[] | ((uploads?: Uploading) => Awaitable<readonly GivenInput[]>);

export const inputOf = (given: InputSource, uploads: CallUploads | undefined): Awaitable<readonly GivenInput[]> => {
  const parts = typeof given === "function" ? given(uploads) : given;
  return uploads === undefined ? parts : Promise.resolve(parts).then((read) => uploads.received(read));
};

/**
 * Returns the last part of a path that a caller sent, with invisible characters escaped. A caller can send any file name, so
 * Quater never uses the file name as a path.
 */
const cleanName = (given: string | undefined): string => {
  const last = visible((given ?? "").split(/[/\\]/).at(-1) ?? "").trim();
  return cut(last, longestName) || "file";
};

/** Checks whether bytes that arrive in pieces are UTF-8 text. */
class TextCheck {
  readonly #decoder = new TextDecoder("utf-8", { fatal: true });
  #isText = true;

  add(part: Uint8Array): void {
    if (!this.#isText) return;
    try {
      this.#decoder.decode(part, { stream: true });
      this.#isText = !part.includes(0);
    } catch {
      this.#isText = false;
    }
  }

  isText(): boolean {
    try {
      if (this.#isText) this.#decoder.decode();
    } catch {
      this.#isText = false; // The last character of the bytes is incomplete.
    }
    return this.#isText;
  }
}

const textType = /^(?:text\/.+|application\/(?:json|xml|yaml|javascript|x-ndjson|sql|toml|.+\+(?:json|xml)))$|\+xml$/;
const xmlType = /[/+]xml$/;

interface Content {
  readonly declared: string | undefined;
  readonly isText: boolean;
  readonly allowed: readonly string[];
  readonly field: string;
}

/**
 * Returns the media type of a file by the first bytes of the file. Quater cannot recognize text formats by their first bytes. For
 * a text format, Quater therefore returns the media type that the caller declared, if the content is UTF-8 text.
 *
 * @throws {QuaterError} `invalid_input` for a media type that the schema does not allow.
 */
const checkedType = async (path: string, { declared, isText, allowed, field }: Content): Promise<string> => {
  const { fileTypeFromFile } = await import("file-type");
  const claimed = declared?.split(";", 1)[0]?.trim().toLowerCase();
  const seen = (await fileTypeFromFile(path))?.mime;
  const isClaimed = claimed !== undefined && isAllowedType(claimed, allowed);
  const isBeliefOfText = isText && isClaimed && textType.test(claimed);
  // The first bytes of an SVG picture show only that the content is XML.
  if (isBeliefOfText && (seen === undefined || (xmlType.test(seen) && xmlType.test(claimed)))) return claimed;
  const found = seen ?? "application/octet-stream";
  if (isAllowedType(found, allowed)) return found;
  const sentAs = cut(visible(claimed ?? "no type"), 100);
  const message = `is ${seen ?? "of an unknown type"}, but was sent as ${sentAs}: send a file of the type ${allowed.join(", ")}`;
  throw inputInvalid([{ path: visible(`/${pointerStep(field)}`), message }]);
};
