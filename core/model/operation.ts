// An operation is a handler together with its exposure in the manifest. Plugins read operations.

import type { ListedProblem } from "../diagnostics/own-problem.ts";
import type { JsonSchema } from "../schema/schema.ts";
import type { Handler } from "./handler.ts";
import type { CompiledPolicy } from "./policy.ts";
import type { Principal } from "./principal.ts";

export interface Operation {
  readonly name: string;
  readonly handler: Handler;
  /**
   * The exposure as the manifest contains the exposure. Each key belongs to a plugin, which reads the key with
   * `exposureKey(...).of(operation)`.
   */
  readonly exposure: Readonly<Record<string, unknown>>;
  /** The value that each exposure key resolved at boot, by the name of the exposure key. */
  readonly resolved: ReadonlyMap<string, unknown>;
  /** The names of the surfaces that expose the handler. */
  readonly surfaces: ReadonlySet<string>;
  /** Whether callers need no credential on the surfaces that can be public. */
  readonly isPublic: boolean;
  /** Whether people must approve calls of the handler, on all of the handler's surfaces or on some. */
  readonly needsApproval: boolean;
  /** Whether a dry run also shows the handler's preview to the caller of the dry run. */
  readonly showsPreview: boolean;
  /** The JSON Schema of the input. The schema is closed, so Quater refuses unknown fields. */
  readonly input: JsonSchema;
  /** The JSON Schema of the output, or of one item of a stream. The schema is closed, so Quater refuses unknown fields. */
  readonly output: JsonSchema | undefined;
  readonly isStream: boolean;
  /** The error codes that the handler declares. */
  readonly problems: readonly ListedProblem[];
  readonly policy: CompiledPolicy;
  /**
   * The file name of the handler's module in words, `order items` for `./app/order-items.ts`; `undefined` if the file name is not
   * known.
   */
  readonly module: string | undefined;
  /** The line of the handler in the manifest, for error messages: `quater.config.ts:12`. */
  readonly place: string;
}

export interface Catalog {
  /** The operations of the loaded modules, in the order of the manifest. */
  readonly operations: readonly Operation[];
  readonly get: (name: string) => Operation | undefined;
  /** The names of all exposed handlers, including handlers whose modules were not loaded. */
  readonly names: readonly string[];
  /**
   * Handlers that a loaded module exports and the manifest does not list. No surface can call a handler that the manifest does
   * not list.
   */
  readonly declared: readonly { readonly name: string; readonly module: string }[];
}

/**
 * Whether listings and documents may show the operation to this principal. True if the part of the policy that needs no input
 * allows the principal.
 */
export const isVisibleTo = (operation: Operation, principal: Principal): boolean =>
  operation.isPublic || operation.policy.judgeStatic(principal) === undefined;
