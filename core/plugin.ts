// What a plugin is: a name, the exposure keys it owns, hooks into the pipeline, services for other plugins, commands,
// and a start and a stop.

import type { Given } from "./bind.ts";
import { type Branded, brand, isBranded } from "./brand.ts";
import type { Call, Cancellation, Outcome } from "./call.ts";
import type { Presented } from "./credentials.ts";
import type { HookChoice } from "./hooks.ts";
import type { Catalog, Operation } from "./operation.ts";
import type { Known } from "./plugin-fields.ts";
import { digestOfOptions, isTable, type OptionNames, optionProblems } from "./plugin-options.ts";
import type { Authentication, Awaitable, Principal } from "./principal.ts";
import type { Problem } from "./problem.ts";
import type { JsonSchema } from "./schema.ts";

/** How the process was started. Behaviour hangs on this, never on an environment variable. */
export type Command = "serve" | "dev" | "mcp" | "run" | "inspect" | "test";

export interface Log {
  info(message: string, fields?: Readonly<Record<string, unknown>>): void;
  warn(message: string, fields?: Readonly<Record<string, unknown>>): void;
  error(message: string, fields?: Readonly<Record<string, unknown>>): void;
}

/** A typed name for something one plugin offers others. Compared by name. */
export interface ServiceRef<Service> extends Branded<"service"> {
  readonly name: string;
  readonly "~service"?: Service | undefined;
}

export const serviceRef = <Service>(name: string): ServiceRef<Service> => Object.freeze({ name, [brand]: "service" as const });

export interface Services {
  /** @throws {Error} when nothing provides it: name it in `needs`. */
  get<Service>(ref: ServiceRef<Service>): Service;
  /** `undefined` when nothing provides it: name it in `wants`. */
  find<Service>(ref: ServiceRef<Service>): Service | undefined;
  provide<Service>(ref: ServiceRef<Service>, service: NoInfer<Service>): void;
}

/** A key of the exposure table that the plugin owns. */
export interface ExposureKey {
  readonly key: string;
  /** Of the key's value. */
  readonly schema: JsonSchema | object;
  /** The next step for whoever wrote a value that the schema refuses: `Write "GET /path" or { route, status?, bind? }`. */
  readonly remedy?: string;
  /** What is wrong with this value on this handler, beyond the schema: cause and remedy. */
  readonly check?: (value: unknown, operation: Operation) => readonly { readonly cause: string; readonly remedy: string }[];
}

const keyOwners = new Map<string, string>();

/** Names the plugin that owns an exposure key, if the names differ: for the boot problem where it is not configured. */
export const nameKeyOwner = (key: string, plugin: string): void => void keyOwners.set(key, plugin);

export const keyOwnerOf = (key: string): string => keyOwners.get(key) ?? key;

/** A plugin that originates calls. Its exposure key has the surface's name. */
export interface Surface {
  readonly name: string;
  /** For messages, in the plural: "CLI actions". */
  readonly exposes: string;
  /** Missing: boot refuses handlers on this surface. */
  readonly authenticate?: Authentication | undefined;
  /** Whether `public: true` opens this surface. */
  readonly opensToPublic?: boolean;
  /** What the surface makes of every principal, whoever authenticated it. */
  readonly adopt?: (principal: Principal) => Principal;
}

export interface ProbeCall {
  readonly handler: string;
  /** As a caller of the surface would send it: JSON text, or texts by name (path, query, flags). */
  readonly input: { readonly json: string } | { readonly text: Readonly<Record<string, string | readonly string[]>> };
  readonly token?: string;
  /** An approval that the caller names. */
  readonly approvalId?: string;
}

/** What a caller saw, without the surface's own dress. */
export type ProbeAnswer =
  | { readonly ok: true; readonly value: unknown }
  | {
      readonly ok: false;
      readonly code: string;
      readonly message: string;
      readonly errors: readonly { path: string; message: string }[];
    };

/** @throws {Error} by `cannotSend`, for a call that callers of this surface have no way to write. */
export type Probe = (call: ProbeCall) => Promise<ProbeAnswer>;

export const cannotSend = (message: string): Error => Object.assign(new Error(message), { [brand]: "cannot-send" as const });
export const isCannotSend = (error: unknown): boolean => isBranded(error, "cannot-send");

