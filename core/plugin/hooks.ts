// All hooks, and how Quater combines the answers of several plugins. A plugin chooses its hooks for each handler. Quater makes
// the chains of hooks at boot, so a call runs only the hooks that apply to its handler.

import { internal, isQuaterError, type QuaterError } from "../diagnostics/errors.ts";
import type { Log } from "../diagnostics/log.ts";
import { aFunction, isTable, keyProblems, kindOf } from "../diagnostics/plugin-options.ts";
import type { BootProblem } from "../diagnostics/problem.ts";
import type { Approved, Arrival, Authorized, Bound, Outcome } from "../model/call.ts";
import type { Holding } from "../model/holding.ts";
import type { Operation } from "../model/operation.ts";
import type { Verdict } from "../model/policy.ts";
import type { Awaitable } from "../model/principal.ts";

type Unnamed<Answer> = Answer extends { readonly by: string } ? Omit<Answer, "by"> & { readonly by?: string } : never;

/**
 * The answer of a hook, like the answer of a policy function. `true` allows the call, and `false` refuses the call. A sentence
 * refuses the call, and Quater sends the sentence to the caller. The answer may also be a verdict, such as
 * `{ allow: false, error }`. The field `by` of a verdict names who refused the call. Default of `by`: the plugin.
 */
export type HookAnswer<Named = Verdict> = boolean | string | Unnamed<Named>;

/** The answer of an `admit` hook. The answer `replay` ends the call with an earlier result, and the handler does not run. */
export type Admission = Verdict | { readonly allow: "replay"; readonly by: string; readonly value: unknown };

/**
 * The answer of an `approve` hook. `consume` uses up the approval directly before the handler runs, and may still refuse the
 * call.
 */
export type ApprovalAnswer =
  | (Extract<Verdict, { allow: true }> & { readonly consume?: () => Awaitable<HookAnswer> })
  | Extract<Verdict, { allow: false }>;

// The hooks of a call. Hooks are properties and not methods, because TypeScript compares parameters of methods loosely. If hooks
// were methods, a plugin's `authorize` hook could have a parameter for calls that are already approved.
export interface InvokeHooks {
  /** A hook of the kind every. All plugins must allow the call, after the handler's own policy. */
  authorize: (call: Bound) => Awaitable<HookAnswer>;
  /**
   * A hook of the kind every. An `admit` hook refuses or replays the call before the call uses up an approval. Rate limits and
   * idempotency use `admit` hooks.
   */
  admit: (call: Authorized) => Awaitable<HookAnswer<Admission>>;
  /** A hook of the kind every. All plugins must allow the call, and the first refusal ends the call. */
  approve: (call: Authorized) => Awaitable<HookAnswer<ApprovalAnswer>>;
  /**
   * A hook of the kind first. Returns the answer that `approve` would give, for a dry run. A `forecast` hook must not file an
   * approval request.
   */
  forecast: (call: Authorized) => Awaitable<unknown>;
  /**
   * A hook of the kind first. Returns the verdict that `approve` would return now, for an explanation of a call. A `foresee` hook
   * must not change anything.
   */
  foresee: (call: Authorized) => Awaitable<HookAnswer>;
  /**
   * A hook of the kind every. A `hold` hook waits for a lock, or another thing that the call must have while the handler runs.
   * The hook passes the lock to `keep`. Quater runs `hold` hooks after all checks. Quater releases the lock after the end of the
   * call was recorded, or when a later hook refuses the call.
   */
  hold: (call: Approved, keep: (holding: Holding) => void) => Awaitable<HookAnswer>;
  /**
   * A hook of the kind around. Wraps the handler. The hook of the first plugin is the outermost. Each hook must call `next` at
   * most once.
   */
  around: (call: Approved, next: () => Promise<unknown>) => Promise<unknown>;
  /**
   * A hook of the kind observe. Gets the outcome of the call, and cannot change the outcome. If the hook throws after the handler
   * ran, the call ends with `outcome_unrecorded`.
   */
  settled: (call: Arrival, outcome: Outcome) => Awaitable<void>;
}

export type HookKind = "first" | "every" | "around" | "observe";

export const hookKinds = {
  authorize: "every",
  admit: "every",
  approve: "every",
  forecast: "first",
  foresee: "first",
  hold: "every",
  around: "around",
  settled: "observe",
} as const satisfies Record<keyof InvokeHooks, HookKind>;

