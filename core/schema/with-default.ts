// `withDefault()` makes schemas whose value callers may omit.

import { type Static, type TSchema, Type } from "./typebox.ts";

/** Marks a schema that has a default for the compiler. */
export interface Defaulted {
  readonly "~defaulted": true;
}

/**
 * Returns the schema with a default. The compiler checks the default, and types of inputs allow callers to omit the value.
 * `Type.Integer({ default: 20 })` sets the same default, but its type does not allow callers to omit the value.
 *
 * @example
 * withDefault(Type.Integer({ minimum: 1 }), 60)
 */
export const withDefault = <Schema extends TSchema>(schema: Schema, value: NoInfer<Static<Schema>>): Schema & Defaulted =>
  Type.With(schema, { default: value } as object) as never;
