// The types of `expose()`. These types say which handlers a manifest exposes, and with which settings.

import { type Branded, brand, isBranded } from "../diagnostics/brand.ts";
import type { Handler } from "./handler.ts";

/** The settings with which the manifest exposes one handler. Each plugin adds its own exposure key by declaration merging. */
export interface Exposure {
  /** The handler's name on all surfaces. Default: the name of the handler's export in its module. */
  readonly name?: string;
  /** With "caller", a dry run also shows the preview to the caller of the dry run. Default: only approvers see previews. */
  readonly preview?: "caller";
}

/** Compile-time checks of exposures. A plugin may add a check for its own exposure key by declaration merging. */
// biome-ignore lint/correctness/noUnusedVariables: merged declarations must have the same type parameters
// biome-ignore lint/suspicious/noEmptyInterface: plugins merge into it, which a type alias would not allow
export interface ExposureRules<Input, Given> {}

/**
 * The sentence that a failed compile-time check of an exposure prints. This sentence contains no quotes, because the compiler
 * would escape quotes.
 */
export interface Refused<Sentence extends string> {
  readonly "~refused": Sentence;
}

export type HandlerName<Module> = {
  [Name in keyof Module]: Module[Name] extends Branded<"handler"> ? Name : never;
}[keyof Module] &
  string;

/**
 * Lets editors complete handler names. The index signature of `expose` accepts other names, so that `Checked` can refuse these
 * names with one sentence.
 */
type Named<Module> = { readonly [Name in HandlerName<Module>]?: Exposure };

type InputIn<Value> = Value extends Handler<infer Input, unknown> ? Input : never;

type Checked<Module, Table> = {
  readonly [Name in keyof Table]: Name extends HandlerName<Module>
    ? {
        readonly [Key in keyof Table[Name]]: Key extends keyof Exposure
          ? Key extends keyof ExposureRules<unknown, unknown>
            ? ExposureRules<InputIn<Module[Name]>, Table[Name][Key]>[Key]
            : Exposure[Key]
          : Refused<`No plugin module imported here owns the exposure key ${Key & string}`>;
      }
    : Refused<`${Name & string} is not a handler exported by this module`>;
};

export interface Exposed<Module = unknown, Table = unknown> extends Branded<"exposed"> {
  readonly load: () => Promise<Module>;
  readonly table: Table;
}

/**
 * Joins the members of a union into one object type. Looking up one type for each module costs the compiler less than a list of
 * all handlers.
 */
export type Joined<Union> = (Union extends unknown ? (one: Union) => void : never) extends (all: infer All) => void ? All : never;

/**
 * Exposes handlers of one module. Quater imports the module only when one of its handlers is needed.
 *
 * @param table  The keys are the names of the module's handler exports. No surface can call a handler that the table does not
 * list.
 */
export const expose = <Module, const Table extends Named<Module> & { readonly [other: string]: Exposure | undefined }>(
  load: () => Promise<Module>,
  table: Table & Checked<Module, Table>,
): Exposed<Module, Table> => Object.freeze({ load, table, [brand]: "exposed" as const });

export const isExposed = (value: unknown): value is Exposed => isBranded(value, "exposed");

/** The exposure keys that belong to core and not to a plugin. */
export const ownExposureKeys: ReadonlySet<string> = new Set(["name", "preview"]);

/** An exposure as the manifest contains the exposure. In a JavaScript manifest, the values of an exposure may have any type. */
export interface WrittenExposure {
  readonly name?: unknown;
  readonly preview?: unknown;
  readonly [key: string]: unknown;
}