export type Hooks = Partial<InvokeHooks>;
/**
 * The same hooks for all handlers, or a function that chooses the hooks of each handler at boot. Quater calls the function
 * without an operation to choose the hooks for calls to unknown handlers.
 */
export type HookChoice = Hooks | ((operation: Operation | undefined) => Hooks | undefined);

type NamesOf<Kind extends HookKind> = {
  [Name in keyof typeof hookKinds]: (typeof hookKinds)[Name] extends Kind ? Name : never;
}[keyof typeof hookKinds];
/** The verdicts of each hook, in which `by` always names the plugin or policy. */
interface Verdicts {
  authorize: Verdict;
  admit: Admission;
  approve:
    | Extract<Verdict, { allow: false }>
    | (Extract<Verdict, { allow: true }> & { readonly consume?: () => Promise<Verdict> });
  hold: Verdict;
}

/** Runs the hooks that apply to one handler, with one method for each kind of hook. */
export interface HookRunner {
  /** The boot problems of the hooks that plugins chose for the handler. Any boot problem stops the boot. */
  readonly problems: readonly BootProblem[];
  /** Whether each hook applies to the handler, by the name of the hook. */
  readonly has: Readonly<Record<keyof InvokeHooks, boolean>>;
  /** Returns the first answer that is not `undefined` of the hooks with this name. */
  first<Name extends NamesOf<"first">>(name: Name, ...given: Parameters<InvokeHooks[Name]>): Promise<unknown>;
  /**
   * Returns the answers of the hooks with this name in order, up to and including the first answer that does not allow the call.
   */
  every<Name extends NamesOf<"every">>(name: Name, ...given: Parameters<InvokeHooks[Name]>): Promise<readonly Verdicts[Name][]>;
  around(call: Approved, handle: () => Promise<unknown>): Promise<unknown>;
  /** Runs the hooks of all plugins, even when one hook throws. @returns The errors that the hooks threw. */
  observe<Name extends NamesOf<"observe">>(name: Name, ...given: Parameters<InvokeHooks[Name]>): Promise<readonly HookFailure[]>;
}

export interface HookFailure {
  readonly plugin: string;
  readonly hook: string;
  readonly error: unknown;
}

const none: readonly never[] = Object.freeze([]);

export interface HookSource {
  readonly plugin: string;
  readonly hooks: HookChoice;
}

// biome-ignore lint/suspicious/noExplicitAny: this list has hooks with different parameters
type AnyHook = (...given: any[]) => any;

const hookRules = Object.fromEntries(Object.keys(hookKinds).map((name) => [name, aFunction]));

/** Finds boot problems in a table of hooks. Quater would never call a misspelt hook, so a misspelt hook would refuse no call. */
export const hookProblems = (plugin: string, hooks: unknown): readonly BootProblem[] => {
  // A function that chooses hooks may return `operation && { ... }`, which chooses no hooks.
  if (hooks === undefined || hooks === null || hooks === false) return [];
  if (isTable(hooks)) return keyProblems(plugin, plugin, "hook", hooks, hookRules).map((wrong) => ({ ...wrong, plugin }));
  const remedy = "Write a plain object, not a promise or an instance of a class: { authorize: ..., settled: ... }";
  return [{ place: `${plugin}()`, plugin, cause: `The hooks of ${plugin} are not a plain object`, remedy }];
};

