// `withDefault()` makes schemas whose value callers may omit.

import { type Static, type TSchema, Type } from "./typebox.ts";

/** Marks a schema that has a default for the compiler. */
export interface Defaulted {
  readonly "~defaulted": true;
}

/**
 * Returns the schema with a default, which the compiler checks and remembers: where callers may omit the value, its type says
 * so. `Type.Integer({ default: 20 })` fills the same default in, and its type does not say so.
 *
 * @example
 * withDefault(Type.Integer({ minimum: 1 }), 60)
 */
export const withDefault = <Schema extends TSchema>(schema: Schema, value: NoInfer<Static<Schema>>): Schema & Defaulted =>
  Type.With(schema, { default: value } as object) as never;