export interface CommandIo {
  /** Results, one text per call, written as they are. */
  readonly write: (text: string) => void;
  /** A result that is JSON: laid out for a person on a terminal, JSON text otherwise. */
  readonly show: (value: unknown) => void;
  /** Everything that is not a result: whole lines. */
  readonly say: (text: string) => void;
  readonly isTerminal: boolean;
  /** JSON was asked for, or standard output is no terminal. */
  readonly isJson: boolean;
  /** Aborted when the process is asked to end. Whoever reads it promises to end then. */
  readonly signal: AbortSignal;
  /**
   * Asks a person; of a secret, what is typed is not shown.
   *
   * @returns `undefined` where nobody can be asked. @throws {QuaterError} `cancelled`.
   */
  readonly ask: (question: string, how?: { readonly isSecret?: boolean }) => Promise<string | undefined>;
  /** All of standard input. @throws {QuaterError} `too_large`. */
  readonly readInput: () => Promise<Uint8Array>;
  /** A file that the command line names, relative to where the command was typed. */
  readonly pathOf: (file: string) => string;
  /** What whoever typed the command shows at a surface's door. */
  readonly credentials: Presented;
}

/** A command of the `quater` program. Flags are derived from the schema as for actions. */
export interface PluginCommand {
  readonly path: readonly string[];
  readonly description: string;
  readonly input: JsonSchema | object;
  /** Names of inputs that may be given by position. */
  readonly positional?: readonly string[];
  /** @returns The exit code; nothing is 0. */
  readonly run: (input: never, io: CommandIo) => Awaitable<number | undefined>;
}

/** One way in: who is asking, over which surface. */
export interface Entry {
  readonly surface: string;
  readonly credentials: Presented;
  readonly callId: string;
  readonly handler?: string;
  /** See `Invocation`. */
  readonly traceId?: string | undefined;
}

/** Memory for the answers to one caller, which has a limit while the caller does not read them. */
export interface AnswerRoom {
  /**
   * Reserves memory for so many bytes of the call's answer, beside what the call reserved before.
   *
   * @returns false when there is no room: the answer is dropped, and the call ends with an error.
   */
  reserve(bytes: number): boolean;
}

export interface Invocation {
  readonly handler: string;
  readonly surface: string;
  /** From `enter`, never from what the caller says of itself. */
  readonly principal: Principal;
  /** Read only after the static part of the policy has allowed the call. */
  readonly given: readonly Given[] | (() => Awaitable<readonly Given[]>);
  readonly callId?: string;
  readonly cancellation?: Cancellation;
  readonly progress?: Call["progress"] | undefined;
  readonly dryRun?: boolean;
  readonly peer?: string | undefined;
  /**
   * How the caller came in. With it the credential is checked again when time has passed since then: after the input was
   * read, and before the handler starts.
   */
  readonly entry?: Entry;
  /** By `traceIdOf`, for the record of the call. */
  readonly traceId?: string | undefined;
  /** An approval that the caller names. */
  readonly approvalId?: string | undefined;
  /** For large answers. */
  readonly room?: AnswerRoom | undefined;
}

/** The kernel as a surface sees it. */
export interface Gate {
  /** Rejects with `unauthenticated`, `invalid_token` and the like; observers have been told. Never throws by itself. */
  enter(entry: Entry): Awaitable<Principal>;
  /**
   * Checks a credential again, for surfaces that read input after `enter`. A key may be revoked while a body is on its way.
   *
   * @param since  When the caller came in, by `performance.now()`. A check that is less than a quarter of a second old still counts.
   * @returns The same person with the rights of now. Rejects as `enter` does.
   */
  enterAgain(entry: Entry, principal: Principal, since: number): Awaitable<Principal>;
  /** The only caller of handlers. Never throws: refusals and failures are outcomes. */
  invoke(invocation: Invocation): Promise<Outcome>;
  newCallId(): string;
  /** Names of plugins that are not ready, and "kernel" while it boots or stops; empty when ready. */
  unready(): Promise<readonly string[]>;
  /** The process stops: calls in flight are waited for, and new ones are refused. */
  readonly isStopping: boolean;
}

export interface PluginContext {
  readonly services: Services;
  readonly catalog: Catalog;
  readonly gate: Gate;
  readonly log: Log;
  readonly command: Command;
  readonly project: Project;
  /** How large an answer may be, bytes of its JSON. The gate checks values and items; a surface that joins items checks the sum. */
  readonly maxOutputBytes: number;
  /** All configured plugins, in boot order. */
  readonly plugins: readonly ConfiguredName[];
  /**
   * `sha256:...` over what the manifest says: name, version, every exposure table, the plugins' names and the digests of
   * their options. Two processes with equal digests expose the same. Computed when asked for.
   */
  readonly manifestDigest: () => string;
  /**
   * Ends the process, where there is one to end: calls in flight are drained, and the program exits with `exitCode`. For
   * what no plugin may live on with.
   */
  readonly halt: (reason: string, exitCode: number) => void;
}

