// The check of an input schema, in bounded time. A pattern or a recursive union can take longer than the server may stand
// still, so texts have a limit of length, all patterns of one input have a budget of time, and recursion has one of depth.

import { Compile, type Validator } from "./compile.ts";
import { type FieldError, inputInvalid, type QuaterError } from "./errors.ts";
import { pointerStep } from "./json.ts";
import { recursionOf } from "./recursion.ts";
import { eachSubschema, isSchema, type JsonSchema, patternTextLength, withSubschemas } from "./schema.ts";
import { visible } from "./text.ts";

/** How long all patterns of one input may take, milliseconds. Inputs that are meant well take less than one. */
const budgetMs = 500;
/** Shorter texts are not timed: their patterns take microseconds, and looking at the clock would cost as much. */
const untimed = 32;
/** Steps that a recursive union may take, where each level of the input doubles them or worse. */
const maxRecursionSteps = 100_000;
/** The pattern of `Type.Record(Type.String(), ...)`, which any key matches at once. */
const anyKey = "^.*$";

let spentMs = 0;

/** Whether an input matches its schema, and what is wrong with one that does not. */
export interface InputCheck {
  /** @throws {QuaterError} `invalid_input` for a key or a text that is too long for its pattern. */
  readonly keys: ((input: unknown) => void) | undefined;
  /** @throws {QuaterError} `invalid_input` where the check would take too long. */
  readonly check: (input: unknown) => boolean;
  /** @returns `undefined` where finding the words would take too long. */
  readonly errors: (input: unknown) => ReturnType<Validator["Errors"]> | undefined;
}

/** @param schema  Closed. */
export const inputCheckOf = (schema: JsonSchema): InputCheck => {
  const validator = Compile(watched(schema) as never);
  const { branches, isAmbiguous } = recursionOf(schema);
  const patterns = keyPatternsOf(schema);
  const takesLong = (input: unknown) => branches > 1 && branches ** depthOf(input) > maxRecursionSteps;
  return {
    keys:
      patterns.length === 0
        ? undefined
        : (input) => {
            spentMs = 0;
            checkKeys(input, patterns, "");
          },
    check: (input) => {
      spentMs = 0;
      if (isAmbiguous && takesLong(input)) throw inputInvalid([{ path: "", message: "is nested too deep for its schema" }]);
      return validator.Check(input);
    },
    errors: (input) => (takesLong(input) ? undefined : validator.Errors(input)),
  };
};

const refused = (error: FieldError): QuaterError => inputInvalid([error]);
const tooSlow = (): QuaterError =>
  refused({ path: "", message: "takes too long to match against its patterns: send fewer or shorter texts" });

/** A pattern that is matched against no text above its limit, and stops once all patterns together took too long. */
class WatchedPattern extends RegExp {
  readonly longest: number;
  readonly #written: string;

  constructor(written: string, longest: number) {
    super(written, "u");
    this.longest = longest;
    this.#written = written;
  }

  override test(text: string): boolean {
    if (text.length <= untimed) return super.test(text);
    if (text.length > this.longest)
      throw refused({ path: "", message: `has a text of more than ${this.longest} characters where a pattern is checked` });
    return this.#timed(text);
  }

  #timed(text: string): boolean {
    if (spentMs > budgetMs) throw tooSlow();
    const begin = performance.now();
    const found = super.test(text);
    spentMs += performance.now() - begin;
    return found;
  }

  /** For messages. */
  override toString(): string {
    return this.#written;
  }
}

/** A text longer than `maxLength` is wrong already; the check of its pattern goes on only when words are looked for. */
class LimitedPattern extends WatchedPattern {
  override test(text: string): boolean {
    return text.length <= this.longest && super.test(text);
  }
}

/** A copy for the compiler alone: it must not be read as JSON Schema. */
const watched = (schema: JsonSchema): JsonSchema => {
  const copy = withSubschemas(schema, watched);
  const { pattern, maxLength, properties } = schema;
  const replace = (key: string, value: unknown) =>
    Object.defineProperty(copy, key, { value, enumerable: true, configurable: true, writable: true });
  if (typeof pattern === "string")
    replace(
      "pattern",
      typeof maxLength === "number"
        ? new LimitedPattern(pattern, maxLength)
        : new WatchedPattern(pattern, patternTextLength(pattern)),
    );
  // A constant field tells the branches of a union apart, so it is checked before the fields that may be deep.
  if (isSchema(properties)) {
    const parts = Object.entries(copy["properties"] as JsonSchema);
    const isConstant = ([, part]: [string, unknown]) => isSchema(part) && ("const" in part || "enum" in part);
    replace("properties", Object.fromEntries([...parts.filter(isConstant), ...parts.filter((part) => !isConstant(part))]));
  }
  return copy;
};

const keyPatternsOf = (schema: JsonSchema): readonly WatchedPattern[] => {
  const written = new Set<string>();
  const collect = (part: unknown): void => {
    if (!isSchema(part)) return;
    if (isSchema(part["patternProperties"])) for (const pattern of Object.keys(part["patternProperties"])) written.add(pattern);
    for (const [, inner] of eachSubschema(part)) collect(inner);
  };
  collect(schema);
  written.delete(anyKey);
  return [...written].map((pattern) => new WatchedPattern(pattern, patternTextLength(pattern)));
};

/** The compiled check matches keys by itself and without a limit, so what would take long is refused before it. */
const checkKeys = (value: unknown, patterns: readonly WatchedPattern[], path: string): void => {
  if (value === null || typeof value !== "object") return;
  const isList = Array.isArray(value);
  for (const [key, item] of Object.entries(value)) {
    if (!isList && key.length > untimed) checkKey(key, patterns, path);
    if (item !== null && typeof item === "object") checkKeys(item, patterns, `${path}/${pointerStep(key)}`);
  }
};

const shownKeyLength = 40;

const checkKey = (key: string, patterns: readonly WatchedPattern[], path: string): void => {
  for (const pattern of patterns) {
    if (key.length > pattern.longest)
      throw refused({
        path: visible(`${path}/${pointerStep(key.slice(0, shownKeyLength))}`),
        message: `is a name of more than ${pattern.longest} characters`,
      });
    pattern.test(key);
  }
};

const depthOf = (value: unknown): number => {
  if (value === null || typeof value !== "object") return 0;
  let deepest = 0;
  for (const item of Object.values(value)) deepest = Math.max(deepest, depthOf(item));
  return deepest + 1;
};
