// `withDefault()` makes schemas of inputs that callers may omit.

import { type Static, type TSchema, Type } from "./typebox.ts";

/** Marks for the compiler a schema that has a default. */
export interface Defaulted {
  readonly "~defaulted": true;
}

/**
 * Returns the schema with a default value. The compiler checks the type of the default value. The types of inputs allow callers
 * to omit the input. `Type.Integer({ default: 20 })` sets the same default value, but the type of this schema does not allow
 * callers to omit the input.
 *
 * @example
 * withDefault(Type.Integer({ minimum: 1 }), 60)
 */
export const withDefault = <Schema extends TSchema>(schema: Schema, value: NoInfer<Static<Schema>>): Schema & Defaulted =>
  Type.With(schema, { default: value } as object) as never;
