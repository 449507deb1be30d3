// TypeBox as handlers see it. The build replaces the emitted file by one bundle: handlers then load one file instead of
// the 374 of the package. The types stay TypeBox's own.

export type { Static, TObject, TProperties, TSchema } from "typebox";
export { Type } from "typebox";
