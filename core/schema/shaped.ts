// `shaped()`: outputs that are cut to their schema in the place of being refused.

import type { FileAnswer, FileAnswerMark } from "./file-answer.ts";
import type { Static, TSchema } from "./typebox.ts";

/** The mark of a shaped output, for the compiler. */
export interface Shaped {
  readonly "~shaped": true;
}

/** What a handler may return for a shaped output: a `Date` for a text, a `bigint` for a text or a number, 0 and 1 for a boolean. */
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

/** What a handler may return for its output schema. */
export type ReturnedFor<Schema extends TSchema> = Schema extends FileAnswerMark
  ? FileAnswer
  : Schema extends Shaped
    ? Unshaped<Static<Schema>>
    : Static<Schema>;

/**
 * Returns an output schema by which values are cut and converted before they are checked. Rows of a database can then be returned as they
 * are: fields that the schema does not declare are dropped, a `Date` becomes RFC 3339 text where the format is `date-time`, a
 * `bigint` becomes an integer or a text, and 0 and 1 become booleans. Without `shaped` such values are refused.
 *
 * A value that fits no branch of a union, or several, is refused: nobody could say which fields to drop.
 *
 * @example
 * output: shaped(Type.Object({ id: Type.Integer(), paidAt: Type.String({ format: "date-time" }) }))
 */
export const shaped = <Schema extends TSchema>(schema: Schema): Schema & Shaped => {
  const copy: object = Object.create(Object.getPrototypeOf(schema), Object.getOwnPropertyDescriptors(schema));
  return Object.defineProperty(copy, "~shaped", { value: true }) as Schema & Shaped; // not enumerable: it is no keyword
};

export const isShaped = (schema: unknown): boolean => (schema as Partial<Shaped> | null | undefined)?.["~shaped"] === true;
