// `shaped()` marks an output schema. Quater cuts and converts values to a marked schema instead of refusing the values.

import type { FileAnswer, FileAnswerMark } from "./file-answer.ts";
import type { Static, TSchema } from "./typebox.ts";

/** Marks the schema of a shaped output for the compiler. */
export interface Shaped {
  readonly "~shaped": true;
}

/**
 * The values that a handler may return for a shaped output: `Date` or `bigint` as text, `bigint` as number, 0 or 1 as boolean.
 */
export type Unshaped<Value> = Value extends string
  ? string extends Value
    ? string | Date | bigint
    : Value
  : Value extends number
    ? number extends Value
      ? number | bigint
      : Value
    : Value extends boolean
      ? Value | number | bigint
      : Value extends readonly unknown[] | object
        ? { readonly [Key in keyof Value]: Unshaped<Value[Key]> }
        : Value;

/** The values that a handler with this output schema may return. */
export type ReturnedFor<Schema extends TSchema> = Schema extends FileAnswerMark
  ? FileAnswer
  : Schema extends Shaped
    ? Unshaped<Static<Schema>>
    : Static<Schema>;

/**
 * Returns an output schema by which Quater cuts and converts values before the output check. So a handler can return rows of a
 * database unchanged: Quater drops fields that the schema does not declare. A `Date` becomes RFC 3339 text where the format is
 * `date-time`, a `bigint` becomes an integer or a text, and 0 and 1 become booleans. Without `shaped`, Quater refuses such
 * values.
 *
 * Quater refuses a value that fits no branch or several branches of a union, because it is not clear which fields to drop.
 *
 * @example
 * output: shaped(Type.Object({ id: Type.Integer(), paidAt: Type.String({ format: "date-time" }) }))
 */
export const shaped = <Schema extends TSchema>(schema: Schema): Schema & Shaped => {
  const copy: object = Object.create(Object.getPrototypeOf(schema), Object.getOwnPropertyDescriptors(schema));
  // The mark is not enumerable, because `~shaped` is not a keyword of JSON Schema.
  return Object.defineProperty(copy, "~shaped", { value: true }) as Schema & Shaped;
};

export const isShaped = (schema: unknown): boolean => (schema as Partial<Shaped> | null | undefined)?.["~shaped"] === true;
