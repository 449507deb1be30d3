// Reads the tables of expose() in the manifest. The tables say which handlers are exposed, under which names, and with which
// exposure keys. exposed-handlers.ts also runs the checks that are possible before Quater imports a handler module.

import { kindOf } from "../diagnostics/plugin-options.ts";
import type { BootProblem } from "../diagnostics/problem.ts";
import { nearest, sameCase, visible } from "../diagnostics/text.ts";
import { type Exposed, isExposed, ownExposureKeys, type WrittenExposure } from "../model/exposure.ts";
import { type ExposureKey, keyOwnerOf } from "../plugin/exposure-key.ts";
import { isPlainObject } from "../schema/schema.ts";
import type { LoadedManifest } from "./load.ts";

/** One entry of an expose() table: a handler that the manifest exposes. */
export interface ExposedHandler {
  /** The name of the exposed handler on all surfaces. */
  readonly name: string;
  /** The name of the handler's export in its module. */
  readonly key: string;
  readonly exposure: WrittenExposure;
  /** The expose() call whose table contains this entry. */
  readonly exposed: Exposed;
  readonly place: string;
}

/** The exposure keys of the configured plugins, by the name of the key. */
export type KeysByName = ReadonlyMap<string, ExposureKey>;

/** Returns the entries of all expose() tables in the order of the manifest, including entries with a boot problem. */
export const exposedHandlers = (
  loaded: LoadedManifest,
  keys: KeysByName,
): { readonly entries: readonly ExposedHandler[]; readonly problems: readonly BootProblem[] } => {
  const problems: BootProblem[] = [];
  const entries: ExposedHandler[] = [];
  const byName = new Map<string, ExposedHandler>();
  for (const exposed of loaded.manifest.handlers) {
    if (!isExposed(exposed)) {
      problems.push(notMadeByExpose(loaded));
      continue;
    }
    for (const [key, exposure] of Object.entries((exposed.table ?? {}) as Record<string, WrittenExposure>)) {
      const place = loaded.placeOf(key);
      if (!isPlainObject(exposure)) {
        problems.push({
          place,
          cause: `The exposure of ${key} is ${kindOf(exposure)}, but an exposure must be an object`,
          remedy: "Write the exposure as an object of exposure keys: { ... }",
        });
        continue;
      }
      const name = typeof exposure.name === "string" ? exposure.name : key;
      const entry: ExposedHandler = { name, key, exposure, exposed, place };
      problems.push(...nameProblems(entry, byName.get(sameCase(name))), ...ownValueProblems(entry), ...unownedKeys(entry, keys));
      if (!byName.has(sameCase(name))) byName.set(sameCase(name), entry);
      entries.push(entry);
    }
  }
  return { entries, problems };
};

const notMadeByExpose = ({ placeOf }: LoadedManifest): BootProblem => ({
  place: placeOf("handlers"),
  cause: "An entry in the list handlers of the manifest was not created by expose()",
  remedy: 'Write the entry as expose(() => import("./module.ts"), { ... })',
});

const namePattern = /^[A-Za-z][A-Za-z0-9_-]{0,63}$/;

/** @param before  An earlier handler with the same name, or with a name that differs only in case style. */
const nameProblems = ({ name, place }: ExposedHandler, before: ExposedHandler | undefined): readonly BootProblem[] => {
  if (!namePattern.test(name)) {
    const remedy = "Choose a handler name that begins with a letter and has at most 64 letters, digits, - and _";
    return [{ place, cause: `"${visible(name)}" is not a valid handler name`, remedy }];
  }
  if (before === undefined) return [];
  const same = before.name === name ? "" : `: ${before.name} and ${name} differ only in letter case, - or _`;
  const remedy = 'Give one of the two handlers another name with name: "..." in the exposure of this handler';
  return [{ place, cause: `Two handlers are named ${name}${same}`, remedy }];
};

/** Checks the values of the exposure keys that core owns, such as `name` and `preview`. */
const ownValueProblems = ({ name, exposure, place }: ExposedHandler): readonly BootProblem[] => {
  const found: BootProblem[] = [];
  if ("name" in exposure && typeof exposure.name !== "string")
    found.push({
      place,
      cause: `The exposure of ${name} has a name that is not a string`,
      remedy: "Write the handler name in quotes, or remove name from the exposure",
    });
  if ("preview" in exposure && exposure.preview !== "caller")
    found.push({
      place,
      cause: `The exposure of ${name} has an invalid value for preview. The only allowed value is "caller"`,
      remedy:
        'Write preview: "caller" to show previews to callers, too. Or remove preview from the exposure, so that only approvers see previews',
    });
  return found;
};

const unownedKeys = ({ name, exposure, place }: ExposedHandler, keys: KeysByName): readonly BootProblem[] =>
  Object.keys(exposure)
    .filter((key) => !keys.has(key) && !ownExposureKeys.has(key))
    .map((key) => {
      const near = nearest(key, [...keys.keys(), ...ownExposureKeys]);
      return {
        place,
        cause: `The exposure of ${name} has the key "${key}", but no configured plugin accepts this key`,
        remedy:
          near === undefined
            ? `Add the plugin that accepts the key to plugins, such as ${keyOwnerOf(key)}(), or remove the key from the exposure`
            : `Did you mean "${near}"?`,
      };
    });
