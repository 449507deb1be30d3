// What handlers stand on: databases, clients, transactions. Opened lazily, typed by reference, never part of a schema or
// a hash. "app" resources open once and close at stop; "call" resources are shared by policy, preview and handler of one
// call, and close before the outcome is known, told whether the call failed, so that a transaction can roll back.

import { type Branded, brand, isBranded } from "../diagnostics/brand.ts";
import type { Awaitable } from "./principal.ts";

export interface Resource<Value> extends Branded<"resource"> {
  readonly name: string;
  readonly scope: "app" | "call";
  readonly use?: Uses;
  readonly open: (use: never) => Awaitable<Value>;
  // `never`: in parameter position `Value` would make Resource<Shop> no Resource<unknown>.
  readonly close?: (value: never, outcome: { readonly failed: boolean }) => unknown;
}

/** A handler's or a resource's `use`. The context's own names are reserved. */
export type Uses = Readonly<Record<string, Resource<unknown>>> & {
  readonly principal?: never;
  readonly signal?: never;
  readonly progress?: never;
  readonly callId?: never;
  readonly input?: never;
};

/** Names that a policy or a handler finds beside its resources. */
const reserved = new Set(["principal", "signal", "progress", "callId", "input"]);

/** What is wrong with a `use`, and what to write instead. */
export const usesProblems = (
  uses: unknown,
  holder?: Resource<unknown>,
): { readonly cause: string; readonly remedy: string }[] => {
  if (uses === undefined) return [];
  const table = "Write use: { name: resource({ ... }) }";
  if (uses === null || typeof uses !== "object")
    return [{ cause: "has a use that is not an object of resources", remedy: table }];
  return Object.entries(uses).flatMap(([name, used]) => {
    if (reserved.has(name))
      return [{ cause: `uses a resource as "${name}", a name that is taken`, remedy: "Give it another name in use" }];
    if (!isBranded(used, "resource")) return [{ cause: `uses "${name}", which is not a resource`, remedy: table }];
    const inner = used as Resource<unknown>;
    if (holder?.scope === "app" && inner.scope === "call") {
      const cause = `uses ${holder.name}, which lives as long as the app and uses ${inner.name}, which ends with a call`;
      return [{ cause, remedy: `Say scope: "call" in ${holder.name}, or scope: "app" in ${inner.name}` }];
    }
    return usesProblems(inner.use, inner);
  });
};

export type Opened<Used> = { readonly [Name in keyof Used]: Used[Name] extends Resource<infer Value> ? Value : never };

/**
 * @example
 * const database = resource({ name: "database", scope: "app", open: () => connect(), close: (db) => db.end() });
 */
// biome-ignore lint/complexity/noBannedTypes: {} is "uses nothing", and infers as such
export const resource = <Value, Used extends Uses = {}>(definition: {
  readonly name: string;
  readonly scope: "app" | "call";
  readonly use?: Used;
  readonly open: (use: Opened<Used>) => Awaitable<Value>;
  readonly close?: (value: NoInfer<Value>, outcome: { readonly failed: boolean }) => unknown;
}): Resource<Value> => Object.freeze({ ...definition, [brand]: "resource" as const });

/** The resources that are open in one scope, in the order they were opened. */
export class OpenResources {
  readonly #parent: OpenResources | undefined;
  readonly #values = new Map<Resource<unknown>, Promise<unknown>>();
  /** Open resources in the order of opening: the resources that one uses come before it. */
  readonly #opened: { readonly used: Resource<unknown>; readonly value: unknown }[] = [];

  /** @param parent  The app's resources; none for the app itself. */
  constructor(parent?: OpenResources) {
    this.#parent = parent;
  }

  /** Opens what is not open yet. A failed open is forgotten, so that the next call tries again. */
  async open(uses: Uses | undefined): Promise<Record<string, unknown>> {
    const opened: Record<string, unknown> = {};
    for (const [name, used] of Object.entries(uses ?? {})) opened[name] = await this.#one(used as Resource<unknown>);
    return opened;
  }

  async #one(used: Resource<unknown>): Promise<unknown> {
    if (used.scope === "app" && this.#parent !== undefined) return this.#parent.#one(used);
    const known = this.#values.get(used);
    if (known !== undefined) return known;
    const opening = this.#opening(used);
    this.#values.set(used, opening);
    opening.catch(() => this.#values.delete(used));
    return opening;
  }

  async #opening(used: Resource<unknown>): Promise<unknown> {
    const value = await used.open((await this.open(used.use)) as never);
    this.#opened.push({ used, value });
    return value;
  }

  /** Closes in reverse order. All are closed even when one fails; the first failure is thrown. */
  async close(outcome: { readonly failed: boolean }): Promise<void> {
    await Promise.allSettled(this.#values.values());
    this.#values.clear();
    const failures: unknown[] = [];
    for (const { used, value } of this.#opened.splice(0).reverse()) {
      try {
        await used.close?.(value as never, outcome);
      } catch (error) {
        failures.push(error);
      }
    }
    if (failures.length > 0) throw failures[0];
  }
}

/** What one call opens: nothing until it is asked for, and closed by how the call ended. */
export interface CallResources {
  /** @param uses  Of a policy. Default: the handler's. What both use is opened once. */
  readonly open: (uses?: Uses) => Awaitable<Readonly<Record<string, unknown>>>;
  readonly close: (failed: boolean) => Promise<void> | undefined;
  /** Closes what is open as after a failure, so that the next `open` opens everything anew. */
  readonly renew: () => Promise<void> | undefined;
}

const none: Readonly<Record<string, unknown>> = Object.freeze({});
export const usingNothing: CallResources = { open: () => none, close: () => undefined, renew: () => undefined };

/** Resources of the app outlive the call, so a handler that uses only those has nothing to close. */
export const callResources = (own: Uses | undefined, app: OpenResources): CallResources => {
  let opened: OpenResources | undefined;
  let opening: Promise<Record<string, unknown>> | undefined;
  return {
    open: (uses = own) => {
      if (uses === undefined) return none;
      opened ??= new OpenResources(app);
      if (uses !== own) return opened.open(uses);
      opening ??= opened.open(uses);
      return opening;
    },
    close: (failed) => opened?.close({ failed }),
    renew: () => {
      const before = opened;
      [opened, opening] = [undefined, undefined];
      return before?.close({ failed: true });
    },
  };
};
