// Creates or completes the package.json of the project. Existing content stays, except for one line that `npm init` writes.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { UsageError } from "../output/exit.ts";
import { scripts } from "./scripts.ts";

/**
 * The fields of Quater's own package.json that `quater init` uses. The fields contain the versions of the tools with which Quater
 * was tested.
 */
export interface OwnPackage {
  readonly version: string;
  readonly engines: { readonly node: string };
  readonly dependencies: Readonly<Record<string, string>>;
  readonly devDependencies: Readonly<Record<string, string>>;
}

export const ownPackage = (): OwnPackage => {
  const file = createRequire(import.meta.url).resolve("quater/package.json");
  return JSON.parse(readFileSync(file, "utf8")) as OwnPackage;
};

type Json = Record<string, unknown>;
const isObject = (value: unknown): value is Json => value !== null && typeof value === "object" && !Array.isArray(value);

/**
 * Returns the tools of a new project, in the versions with which this version of Quater was tested. `tsx` is a direct dependency
 * of the project, because pnpm links only direct dependencies.
 */
const toolsOf = ({ dependencies, devDependencies }: OwnPackage): Readonly<Record<string, string>> => ({
  "@biomejs/biome": devDependencies["@biomejs/biome"] ?? "*",
  "@types/node": devDependencies["@types/node"] ?? "*",
  tsx: dependencies["tsx"] ?? "*",
  typescript: devDependencies["typescript"] ?? "*",
});

/** Returns the names of the project's dependencies. The project cannot have one of these names. */
export const packagesOf = (own: OwnPackage): readonly string[] => ["quater", ...Object.keys(toolsOf(own))];

const wanted = (name: string, quater: string, own: OwnPackage): Json => ({
  name,
  private: true,
  type: "module",
  engines: { node: own.engines.node },
  scripts,
  dependencies: { quater },
  devDependencies: toolsOf(own),
});

/**
 * The test script that `npm init` writes. `quater init` replaces this test script, because the user did not choose the script and
 * the script always fails.
 */
const placeholder = 'echo "Error: no test specified" && exit 1';

/** Parses the text of package.json. @throws {UsageError} for text that is not a JSON object. */
export const readPackage = (text: string | undefined): Json => {
  try {
    const content: unknown = JSON.parse(text?.replace(/^\ufeff/, "") ?? "{}");
    if (isObject(content)) return content;
  } catch {
    // The `throw` below reports the error with the name of the file.
  }
  throw new UsageError("package.json is not valid JSON. Correct the file, or choose another folder");
};

export interface Completed {
  readonly text: string;
  /** The names of the fields that were missing in package.json, such as `scripts.dev`. Empty: the text is unchanged. */
  readonly added: readonly string[];
  readonly scripts: Readonly<Record<string, unknown>>;
  /** Sentences about the changes that the user has to make by hand, because a field has another value. */
  readonly advice: readonly string[];
}

/** @param old  The text of an existing package.json. @throws {UsageError} when this text is not a JSON object. */
export const completePackage = (old: string | undefined, name: string, quater: string, own: OwnPackage): Completed => {
  const content = readPackage(old);
  // When a package manager has installed one package in an empty folder, package.json contains only dependencies. So such a
  // project counts as new.
  const isNew = Object.keys(content).every((key) => /dependencies$/i.test(key) || key === "packageManager");
  const all = wanted(name, quater, own);
  const given = isNew
    ? all
    : { scripts: all["scripts"], dependencies: all["dependencies"], devDependencies: all["devDependencies"] };
  const installed = ["dependencies", "devDependencies", "optionalDependencies", "peerDependencies"].flatMap((key) =>
    isObject(content[key]) ? Object.keys(content[key]) : [],
  );
  const added: string[] = [];
  const result: Json = isNew ? {} : { ...content };
  for (const [key, value] of Object.entries(given)) {
    if (!isObject(value)) {
      result[key] = value;
      added.push(key);
      continue;
    }
    const before = isObject(content[key]) ? content[key] : {};
    const isReplaced = (entry: string) => before[entry] === placeholder;
    const missing = Object.entries(value).filter(
      ([entry]) => isReplaced(entry) || (!(entry in before) && !(key.endsWith("ependencies") && installed.includes(entry))),
    );
    if (missing.length === 0 && !(key in content)) continue;
    result[key] = { ...before, ...Object.fromEntries(missing) };
    added.push(...missing.map(([entry]) => `${key}.${entry}${isReplaced(entry) ? " (in place of npm's placeholder)" : ""}`));
  }
  for (const [key, value] of Object.entries(content)) result[key] ??= value;
  return {
    text: added.length === 0 && old !== undefined ? old : `${JSON.stringify(result, null, indentOf(old))}\n`,
    added,
    scripts: result["scripts"] as Json,
    advice: typeAdvice(result["type"]),
  };
};

const typeAdvice = (type: unknown): readonly string[] => {
  if (type === "module") return [];
  const change = type === undefined ? 'add "type": "module"' : `change "type": ${JSON.stringify(type)} to "type": "module"`;
  return [`In package.json, ${change}, because Quater needs ES modules. Rename .js files that use require() to .cjs`];
};

const indentOf = (text: string | undefined): string => /^([ \t]+)"/m.exec(text ?? "")?.[1] ?? "  ";
