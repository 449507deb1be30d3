// An operation: a handler as the manifest exposes it. Plugins read it.

import type { ListedProblem } from "../diagnostics/own-problem.ts";
import type { JsonSchema } from "../schema/schema.ts";
import type { Handler } from "./handler.ts";
import type { CompiledPolicy } from "./policy.ts";
import type { Principal } from "./principal.ts";

export interface Operation {
  readonly name: string;
  readonly handler: Handler;
  /** As written in the manifest. Each key belongs to a plugin, which reads it with `exposureKey(...).of(operation)`. */
  readonly exposure: Readonly<Record<string, unknown>>;
  /** By key: the value that the key resolved at boot. */
  readonly resolved: ReadonlyMap<string, unknown>;
  /** Names of the surfaces it is exposed on. */
  readonly surfaces: ReadonlySet<string>;
  /** Callers need no credential, on the surfaces that can be public. */
  readonly isPublic: boolean;
  /** People must agree to calls, on all of its surfaces or on some. */
  readonly needsApproval: boolean;
  /** A dry run shows the handler's preview to its caller, too. */
  readonly showsPreview: boolean;
  /** Closed: unknown fields are refused. */
  readonly input: JsonSchema;
  /** Closed: unknown fields are refused. For a stream it is the schema of one item. */
  readonly output: JsonSchema | undefined;
  readonly isStream: boolean;
  /** The handler's own codes. */
  readonly problems: readonly ListedProblem[];
  readonly policy: CompiledPolicy;
  /** The file name of its module in words, `order items` for `./app/order-items.ts`; `undefined` where it cannot be read. */
  readonly module: string | undefined;
  /** For messages: `quater.config.ts:12`. */
  readonly place: string;
}

export interface Catalog {
  /** Loaded and exposed somewhere, in the manifest's order. */
  readonly operations: readonly Operation[];
  readonly get: (name: string) => Operation | undefined;
  /** The names of all exposed handlers, also of those whose modules were not loaded. */
  readonly names: readonly string[];
  /** Handlers that a loaded module exports and the manifest does not list: unreachable on every surface. */
  readonly declared: readonly { readonly name: string; readonly module: string }[];
}

/** Whether listings and documents may show the operation to this principal: the static part of the policy must allow it. */
export const isVisibleTo = (operation: Operation, principal: Principal): boolean =>
  operation.isPublic || operation.policy.judgeStatic(principal) === undefined;
