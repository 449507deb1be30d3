// Makes a value that a schema accepts, for code that needs any valid input. `sample` tries the `examples` or the `default` of a
// schema first. Other samples are as small as the schema allows. Quater checks every sample against the schema.

import { complainerOf } from "../pipeline/complaints.ts";
import { checkable } from "../schema/compiled-patterns.ts";
import { hasFile } from "../schema/file.ts";
import { beginBudget } from "../schema/pattern-budget.ts";
import { isPlainObject, type JsonSchema, propertiesOf, referred, requiredOf } from "../schema/schema.ts";
import { withWrittenFiles } from "./files.ts";
import { textMatching } from "./pattern.ts";

export interface Sampler {
  /**
   * Returns a new sample on each call. @throws {NoSample} that names the place in the schema for which the user must give a
   * sample.
   */
  readonly sample: () => unknown;
  readonly accepts: (value: unknown) => boolean;
}

export class NoSample extends Error {}

export const samplerOf = async (given: JsonSchema): Promise<Sampler> => {
  const schema = hasFile(given) ? withWrittenFiles(given) : given;
  const { checkOf } = await import("../schema/compile.ts");
  const compiled = checkable(schema);
  const isRight = checkOf(compiled);
  const accepts = (value: unknown) => {
    beginBudget();
    return isRight(value);
  };
  return {
    accepts,
    sample: () => {
      const made = new Maker(schema).make(schema, "");
      if (accepts(made)) return made;
      const [first] = complainerOf(compiled)(made);
      throw new NoSample(`${first?.path || "the sample"} ${first?.message ?? "does not match"}`);
    },
  };
};

/** One valid text for each format that TypeBox checks. */
const formats: Readonly<Record<string, string>> = {
  date: "2025-06-30",
  "date-time": "2025-06-30T12:00:00Z",
  time: "12:00:00Z",
  duration: "P1D",
  email: "sample@example.com",
  hostname: "example.com",
  ipv4: "192.0.2.1",
  ipv6: "2001:db8::1",
  uri: "https://example.com/",
  "uri-reference": "/sample",
  url: "https://example.com/",
  uuid: "7f9c24e5-2c31-4f0a-9d7e-3b1f8c5a6d20",
  "json-pointer": "/sample",
  regex: "^a$",
};

/** The deepest level of a sample. The limit of the level ends the search for a sample in schemas that refer to themselves. */
const deepest = 32;

class Maker {
  readonly #root: JsonSchema;

  constructor(root: JsonSchema) {
    this.#root = root;
  }

  make(schema: unknown, path: string, depth = 0): unknown {
    if (!isPlainObject(schema)) return "sample";
    if (depth > deepest) throw new NoSample(`${path} has a schema that contains itself without end`);
    const { examples, const: constant, enum: values, default: preset, $ref: ref } = schema;
    if (constant !== undefined) return structuredClone(constant);
    if (Array.isArray(examples) && examples.length > 0) return structuredClone(examples[0]);
    if (preset !== undefined) return structuredClone(preset);
    if (Array.isArray(values)) return structuredClone(values[0]);
    if (typeof ref === "string") return this.make(referred(this.#root, ref), path, depth + 1);
    const branches = [schema["anyOf"], schema["oneOf"]].find(Array.isArray) as unknown[] | undefined;
    if (branches !== undefined) return joined(this.#typed(schema, path, depth), this.#firstOf(branches, path, depth));
    const parts = schema["allOf"];
    if (Array.isArray(parts))
      return parts.map((part) => this.make(part, path, depth + 1)).reduce(joined, this.#typed(schema, path, depth));
    return this.#typed(schema, path, depth);
  }

  #firstOf(branches: readonly unknown[], path: string, depth: number): unknown {
    let failure: unknown;
    for (const branch of branches) {
      try {
        return this.make(branch, path, depth + 1);
      } catch (error) {
        failure ??= error;
      }
    }
    throw failure;
  }

  #typed(schema: JsonSchema, path: string, depth: number): unknown {
    switch ([schema["type"]].flat()[0]) {
      case "object":
        return this.#object(schema, path, depth);
      case "array":
        return this.#array(schema, path, depth);
      case "string":
        return text(schema, path);
      case "integer":
        return number(schema, 1);
      case "number":
        return number(schema, 0);
      case "boolean":
        return true;
      case "null":
        return null;
      default:
        return "properties" in schema ? this.#object(schema, path, depth) : undefined;
    }
  }

  #object(schema: JsonSchema, path: string, depth: number): Record<string, unknown> {
    const declared = propertiesOf(schema);
    return Object.fromEntries(
      requiredOf(schema).map((name) => [name, this.make(declared[name] ?? {}, `${path}/${name}`, depth + 1)]),
    );
  }

  #array(schema: JsonSchema, path: string, depth: number): unknown[] {
    const first = Array.isArray(schema["prefixItems"]) ? (schema["prefixItems"] as unknown[]) : [];
    const least = Math.max(first.length, Number(schema["minItems"] ?? 0));
    return Array.from({ length: least }, (_, at) => {
      const made = this.make(first[at] ?? schema["items"], `${path}/${at}`, depth + 1);
      // Items of a list with uniqueItems must differ, so append the index of the item to a text.
      return schema["uniqueItems"] === true && at > 0 && typeof made === "string" ? `${made}${at}` : made;
    });
  }
}

/**
 * Combines two samples of one value. Two objects become one object. For other values, the result is the second sample, or the
 * first sample if the second sample is missing.
 */
const joined = (one: unknown, other: unknown): unknown =>
  isPlainObject(one) && isPlainObject(other) ? { ...one, ...other } : (other ?? one);

const text = (schema: JsonSchema, path: string): string => {
  const { pattern, format } = schema;
  const least = Number(schema["minLength"] ?? 0);
  const most = Number(schema["maxLength"] ?? Number.POSITIVE_INFINITY);
  if (typeof pattern === "string") {
    const matching = textMatching(pattern);
    if (matching === undefined) throw new NoSample(`${path} has the pattern ${pattern}, for which no text was found`);
    // If the schema requires a longer text, repeat the last character of the text, as long as the pattern matches.
    return matching.padEnd(least, matching.at(-1) ?? "a");
  }
  if (typeof format === "string") return formats[format] ?? "sample";
  return "sample".padEnd(least, "e").slice(0, most);
};

const number = (schema: JsonSchema, smallestStep: number): number => {
  const step = Number(schema["multipleOf"] ?? smallestStep);
  const above = schema["exclusiveMinimum"];
  const below = schema["exclusiveMaximum"];
  const low = Math.max(Number(schema["minimum"] ?? Number.NEGATIVE_INFINITY), Number(above ?? Number.NEGATIVE_INFINITY));
  const high = Math.min(Number(schema["maximum"] ?? Number.POSITIVE_INFINITY), Number(below ?? Number.POSITIVE_INFINITY));
  const wanted = Math.min(Math.max(1, low), high);
  const onStep = step === 0 ? wanted : rounded(Math.ceil(wanted / step) * step);
  if (onStep === above) return step === 0 ? (Number.isFinite(high) ? (onStep + high) / 2 : onStep + 1) : rounded(onStep + step);
  if (onStep === below) return step === 0 ? (Number.isFinite(low) ? (low + onStep) / 2 : onStep - 1) : rounded(onStep - step);
  return onStep > high && step !== 0 ? rounded(Math.floor(high / step) * step) : onStep;
};

/** Removes the error of floating-point arithmetic from a number. For example, three times 0.1 is 0.30000000000000004. */
const rounded = (value: number): number => Number(value.toPrecision(15));
