// Makes or completes the project's package.json. Existing content stays exactly as it is, except for one line that `npm init` writes.

import { readFileSync } from "node:fs";
import { createRequire } from "node:module";
import { UsageError } from "../output/exit.ts";
import { scripts } from "./scripts.ts";

/** What Quater's own package.json says of itself and of the tools it is built and tested with. */
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

/** The tools of a project, in the versions that this Quater was tested with. `tsx` by name: pnpm links nothing deeper. */
const toolsOf = ({ dependencies, devDependencies }: OwnPackage): Readonly<Record<string, string>> => ({
  "@biomejs/biome": devDependencies["@biomejs/biome"] ?? "*",
  "@types/node": devDependencies["@types/node"] ?? "*",
  tsx: dependencies["tsx"] ?? "*",
  typescript: devDependencies["typescript"] ?? "*",
});

/** Names that the project cannot have. */
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

/** What `npm init` writes as the test. Replaced, alone of all that stands there: nobody chose it, and all it does is to fail. */
const placeholder = 'echo "Error: no test specified" && exit 1';

/** @throws {UsageError} when there is text and it is no JSON object. */
export const readPackage = (text: string | undefined): Json => {
  try {
    const content: unknown = JSON.parse(text ?? "{}");
    if (isObject(content)) return content;
  } catch {
    // Said below, with the file's name.
  }
  throw new UsageError("package.json is not valid JSON; correct it, or choose another folder");
};

export interface Completed {
  readonly text: string;
  /** What was not there before: `scripts.dev`. Empty: the text is the old one. */
  readonly added: readonly string[];
  readonly scripts: Readonly<Record<string, unknown>>;
  /** What the user has to change by hand, because it says something else already. */
  readonly advice: readonly string[];
}

/** @param old  The file's text, where there is one. @throws {UsageError} when it is no JSON object. */
export const completePackage = (old: string | undefined, name: string, quater: string, own: OwnPackage): Completed => {
  const content = readPackage(old);
  // A package manager that was asked for one package writes dependencies and nothing else: the project is still to be made.
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
  return [`In package.json, ${change}, because Quater's files are modules. A .js file with require() is then named .cjs`];
};

const indentOf = (text: string | undefined): string => /^([ \t]+)"/m.exec(text ?? "")?.[1] ?? "  ";