/** Makes the chains of hooks for one handler. Quater calls `hookRunner` once per handler at boot. */
export const hookRunner = (sources: readonly HookSource[], operation: Operation | undefined, log: Log): HookRunner => {
  const chains = new Map<string, { plugin: string; hook: AnyHook }[]>();
  const problems: BootProblem[] = [];
  for (const { plugin, hooks } of sources) {
    const chosen = typeof hooks === "function" ? hooks(operation) : hooks;
    // Quater already checked a table of hooks during the setup of the plugin.
    if (typeof hooks === "function") problems.push(...hookProblems(plugin, chosen));
    for (const [name, hook] of Object.entries(chosen ?? {})) {
      if (typeof hook === "function") chains.set(name, [...(chains.get(name) ?? []), { plugin, hook: hook as AnyHook }]);
    }
  }
  const chain = (name: keyof InvokeHooks) => chains.get(name) ?? [];
  return {
    problems,
    has: Object.fromEntries(Object.keys(hookKinds).map((name) => [name, chains.has(name)])) as HookRunner["has"],
    async first(name, ...given) {
      for (const { plugin, hook } of chain(name)) {
        const answer = await asked(plugin, name, () => hook(...given));
        if (answer !== undefined) return answer as never;
      }
      return undefined;
    },
    async every(name, ...given) {
      const answers: unknown[] = [];
      for (const { plugin, hook } of chain(name)) {
        const answer = await asked(plugin, name, () => hook(...given));
        const verdict = verdictOf(answer, plugin, name);
        // A missing or unknown answer of a hook refuses the call.
        answers.push(verdict ?? { allow: false, by: plugin });
        if (verdict?.allow === true) continue;
        if (verdict === undefined) {
          const [{ callId, handler }] = given;
          log.warn(
            "A hook returned no verdict, so the call was refused. Return { allow: true } or { allow: false, reason } from the hook",
            {
              callId,
              handler,
              plugin,
              hook: name,
              gave: outline(answer),
            },
          );
        }
        break;
      }
      return answers as never;
    },
    around: chain("around").reduceRight<HookRunner["around"]>(
      (inner, { plugin, hook }) =>
        (call, handle) => {
          let isCalled = false;
          let passedOn: unknown;
          const next = async () => {
            if (isCalled)
              throw foreign(
                plugin,
                "around",
                new Error("An around hook called next() twice. Call next() at most once in the hook"),
              );
            isCalled = true;
            try {
              return await inner(call, handle);
            } catch (error) {
              passedOn = error;
              throw error;
            }
          };
          // If the handler throws, the `around` hook also throws the handler's error. The handler's error is not an error of the
          // plugin.
          return asked(
            plugin,
            "around",
            () => hook(call, next),
            (error) => error === passedOn,
          ) as Promise<unknown>;
        },
      (_call, handle) => handle(),
    ),
    async observe(name, ...given) {
      let failures: HookFailure[] | undefined;
      for (const { plugin, hook } of chain(name)) {
        try {
          await hook(...given);
        } catch (error) {
          failures ??= [];
          failures.push({ plugin, hook: name, error });
        }
      }
      return failures ?? none;
    },
  };
};

interface NamedAnswer {
  readonly allow: boolean | "replay";
  readonly by: string;
}

/**
 * Turns the answer of a hook into a verdict that names the plugin. Returns `undefined` for a value that is not an answer of this
 * hook.
 */
const verdictOf = (answer: unknown, plugin: string, hook: string): NamedAnswer | undefined => {
  if (typeof answer === "boolean") return { allow: answer, by: plugin };
  if (typeof answer === "string") return { allow: false, by: plugin, ...(answer === "" ? {} : { reason: answer }) };
  const { allow, by, consume } = Object(answer) as { allow?: unknown; by?: unknown; consume?: () => unknown };
  if (typeof allow !== "boolean" && !(allow === "replay" && hook === "admit")) return undefined;
  const named: NamedAnswer = { ...(answer as object), allow, by: typeof by === "string" ? by : plugin };
  if (typeof consume !== "function") return named;
  const used = async () => verdictOf(await consume(), plugin, "consume") ?? { allow: false, by: plugin };
  return Object.assign(named, { consume: used });
};

/** Describes the answer of a hook for the log by its field names and types, without values. */
const outline = (answer: unknown): string => {
  if (typeof answer === "boolean") return String(answer);
  if (!isTable(answer)) return kindOf(answer);
  const fields = Object.entries(answer).map(([name, value]) => `${name}: ${typeof value === "boolean" ? value : kindOf(value)}`);
  return fields.length === 0 ? "{}" : `{ ${fields.slice(0, 8).join(", ")} }`;
};

const asked = async (
  plugin: string,
  name: string,
  ask: () => unknown,
  isOthers: (error: unknown) => boolean = () => false,
): Promise<unknown> => {
  try {
    return await ask();
  } catch (error) {
    throw isQuaterError(error) || isOthers(error) ? error : foreign(plugin, name, error);
  }
};

const foreign = (plugin: string, hook: string, cause: unknown): QuaterError =>
  Object.assign(internal(cause), { hint: `The plugin "${plugin}" threw an error in its hook "${hook}"` });
