// The fields that a plugin and the result of its `setup` may have. Quater would never read a misspelt field, so a check in such a
// field would never run. Boot finds misspelt fields. The compiler finds misspelt fields through `Known`, because TypeScript
// itself accepts extra fields in an object that a function returns.

import { isBranded } from "../diagnostics/brand.ts";
import { aFunction, type FieldRule, isTable, keyProblems } from "../diagnostics/plugin-options.ts";
import type { BootProblem } from "../diagnostics/problem.ts";
import type { Refused } from "../model/exposure.ts";
import type { Awaitable } from "../model/principal.ts";
import type { PluginCommand } from "./command.ts";
import type { ExposureKey } from "./exposure-key.ts";
import { type Hooks, hookProblems } from "./hooks.ts";
import type { ConfiguredPlugin, Plugin, Running } from "./plugin.ts";
import type { Surface } from "./surface.ts";

type NoMore<Table, Known, What extends string> = {
  readonly [Key in Exclude<keyof Table, keyof Known>]: Refused<`There is no ${What} ${Key & string}`>;
};

type HooksOf<Parts> = Parts extends { readonly hooks: infer Given }
  ? Given extends (operation: never) => infer Chosen
    ? { readonly hooks: (operation: never) => NoMore<NonNullable<Chosen>, Hooks, "hook"> | undefined }
    : { readonly hooks: NoMore<Given, Hooks, "hook"> }
  : unknown;

type ReturnedBy<Parts> = Parts extends { readonly setup: (context: never) => infer Returned }
  ? { readonly setup: (context: never) => Awaitable<RunningOf<Awaited<Returned>>> }
  : unknown;

type RunningOf<Returned> = Returned extends object ? NoMore<Returned, Running, "field"> & HooksOf<Returned> : Returned;

/** Makes the compiler refuse fields that plugins do not have. */
export type Known<Parts> = NoMore<Parts, Plugin, "field"> & HooksOf<Parts> & ReturnedBy<Parts>;

type Rules<Table> = Readonly<Record<keyof Table & string, true | FieldRule>>;

const aText: FieldRule = (value) => (typeof value === "string" && value !== "" ? undefined : 'Write "..."');
const aListOf =
  (isOne: (value: unknown) => boolean, remedy: string): FieldRule =>
  (value) =>
    value === undefined || (Array.isArray(value) && value.every(isOne)) ? undefined : remedy;
const references = aListOf((value) => typeof (value as { name?: unknown } | null)?.name === "string", "Write [serviceRef(...)]");
const optional =
  (rule: FieldRule): FieldRule =>
  (value) =>
    value === undefined ? undefined : rule(value);
const aTable: FieldRule = (value) => (isTable(value) ? undefined : "Write { ... }");

const running: Rules<Running> = {
  hooks: true, // `hookProblems` checks the field `hooks`.
  commands: aListOf(isTable, "Write [{ path, description, input, run }]"),
  start: aFunction,
  stop: aFunction,
  isReady: aFunction,
  probe: aFunction,
};

const fields: Rules<Plugin> = {
  ...running,
  name: aText,
  version: optional(aText),
  needs: references,
  wants: references,
  provides: references,
  exposure: aListOf((value) => isBranded(value, "exposure-key"), "Write [exposureKey(...)]"),
  surface: optional(aTable),
  secretFiles: aListOf(
    (value) => typeof (value as { file?: unknown } | null)?.file === "string",
    'Write [{ file: "keys.json" }]',
  ),
  testRun: aFunction,
  check: aFunction,
  setup: aFunction,
};

const ofExposureKey: Rules<Omit<ExposureKey, "~given">> = {
  key: aText,
  schema: true,
  remedy: true,
  owner: optional(aText),
  means: (value) =>
    value === undefined || value === "public" || value === "approval" ? undefined : 'Write "public" or "approval"',
  check: aFunction,
  resolve: aFunction,
  of: aFunction,
};
const ofSurface: Rules<Surface> = {
  name: aText,
  exposes: aText,
  authenticate: true, // core/pipeline/door.ts checks the field `authenticate`.
  opensToPublic: true,
  adopt: aFunction,
  ways: aFunction,
};
const ofCommand: Rules<PluginCommand> = {
  path: true, // core/plugin/commands.ts checks the field `path`.
  description: aText,
  input: aTable,
  positional: true,
  example: (value) => (value === undefined || typeof value === "string" ? undefined : 'Write example: "quater ..."'),
  run: (value) => (typeof value === "function" ? undefined : "Write run: (input, io) => { ... }"),
};

/** A plugin without the keys that `definePlugin` adds. */
type Made = Omit<ConfiguredPlugin, "optionsDigest" | "optionProblems">;

/** Returns the boot problems of a plugin's fields. */
export const pluginProblems = ({ optionsDigest: _, optionProblems: __, ...made }: ConfiguredPlugin): readonly BootProblem[] => {
  const plugin = named(made);
  const wrong = keyProblems(plugin, plugin, "field", made, fields);
  const exposure = Array.isArray(made.exposure) ? made.exposure.filter((key) => isBranded(key, "exposure-key")) : [];
  const inside = [
    ...exposure.flatMap((key) => keyProblems(plugin, `the exposure of ${plugin}`, "field", key, ofExposureKey)),
    ...(isTable(made.surface) ? keyProblems(plugin, `the surface of ${plugin}`, "field", made.surface, ofSurface) : []),
  ];
  return [...wrong, ...inside, ...runningProblems(plugin, made)].map((problem) => ({ ...problem, plugin }));
};

const named = ({ name }: Made): string => (aText(name) === undefined ? name : "a plugin");

/** Returns the boot problems in the result of a plugin's `setup`. */
export const returnedProblems = (plugin: string, returned: unknown): readonly BootProblem[] => {
  if (returned === undefined || returned === null) return [];
  const holder = `the value that setup of ${plugin} returned`;
  const wrong = isTable(returned)
    ? [...keyProblems(plugin, holder, "field", returned, running), ...runningProblems(plugin, returned)]
    : [
        {
          place: `${plugin}()`,
          cause: `${holder} is not an object`,
          remedy: "Write { hooks, commands, start, stop }, or return nothing",
        },
      ];
  return wrong.map((problem) => ({ ...problem, plugin }));
};

const runningProblems = (plugin: string, { hooks, commands }: Running): readonly BootProblem[] => [
  // `hookRunner` calls a function that chooses hooks for a handler, and then checks the chosen hooks.
  ...(typeof hooks === "function" ? [] : hookProblems(plugin, hooks)),
  ...(Array.isArray(commands) ? commands : [])
    .filter(isTable)
    .flatMap((command) => keyProblems(plugin, `a command of ${plugin}`, "field", command, ofCommand)),
];
