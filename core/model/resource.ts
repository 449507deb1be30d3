// Resources that handlers use: databases, clients, transactions. Quater opens a resource when a call first needs the resource.
// "app" resources open once and close when the process stops. Policy, preview and handler of one call share the "call" resources
// of the call. "call" resources close before the outcome of the call is final. The function `close` of a resource learns whether
// the call failed, so that a transaction can roll back.

import { type Branded, brand, isBranded } from "../diagnostics/brand.ts";
import type { Awaitable, Principal } from "./principal.ts";

export interface Resource<Value> extends Branded<"resource"> {
  readonly name: string;
  readonly scope: "app" | "call";
  readonly use?: Uses;
  readonly opens?: "use" | "start";
  readonly open: (use: never) => Awaitable<Value>;
  // The parameter of `isReady` is `never`, so that a Resource<Shop> is assignable to Resource<unknown>, as for `close`.
  readonly isReady?: (value: never) => Awaitable<boolean>;
  // The parameter of `close` is `never`. With `Value` in a parameter, a Resource<Shop> would not be assignable to
  // Resource<unknown>.
  readonly close?: (value: never, outcome: { readonly failed: boolean }) => unknown;
}

/** The resources in `use` of a handler, a policy or a resource. Resources cannot have the names of the context's own fields. */
export type Uses = Readonly<Record<string, Resource<unknown>>> & {
  readonly principal?: never;
  readonly signal?: never;
  readonly progress?: never;
  readonly callId?: never;
  readonly input?: never;
  readonly reply?: never;
};

/**
 * The parts of the call that the function `open` of a call-scoped resource gets, besides the resources in the `use` of this
 * resource.
 */
export interface OpeningCall {
  readonly principal: Principal;
  /** An AbortSignal that aborts when the caller has left or the server stops. */
  readonly signal: AbortSignal;
  readonly callId: string;
}

/** The part of a call that the function `open` of a call-scoped resource gets. */
interface Opener extends Pick<OpeningCall, "principal" | "callId"> {
  readonly cancellation: Pick<OpeningCall, "signal">;
}

/** The names of the context's own fields. No resource may have one of these names. */
const reserved = new Set(["principal", "signal", "progress", "callId", "input", "reply"]);

/** Returns the boot problems of a `use` table, with remedies. */
export const usesProblems = (
  uses: unknown,
  holder?: Resource<unknown>,
): { readonly cause: string; readonly remedy: string }[] => {
  if (uses === undefined) return [];
  const table = "List the resources of the handler or policy: use: { name: resource({ ... }) }";
  if (uses === null || typeof uses !== "object")
    return [{ cause: "has a value in use that is not an object of resources", remedy: table }];
  return Object.entries(uses).flatMap(([name, used]) => {
    if (reserved.has(name))
      return [
        {
          cause: `has a resource with the name "${name}" in use, but Quater itself uses this name`,
          remedy: "Choose another name for the resource in use",
        },
      ];
    if (!isBranded(used, "resource"))
      return [{ cause: `lists "${name}" in use, but the value is not a resource`, remedy: table }];
    const inner = used as Resource<unknown>;
    if (holder?.scope === "app" && inner.scope === "call") {
      const cause = `uses the resource ${holder.name} of the scope "app", which uses the resource ${inner.name} of the scope "call"`;
      return [{ cause, remedy: `Set scope: "call" in ${holder.name}, or scope: "app" in ${inner.name}` }];
    }
    return [...ownProblems(inner), ...usesProblems(inner.use, inner)];
  });
};

const ownProblems = ({ name, scope, opens, isReady }: Resource<unknown>): { cause: string; remedy: string }[] => {
  if (opens !== undefined && opens !== "use" && opens !== "start")
    return [
      {
        cause: `uses the resource ${name}, which has an invalid value for opens: ${JSON.stringify(opens)}`,
        remedy: `Write opens: "start" in the resource ${name}, or remove opens`,
      },
    ];
  if (scope !== "call" || (opens !== "start" && isReady === undefined)) return [];
  const cause = `uses the resource ${name} of the scope "call", which has ${isReady === undefined ? 'opens: "start"' : "isReady"}`;
  return [{ cause, remedy: `Set scope: "app" in ${name}, or remove ${isReady === undefined ? "opens" : "isReady"}` }];
};

/**
 * Returns the resources in these `use` tables, and the resources that these resources use. The result contains each resource
 * once, after the resources that the resource uses.
 */
export const resourcesIn = (uses: readonly (Uses | undefined)[]): readonly Resource<unknown>[] => {
  const found = new Set<Resource<unknown>>();
  const collect = (use: Uses | undefined): void => {
    for (const used of Object.values(use ?? {}) as Resource<unknown>[]) {
      collect(used.use);
      found.add(used);
    }
  };
  for (const use of uses) collect(use);
  return [...found];
};

