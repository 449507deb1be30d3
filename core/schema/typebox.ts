// Exports TypeBox for handlers. The build replaces this file's output by one bundle, so that handlers load one file instead of
// the 374 files of the package. The types are TypeBox's own.

export type { Static, TObject, TProperties, TSchema } from "typebox";
export { Type } from "typebox";
