// Derives flags from an input schema: the names of the flags, the formats of their values, and the placeholders for help texts.

import type { JsonSchema } from "../../../core/plugin-api.ts";
import { fileRulesOf } from "../../../core/schema/file.ts";
import { hasSecret, isPlainObject, propertiesOf, requiredOf } from "../../../core/schema/schema.ts";

/**
 * The format of the value of a flag. A `switch` needs no value. Binding converts a `text`. The user may repeat the flag of a
 * `list`, with one text each time. `json` is JSON text. `either` is JSON if the value begins like an object or array, and
 * otherwise text.
 */
export type FlagKind = "switch" | "text" | "list" | "json" | "either";

export interface Flag {
  /** The name of the input that the flag sets. */
  readonly name: string;
  /** The name of the flag in kebab-case, without the dashes at the start. */
  readonly flag: string;
  readonly kind: FlagKind;
  readonly schema: JsonSchema;
  readonly isRequired: boolean;
  /**
   * Whether the input contains a `secret()`. The program never reads secrets from the command line, because other processes can
   * read the command line.
   */
  readonly isSecret: boolean;
  /** Whether the program has a flag of the same name. If so, the user can give the input only with --input. */
  readonly isShadowed: boolean;
  /** The name of the environment variable from which the program may read a secret. */
  readonly variable: string;
  /** The path of the input: `["article", "title"]` for `--article.title`. For this path, `name` is `article.title`. */
  readonly path: readonly string[];
  /** Whether the fields of this input have their own flags. */
  readonly hasParts: boolean;
}

/** Returns the flag for the name of an input: `orderID`, `order_id` and `orderId` all become `order-id`. */
export const kebab = (name: string): string =>
  name
    .replaceAll(/([a-z0-9])([A-Z])/g, "$1-$2")
    .replaceAll(/([A-Z]+)([A-Z][a-z])/g, "$1-$2")
    .replaceAll("_", "-")
    .toLowerCase();

const ofTheProgram = ["json", "no-json", "help", "config"];
const ofRun: ReadonlySet<string> = new Set([...ofTheProgram, "input", "dry-run", "approval", "wait", "output", "columns"]);
/** The flags of the program, which a command of a plugin cannot define. */
export const ofEveryCommand: ReadonlySet<string> = new Set(ofTheProgram);

/** @param taken  Flags in kebab-case that belong to the command and not to the input. Default: the flags of `quater run`. */
export const flagsOf = (input: unknown, taken: ReadonlySet<string> = ofRun): readonly Flag[] => {
  const own = levelOf(input, [], true, taken);
  const names = new Set(own.map(({ name }) => name));
  // The name of an input may contain a dot. If an input and a nested field have the same flag, the flag belongs to the input.
  return own.flatMap((flag) => [flag, ...partsOf(flag, taken).filter(({ name }) => !names.has(name))]);
};

const levelOf = (object: unknown, above: readonly string[], isNeeded: boolean, taken: ReadonlySet<string>): readonly Flag[] => {
  const required = new Set(requiredOf(object));
  return Object.entries(propertiesOf(object)).map(([last, schema]) => {
    const path = [...above, last];
    const flag = path.map(kebab).join(".");
    const isSecret = hasSecret(schema);
    return {
      name: path.join("."),
      flag,
      kind: kindOf(schema),
      schema,
      isRequired: isNeeded && required.has(last) && !("default" in schema),
      isSecret,
      isShadowed: taken.has(flag),
      variable: `QUATER_INPUT_${kebab(last).replaceAll("-", "_").toUpperCase()}`,
      path,
      hasParts:
        !isSecret && path.length < deepestParts && schema["type"] === "object" && Object.keys(propertiesOf(schema)).length > 0,
    };
  });
};

/** The most names in the flag of a nested field, such as `--article.author.name`. JSON text contains the deeper fields. */
const deepestParts = 3;

/** Returns the flags for the fields of an object, and for the fields of nested objects. */
const partsOf = (flag: Flag, taken: ReadonlySet<string>): readonly Flag[] => {
  if (!flag.hasParts) return [];
  const parts = levelOf(flag.schema, flag.path, flag.isRequired, taken);
  return parts.flatMap((part) => [part, ...partsOf(part, taken)]);
};

