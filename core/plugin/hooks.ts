// Every hook, and how several answers to it combine. A plugin says per handler which hooks it wants; chains are made at
// boot, so that a call pays only for the hooks that apply to its handler.

import { internal, isQuaterError, type QuaterError } from "../diagnostics/errors.ts";
import type { Log } from "../diagnostics/log.ts";
import { aFunction, isTable, keyProblems, kindOf } from "../diagnostics/plugin-options.ts";
import type { BootProblem } from "../diagnostics/problem.ts";
import type { Approved, Arrival, Authorized, Bound, Outcome } from "../model/call.ts";
import type { Holding } from "../model/holding.ts";
import type { Operation } from "../model/operation.ts";
import type { Verdict } from "../model/policy.ts";
import type { Awaitable } from "../model/principal.ts";

/** As a verdict; `replay` answers the call with an earlier result instead of running it. */
export type Admission = Verdict | { readonly allow: "replay"; readonly by: string; readonly value: unknown };

/** As a verdict; `consume` uses the approval up, as the last act before the handler, and may still refuse. */
export type ApprovalAnswer =
  | (Extract<Verdict, { allow: true }> & { readonly consume?: () => Awaitable<Verdict> })
  | Extract<Verdict, { allow: false }>;

// Properties, not methods: TypeScript compares method parameters loosely and would let `authorize` ask for a call that
// is already approved.
export interface InvokeHooks {
  /** every: all must allow, after the handler's own policy. */
  authorize: (call: Bound) => Awaitable<Verdict>;
  /** every: whatever may refuse or replay (limits, idempotency), before an approval could be used up. */
  admit: (call: Authorized) => Awaitable<Admission>;
  /** every: all must allow; the first refusal ends the call. */
  approve: (call: Authorized) => Awaitable<ApprovalAnswer>;
  /** first: what `approve` would answer, for a dry run. Files nothing. */
  forecast: (call: Authorized) => Awaitable<unknown>;
  /**
   * every: waits for what the call must hold while its handler runs, such as a lock, and hands it to `keep`. Runs after all
   * checks. What was handed over is released after the end of the call was recorded, also when a later hook refuses.
   */
  hold: (call: Approved, keep: (holding: Holding) => void) => Awaitable<Verdict>;
  /** around: wraps the handler, the first plugin outermost. Must call `next` at most once. */
  around: (call: Approved, next: () => Promise<unknown>) => Promise<unknown>;
  /** observe: told how the call ended; cannot change it. A throw after the handler ran makes the outcome unrecorded. */
  settled: (call: Arrival, outcome: Outcome) => Awaitable<void>;
}

export type HookKind = "first" | "every" | "around" | "observe";

export const hookKinds = {
  authorize: "every",
  admit: "every",
  approve: "every",
  forecast: "first",
  hold: "every",
  around: "around",
  settled: "observe",
} as const satisfies Record<keyof InvokeHooks, HookKind>;

export type Hooks = Partial<InvokeHooks>;
/** The same hooks for all handlers, or chosen per handler at boot. Without an operation: calls refused before one was found. */
export type HookChoice = Hooks | ((operation: Operation | undefined) => Hooks | undefined);

type NamesOf<Kind extends HookKind> = {
  [Name in keyof typeof hookKinds]: (typeof hookKinds)[Name] extends Kind ? Name : never;
}[keyof typeof hookKinds];
type Answer<Name extends keyof InvokeHooks> = Awaited<ReturnType<InvokeHooks[Name]>>;

/** The hooks that apply to one handler, one method per kind. */
export interface HookRunner {
  /** What is wrong with what plugins chose for the handler. With any the project does not boot. */
  readonly problems: readonly BootProblem[];
  readonly has: (name: keyof InvokeHooks) => boolean;
  /** The first answer that is not `undefined`. */
  first<Name extends NamesOf<"first">>(name: Name, ...given: Parameters<InvokeHooks[Name]>): Promise<Answer<Name> | undefined>;
  /** All answers in order, ending with the first that does not allow. */
  every<Name extends NamesOf<"every">>(name: Name, ...given: Parameters<InvokeHooks[Name]>): Promise<readonly Answer<Name>[]>;
  around(call: Approved, handle: () => Promise<unknown>): Promise<unknown>;
  /** All are told, also when one throws. @returns Who failed. */
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

// biome-ignore lint/suspicious/noExplicitAny: the one place where hooks of different shapes stand in one list
type AnyHook = (...given: any[]) => any;

const hookRules = Object.fromEntries(Object.keys(hookKinds).map((name) => [name, aFunction]));

/** What is wrong with a table of hooks: a misspelt one would never be asked, and every call let through. */
export const hookProblems = (plugin: string, hooks: unknown): readonly BootProblem[] => {
  if (hooks === undefined || hooks === null || hooks === false) return []; // `operation && { ... }` chooses none
  if (isTable(hooks)) return keyProblems(plugin, plugin, "hook", hooks, hookRules).map((wrong) => ({ ...wrong, plugin }));
  const remedy = "Write { authorize: ..., settled: ... }, and neither a promise nor an instance of a class";
  return [{ place: `${plugin}()`, plugin, cause: `The hooks of ${plugin} are no table`, remedy }];
};

/** Makes the chains for one handler; called once per handler at boot. */
export const hookRunner = (sources: readonly HookSource[], operation: Operation | undefined, log: Log): HookRunner => {
  const chains = new Map<string, { plugin: string; hook: AnyHook }[]>();
  const problems: BootProblem[] = [];
  for (const { plugin, hooks } of sources) {
    const chosen = typeof hooks === "function" ? hooks(operation) : hooks;
    if (typeof hooks === "function") problems.push(...hookProblems(plugin, chosen)); // a table was looked at before
    for (const [name, hook] of Object.entries(chosen ?? {})) {
      if (typeof hook === "function") chains.set(name, [...(chains.get(name) ?? []), { plugin, hook: hook as AnyHook }]);
    }
  }
  const chain = (name: keyof InvokeHooks) => chains.get(name) ?? [];
  const has: Readonly<Record<string, boolean>> = Object.fromEntries(
    Object.keys(hookKinds).map((name) => [name, chains.has(name)]),
  );
  return {
    problems,
    has: (name) => has[name] === true,
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
        const answer = (await asked(plugin, name, () => hook(...given))) as { allow?: unknown; by?: unknown } | undefined;
        if (answer?.allow === true) {
          answers.push(answer);
          continue;
        }
        // Neither a missing answer nor one that means nothing here is a yes.
        const isAnswer = answer?.allow === false || (answer?.allow === "replay" && name === "admit");
        const isNamed = typeof answer?.by === "string";
        answers.push(isAnswer ? { ...answer, ...(isNamed ? {} : { by: plugin }) } : { allow: false, by: plugin });
        if (!isAnswer || !isNamed) {
          const [{ callId, handler }] = given;
          log.warn("A hook gave no verdict, so the call is refused", {
            callId,
            handler,
            plugin,
            hook: name,
            gave: outline(answer),
          });
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
            if (isCalled) throw foreign(plugin, "around", new Error("next() was called twice"));
            isCalled = true;
            try {
              return await inner(call, handle);
            } catch (error) {
              passedOn = error;
              throw error;
            }
          };
          // What the handler threw is not the plugin's doing, though it comes out of its hook.
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

/** For the log: names and kinds, and none of the contents. */
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
  Object.assign(internal(cause), { hint: `Plugin "${plugin}" threw in its hook "${hook}"` });
