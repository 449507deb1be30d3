// File inputs. A handler gets a description of a file (name, type, length, SHA-256) and functions to read the content of the
// file. Only the description is JSON. The description contains the SHA-256 of the content. The digest, approvals and the trail
// therefore cover the content without storing the content.

import type { Readable } from "node:stream";
import { type FileAnswerRules, fileAnswerRulesOf, fileAnswerSchema, type SentRules } from "./file-answer.ts";
import { eachSubschema, isPlainObject, type JsonSchema, propertiesOf } from "./schema.ts";
import { Type } from "./typebox.ts";

/** A file that a caller sent. Quater deletes the file when the call ends, so copy the content that you want to keep. */
export interface UploadedFile {
  /**
   * The file name that the caller sent, without folders. The file name has at most 200 characters. Never use the file name as a
   * path.
   */
  readonly name: string;
  /**
   * The media type of the file. Quater detects the media type from the content if the format allows detection. The media type is
   * always one of the schema's `mediaTypes`.
   */
  readonly mediaType: string;
  /** The length of the file, bytes. */
  readonly bytes: number;
  /** The SHA-256 of the file's content, 64 hexadecimal digits. */
  readonly sha256: string;
  /** The path at which Quater stores the content until the call ends. */
  readonly path: string;
  /** Opens the content of the file for reading. You can call `stream` several times. */
  readonly stream: () => Readable;
}

export interface FileRules {
  /** The maximum length of the file, bytes. */
  readonly maxBytes: number;
  /** The media types that the file may have: `["image/png", "image/jpeg"]`, or `["image/*"]`. */
  readonly mediaTypes: readonly string[];
  readonly description?: string;
}

const fileMark = "x-quater-file";

/**
 * With `maxBytes`, returns the schema of a file input, at the top level of a handler's input or in a list at the top level. Each
 * surface has its own way to send a file. A surface whose inputs are only JSON refuses a handler with a file input at boot.
 *
 * Without `maxBytes`, returns the schema of a file output. The handler returns `{ path }` of a file under `folder`, or
 * `{ content }`.
 *
 * @example
 * input: Type.Object({ photo: file({ maxBytes: 5_000_000, mediaTypes: ["image/png", "image/jpeg"] }) })
 * output: file({ folder: "data/invoices", mediaTypes: ["application/pdf"] })
 */
export const file: FileFunction = ((rules: FileRules | FileAnswerRules) =>
  "maxBytes" in rules ? uploadSchema(rules) : fileAnswerSchema(rules)) as FileFunction;

interface FileFunction {
  (rules: FileRules): ReturnType<typeof uploadSchema>;
  (rules: FileAnswerRules): ReturnType<typeof fileAnswerSchema>;
}

const uploadSchema = ({ maxBytes, mediaTypes, description }: FileRules) =>
  Type.Unsafe<UploadedFile>({
    type: "object",
    ...(description === undefined ? {} : { description }),
    properties: {
      name: { type: "string", maxLength: longestName },
      mediaType: { type: "string", maxLength: 200 },
      bytes: { type: "integer", minimum: 0 },
      sha256: { type: "string", minLength: 64, maxLength: 64 },
    },
    required: ["name", "mediaType", "bytes", "sha256"],
    additionalProperties: false,
    [fileMark]: { maxBytes, mediaTypes },
  });

/** The maximum length of a file's name, characters. */
export const longestName = 200;

/** Returns the rules of the schema of a file, or `undefined` for every other schema. */
export const fileRulesOf = (schema: unknown): FileRules | undefined =>
  isPlainObject(schema) && fileMark in schema ? (schema[fileMark] as FileRules) : undefined;

export interface FileField {
  readonly name: string;
  readonly rules: FileRules;
  /** Whether the field is a list of files. */
  readonly isList: boolean;
  /** The most files that the field may have. */
  readonly most: number;
}

/** The most files in a list whose schema has no `maxItems`. */
const defaultMost = 10;

/** Returns the file fields at the top level of an input schema. */
export const fileFieldsOf = (input: unknown): readonly FileField[] =>
  Object.entries(propertiesOf(input)).flatMap(([name, schema]): FileField[] => {
    const own = fileRulesOf(schema);
    if (own !== undefined) return [{ name, rules: own, isList: false, most: 1 }];
    const ofItem = schema["type"] === "array" ? fileRulesOf(schema["items"]) : undefined;
    const { maxItems } = schema;
    return ofItem === undefined
      ? []
      : [{ name, rules: ofItem, isList: true, most: typeof maxItems === "number" ? maxItems : defaultMost }];
  });

/** Returns the maximum size of all files of an input together, bytes. Returns 0 for an input without files. */
export const fileBytesOf = (input: unknown): number =>
  fileFieldsOf(input).reduce((sum, { rules, most }) => sum + rules.maxBytes * most, 0);