export type Opened<Used> = { readonly [Name in keyof Used]: Used[Name] extends Resource<infer Value> ? Value : never };

type Opening<Scope, Used> = Opened<Used> & (Scope extends "call" ? OpeningCall : unknown);

/**
 * Defines a resource that handlers use. The function `open` of the resource gets the resources of `use`. For the scope "call",
 * `open` also gets `principal`, `signal` and `callId` of the call. With these values, `open` can open a session of the database
 * for the tenant of this caller.
 *
 * @example
 * const database = resource({ name: "database", scope: "app", open: () => connect(), close: (db) => db.end() });
 */
// biome-ignore lint/complexity/noBannedTypes: {} is "uses nothing", and infers as such
export const resource = <Value, const Scope extends "app" | "call", Used extends Uses = {}>(
  definition: {
    readonly name: string;
    readonly scope: Scope;
    readonly use?: Used;
    /**
     * With "start", Quater opens the resource before the server listens, and the server does not start if `open` fails. With
     * "use", the default, Quater opens the resource when a call first needs the resource. Only for the scope "app".
     */
    readonly opens?: "use" | "start";
    readonly open: (use: Opening<Scope, Used>) => Awaitable<Value>;
    /**
     * Returns whether calls can use the resource now. An error of `isReady` and a result after more than two seconds count as
     * `false`. The path `/ready` opens the resource and calls `isReady`, at most once a second. Only for the scope "app".
     */
    readonly isReady?: (value: NoInfer<Value>) => Awaitable<boolean>;
    readonly close?: (value: NoInfer<Value>, outcome: { readonly failed: boolean }) => unknown;
  } & (Scope extends "call" ? { readonly opens?: never; readonly isReady?: never } : unknown),
): Resource<Value> => Object.freeze({ ...definition, [brand]: "resource" as const }) as unknown as Resource<Value>;

/** The resources that are open in one scope, in the order of their opening. */
export class OpenResources {
  readonly #parent: OpenResources | undefined;
  readonly #values = new Map<Resource<unknown>, Promise<unknown>>();
  /** The open resources in the order of their opening. A resource comes after the resources in its `use`. */
  readonly #opened: { readonly used: Resource<unknown>; readonly value: unknown }[] = [];
  readonly #callOf: (() => Opener) | undefined;

  /**
   * @param parent  The resources of the app. Absent if this object contains the resources of the app.
   * @param callOf  Returns the call for which Quater opens the resources.
   */
  constructor(parent?: OpenResources, callOf?: () => Opener) {
    this.#parent = parent;
    this.#callOf = callOf;
  }

  /**
   * Opens the resources in `uses` that are not open yet. After a failed `open` of a resource, the next call of `open` tries
   * again.
   */
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
    const uses = await this.open(used.use);
    const call = this.#callOf?.(); // Absent for resources of the app, which open without a call.
    const value = await used.open((call === undefined ? uses : Object.assign(new OpeningContext(call), uses)) as never);
    this.#opened.push({ used, value });
    return value;
  }

  /**
   * Closes all open resources in reverse order, even when one `close` fails. Throws the first error after all resources were
   * closed.
   */
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

/**
 * Gives the function `open` of a resource the parts of the call. Quater creates the AbortSignal only if the resource reads the
 * AbortSignal.
 */
class OpeningContext implements OpeningCall {
  readonly principal: Principal;
  readonly callId: string;
  readonly #cancellation: Opener["cancellation"];

  constructor({ principal, callId, cancellation }: Opener) {
    this.principal = principal;
    this.callId = callId;
    this.#cancellation = cancellation;
  }

  get signal(): AbortSignal {
    return this.#cancellation.signal;
  }
}

/**
 * The resources of one call. Quater opens each resource when the call first needs the resource, and closes each resource with the
 * outcome of the call.
 */
export interface CallResources {
  /**
   * @param uses  The `use` of a policy. Default: the `use` of the handler. Quater opens a resource once if both the policy and
   * the handler use the resource.
   */
  readonly open: (uses?: Uses) => Awaitable<Readonly<Record<string, unknown>>>;
  readonly close: (failed: boolean) => Promise<void> | undefined;
  /** Closes the open resources of the call as after a failed call. The next `open` opens the resources again. */
  readonly renew: () => Promise<void> | undefined;
}

const none: Readonly<Record<string, unknown>> = Object.freeze({});
export const usingNothing: CallResources = { open: () => none, close: () => undefined, renew: () => undefined };

/**
 * Whether the call may open a call-scoped resource. App-scoped resources outlive the call, so the call does not close app-scoped
 * resources.
 */
export const callResources = (own: Uses | undefined, app: OpenResources, callOf: () => Opener): CallResources => {
  let opened: OpenResources | undefined;
  let opening: Promise<Record<string, unknown>> | undefined;
  return {
    open: (uses = own) => {
      if (uses === undefined) return none;
      opened ??= new OpenResources(app, callOf);
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
