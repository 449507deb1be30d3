// Which handlers a manifest exposes, and how.

import { type Branded, brand, isBranded } from "../diagnostics/brand.ts";
import type { Handler } from "./handler.ts";

/** How the manifest exposes one handler. Each plugin adds its own key by declaration merging. */
export interface Exposure {
  /** Another name than the export's. */
  readonly name?: string;
  /** Whether a dry run shows the preview to its caller too. Without it previews are for approvers. */
  readonly preview?: "caller";
}

/** A plugin may add a compile-time check for its key. */
// biome-ignore lint/correctness/noUnusedVariables: merged declarations must have the same type parameters
// biome-ignore lint/suspicious/noEmptyInterface: plugins merge into it, which a type alias would not allow
export interface ExposureRules<Input, Given> {}

/** What a failed compile-time check prints. No quotes inside the sentence: they would be escaped. */
export interface Refused<Sentence extends string> {
  readonly "~refused": Sentence;
}

export type HandlerName<Module> = {
  [Name in keyof Module]: Module[Name] extends Branded<"handler"> ? Name : never;
}[keyof Module] &
  string;

/** Completes names. The index signature of `expose` lets other names pass, so that `Checked` refuses them in one sentence. */
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

/** All members of a union in one object type: one lookup for each module costs the compiler less than a list of all handlers. */
export type Joined<Union> = (Union extends unknown ? (one: Union) => void : never) extends (all: infer All) => void ? All : never;

/**
 * Exposes handlers of one module. The module is imported only when one of its handlers is needed.
 *
 * @param table  Keys are the module's handler exports; what is not listed is declared and reachable from nowhere.
 */
export const expose = <Module, const Table extends Named<Module> & { readonly [other: string]: Exposure | undefined }>(
  load: () => Promise<Module>,
  table: Table & Checked<Module, Table>,
): Exposed<Module, Table> => Object.freeze({ load, table, [brand]: "exposed" as const });

export const isExposed = (value: unknown): value is Exposed => isBranded(value, "exposed");

/** Keys of an exposure that core owns. */
export const ownExposureKeys: ReadonlySet<string> = new Set(["name", "preview"]);

/** An exposure as the manifest has it. In a JavaScript manifest its values may have any type. */
export interface WrittenExposure {
  readonly name?: unknown;
  readonly preview?: unknown;
  readonly [key: string]: unknown;
}
