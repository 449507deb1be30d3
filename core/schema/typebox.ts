// Exports TypeBox for handlers. The build replaces the compiled form of typebox.ts by one bundle, so that handlers load one file
// instead of the 374 files of the package. The exported types are TypeBox's own types.

export type { Static, TObject, TProperties, TSchema } from "typebox";
export { Type } from "typebox";