/** Returns a function that finds a flag by the typed text. The text may be in kebab-case or may be the name in the schema. */
export const finderOf = (flags: readonly Flag[]): ((flag: string) => Flag | undefined) => {
  const found = new Map<string, Flag>();
  for (const flag of flags) found.set(flag.name, flag);
  for (const flag of flags) if (!found.has(flag.flag)) found.set(flag.flag, flag);
  return (name) => found.get(name);
};

type Shape = "text" | "boolean" | "list" | "json" | "null";

const shapesOf = (schema: unknown): readonly Shape[] => {
  if (!isPlainObject(schema)) return ["text", "json"];
  if ("const" in schema) return [shapeOfValue(schema["const"])];
  if (Array.isArray(schema["enum"])) return schema["enum"].map(shapeOfValue);
  const branches = [schema["anyOf"], schema["oneOf"]].find(Array.isArray) as unknown[] | undefined;
  if (branches !== undefined) return branches.flatMap(shapesOf);
  const types = [schema["type"] ?? []].flat() as string[];
  if (types.length === 0) return ["text", "json"];
  return types.map((type): Shape => {
    if (type === "array")
      return shapesOf(schema["items"]).every((shape) => shape === "text" || shape === "boolean") ? "list" : "json";
    if (type === "object") return "json";
    return type === "boolean" || type === "null" ? type : "text";
  });
};

const shapeOfValue = (value: unknown): Shape => {
  if (value === null) return "null";
  if (typeof value === "object") return "json";
  return typeof value === "boolean" ? "boolean" : "text";
};

const isFileList = ({ type, items }: JsonSchema): boolean => type === "array" && fileRulesOf(items) !== undefined;

const kindOf = (schema: JsonSchema): FlagKind => {
  if (fileRulesOf(schema) !== undefined) return "text";
  if (isFileList(schema)) return "list";
  const shapes = new Set(shapesOf(schema).filter((shape) => shape !== "null"));
  // Binding makes a list from repeated texts only if the schema accepts only a list.
  if (shapes.has("list")) return schema["type"] === "array" ? "list" : shapes.has("text") ? "either" : "json";
  if (shapes.has("json")) return shapes.has("text") || shapes.has("boolean") ? "either" : "json";
  return shapes.has("boolean") && !shapes.has("text") ? "switch" : "text";
};

/** Whether the user can give the input only with `--input` or the sources of secrets, and not with a flag. */
export const isByInput = (flag: Flag): boolean => flag.isSecret || flag.isShadowed;

/** Returns the texts that a flag accepts, if the schema of the flag lists them; `undefined` for other flags and for switches. */
export const valuesOfFlag = ({ kind, schema }: Flag): readonly string[] | undefined => {
  if (kind === "switch" || kind === "json") return undefined;
  const values = valuesOf(kind === "list" && isPlainObject(schema["items"]) ? schema["items"] : schema);
  return values?.filter((value) => value !== null).map(String);
};

/** Returns the placeholder of a flag in help texts, such as `<integer>`, `paid|open`, `<json>`. Empty for a switch. */
export const placeholderOf = ({ kind, schema }: Flag): string => {
  if (kind === "switch") return "";
  if (kind === "json") return "<json>";
  return typeWord(kind === "list" && isPlainObject(schema["items"]) ? schema["items"] : schema);
};

const typeWord = (schema: JsonSchema): string => {
  if (fileRulesOf(schema) !== undefined) return "<@path>";
  const values = valuesOf(schema);
  if (values !== undefined) return values.map(String).join("|");
  const format = typeof schema["format"] === "string" ? schema["format"] : undefined;
  const types = ([schema["type"] ?? []].flat() as string[]).filter((type) => type !== "null");
  return `<${format ?? (types.length > 0 ? types.join("|") : "value")}>`;
};

/** Returns the values of an enum, of a const, or of a union of enums and consts; undefined for other schemas. */
const valuesOf = (schema: unknown): readonly unknown[] | undefined => {
  if (!isPlainObject(schema)) return undefined;
  if ("const" in schema) return [schema["const"]];
  if (Array.isArray(schema["enum"])) return schema["enum"];
  const branches = [schema["anyOf"], schema["oneOf"]].find(Array.isArray) as unknown[] | undefined;
  const values = branches?.map(valuesOf);
  return values?.every((list) => list !== undefined) === true ? values.flat() : undefined;
};