const mediaType = /^[a-z0-9][a-z0-9!#$&^_.+-]*\/(?:\*|[a-z0-9][a-z0-9!#$&^_.+-]*)$/;

interface FileProblem {
  readonly cause: string;
  readonly remedy: string;
}

/**
 * Returns the boot problems of the files in an input schema. The cause of each boot problem continues the text "handler has ...".
 */
export const fileProblems = (input: unknown): readonly FileProblem[] => {
  const fields = fileFieldsOf(input);
  const wrong = fields.flatMap(({ name, rules }): readonly FileProblem[] => {
    const { maxBytes, mediaTypes } = rules;
    if (!Number.isSafeInteger(maxBytes) || maxBytes < 1) {
      const cause = `an invalid maxBytes in the file ${name}: ${JSON.stringify(maxBytes)}`;
      return [{ cause, remedy: "Write the largest allowed size in bytes: maxBytes: 5_000_000" }];
    }
    return typeProblems(name, mediaTypes);
  });
  if (countFiles(input, isAnswer) > 0)
    return [{ cause: "a file without maxBytes in its input", remedy: "Add maxBytes: file({ maxBytes: 5_000_000, mediaTypes })" }];
  const all = countFiles(input);
  const remedy = "Move file(...) or Type.Array(file(...)) to the top level of the input";
  return all > fields.length ? [...wrong, { cause: "a file(...) nested inside another field of its input", remedy }] : wrong;
};

const countFiles = (schema: unknown, isCounted: (part: JsonSchema) => boolean = isUpload, seen = new Set<unknown>()): number => {
  if (!isPlainObject(schema) || seen.has(schema)) return 0;
  seen.add(schema);
  if (isCounted(schema)) return 1;
  return [...eachSubschema(schema)].reduce((sum, [, part]) => sum + countFiles(part, isCounted, seen), 0);
};

const isUpload = (schema: JsonSchema): boolean => fileRulesOf(schema) !== undefined;
const isAnswer = (schema: JsonSchema): boolean => fileAnswerRulesOf(schema) !== undefined;

/**
 * Returns the boot problems of the files in an output schema. The cause of each boot problem continues the text "handler has
 * ...".
 */
export const fileAnswerProblems = (output: unknown, isStream: boolean): readonly FileProblem[] => {
  const rules = fileAnswerRulesOf(output);
  if (countFiles(output) > 0)
    return [{ cause: "a file with maxBytes in its output", remedy: "Remove maxBytes: file({ folder, mediaTypes })" }];
  if (isStream ? countFiles(output, isAnswer) > 0 : rules === undefined && countFiles(output, isAnswer) > 0)
    return [{ cause: "a file inside its output", remedy: "Make the file the whole output: output: file({ ... })" }];
  return rules === undefined ? [] : [...typeProblems("of its output", rules.mediaTypes), ...kindProblems(rules)];
};

const kindProblems = ({ kind, mediaTypes, maxBytes }: SentRules): readonly FileProblem[] => {
  if (kind === undefined) return [];
  const odd = Array.isArray(mediaTypes) ? mediaTypes.find((type) => !String(type).startsWith(`${kind}/`)) : undefined;
  if (odd !== undefined) {
    const remedy = `Write media types that begin with ${kind}/, or use file({ mediaTypes }) for other files`;
    return [{ cause: `the media type ${JSON.stringify(odd)} in the content.${kind}() of its output`, remedy }];
  }
  if (maxBytes === undefined || (Number.isSafeInteger(maxBytes) && maxBytes > 0)) return [];
  const cause = `an invalid maxBytes in the content.${kind}() of its output: ${JSON.stringify(maxBytes)}`;
  return [{ cause, remedy: "Write the largest allowed size in bytes: maxBytes: 5_000_000" }];
};

const typeProblems = (which: string, mediaTypes: unknown): readonly FileProblem[] => {
  const isList = Array.isArray(mediaTypes) && mediaTypes.length > 0;
  const odd = isList ? (mediaTypes as unknown[]).find((type) => !(typeof type === "string" && mediaType.test(type))) : mediaTypes;
  if (odd === undefined) return [];
  const cause = `invalid mediaTypes in the file ${which}: ${JSON.stringify(odd)}`;
  return [{ cause, remedy: 'Write a list of media types in lower case: mediaTypes: ["image/png", "text/csv"], or ["image/*"]' }];
};

/** Whether the schema contains the schema of a file at any depth. */
export const hasFile = (schema: JsonSchema | undefined): boolean => countFiles(schema) > 0;

/** Whether the list `allowed` contains the media type `type`. In `allowed`, `image/*` means all images. */
export const isAllowedType = (type: string, allowed: readonly string[]): boolean =>
  allowed.some((one) => one === type || one === "*/*" || (one.endsWith("/*") && type.startsWith(one.slice(0, -1))));

/**
 * A file that a caller in the same process passes, such as the terminal or a test. The surface turns the offered file into an
 * `UploadedFile`.
 */
export class OfferedFile {
  readonly name: string;
  /** The media type that the caller declares for the file. */
  readonly mediaType: string | undefined;
  readonly open: () => AsyncIterable<Uint8Array>;

  constructor(name: string, mediaType: string | undefined, open: () => AsyncIterable<Uint8Array>) {
    this.name = name;
    this.mediaType = mediaType;
    this.open = open;
  }
}

/**
 * A file of a call as the handler gets the file. The own fields of this object are the description of the file, which is JSON.
 */
export class ReceivedFile implements UploadedFile {
  readonly name: string;
  readonly mediaType: string;
  readonly bytes: number;
  readonly sha256: string;
  readonly #path: string;
  readonly #read: (path: string) => Readable;

  constructor(about: Pick<UploadedFile, "name" | "mediaType" | "bytes" | "sha256" | "path">, read: (path: string) => Readable) {
    this.name = about.name;
    this.mediaType = about.mediaType;
    this.bytes = about.bytes;
    this.sha256 = about.sha256;
    this.#path = about.path;
    this.#read = read;
  }

  get path(): string {
    return this.#path;
  }

  stream(): Readable {
    return this.#read(this.#path);
  }

  /**
   * Whether the value is a received file. JSON with the fields of a received file is not a received file, because Quater has not
   * checked the content that the JSON names.
   */
  static is(value: unknown): value is ReceivedFile {
    return value !== null && typeof value === "object" && #path in value;
  }
}