/** A plugin as others may know it. */
export type ConfiguredName = Pick<ConfiguredPlugin, "name" | "version" | "optionsDigest">;

export interface Project {
  readonly name: string;
  readonly version: string;
  /** The folder of the manifest. */
  readonly root: string;
}

/** What a plugin does once it is set up. */
export interface Running {
  readonly hooks?: HookChoice;
  readonly commands?: readonly PluginCommand[];
  /** Nothing listens before every plugin is set up. */
  readonly start?: () => Awaitable<void>;
  /** In reverse order of starting; calls in flight have been drained. Safe to call twice. */
  readonly stop?: () => Awaitable<void>;
  readonly isReady?: () => Awaitable<boolean>;
  /** Of a surface: calls it from the outside, as its callers do, and tells what came back. For tests. */
  readonly probe?: Probe;
}

/** A run beside the real one, of the same manifest. */
export interface Rehearsal {
  /** For whatever is kept: made for the rehearsal, and deleted after it. */
  readonly folder: string;
  /** What people agreed to may be used for so long, milliseconds. Default: as configured. */
  readonly usableForMs?: number;
  /** Callers show what they show at the real one. Default: whoever rehearses has doors of his own. */
  readonly hasOwnDoors?: boolean;
}

export interface Plugin extends Running {
  /** Also the word in the configuration and in the docs. */
  readonly name: string;
  /** Of the package it came in, for the record of what ran. Quater's own plugins have Quater's. */
  readonly version?: string;
  /** Services without which it cannot work; their plugins boot first. */
  readonly needs?: readonly ServiceRef<unknown>[];
  /** Services it uses where they are configured; their plugins boot first. */
  readonly wants?: readonly ServiceRef<unknown>[];
  readonly provides?: readonly ServiceRef<unknown>[];
  readonly exposure?: ExposureKey | readonly ExposureKey[];
  readonly surface?: Surface;
  /**
   * The same plugin for a rehearsal: it listens on a free port of this machine, keeps what it keeps in the folder given,
   * and tells nobody outside. Absent: it needs no change for that.
   */
  readonly rehearsed?: (rehearsal: Rehearsal) => Plugin;
  /** Problems of its options and of the catalog, found before anything is set up. */
  readonly check?: (context: {
    readonly catalog: Catalog;
    readonly command: Command;
    readonly root: string;
  }) => readonly Problem[];
  // biome-ignore lint/suspicious/noConfusingVoidType: a setup that returns nothing is common and fine
  readonly setup?: (context: PluginContext) => Awaitable<Running | void>;
}

export interface ConfiguredPlugin extends Branded<"plugin">, Plugin {
  /** `sha256:...`: see `digestOfOptions`. Computed when asked for. */
  readonly optionsDigest?: () => string;
  /** Keys that it was given and does not know, and values that cannot be. */
  readonly optionProblems?: () => readonly Problem[];
}

/**
 * Makes a plugin's factory. Loading a configuration touches nothing: open files and sockets in `start`.
 *
 * @param names  Every option, so that a misspelt one is a problem at boot and not passed over in silence; `true`, or a rule
 *   for its value.
 *
 * @example
 * export const outcomes = definePlugin(
 *   (options: { print: (line: string) => void }) => ({
 *     name: "outcomes",
 *     hooks: { settled: (call, outcome) => options.print(`${call.handler} ${outcome.ok}`) },
 *   }),
 *   { print: true },
 * );
 */
export const definePlugin =
  <Options extends unknown[], Parts extends Plugin>(
    make: (...options: Options) => Parts & Known<Parts>,
    names?: OptionNames<NoInfer<Options>>,
  ): ((...options: Options) => ConfiguredPlugin) =>
  (...options) => {
    const made: Plugin = make(...options);
    return {
      ...made,
      optionsDigest: () => digestOfOptions(options),
      optionProblems: () =>
        [
          ...(isTable(made as unknown) ? [] : [inheriting(made.name)]),
          ...(names === undefined ? [] : optionProblems(made.name, options[0], names)),
        ].map((wrong) => ({ ...wrong, plugin: made.name })),
      [brand]: "plugin" as const,
    };
  };

const inheriting = (plugin: string): Problem => ({
  place: `${plugin}()`,
  cause: `${plugin} is an instance of a class, whose methods are not seen`,
  remedy: "Write { name, hooks, ... }",
});

export const isPlugin = (value: unknown): value is ConfiguredPlugin => isBranded(value, "plugin");
