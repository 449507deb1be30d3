// Finds and loads the manifest. The manifest is code, so Quater searches only inside the project, and refuses a file that another
// user could have written. Mistakes in the manifest become boot problems with file, place, cause and remedy.

import { existsSync, readFileSync } from "node:fs";
import { homedir } from "node:os";
import { dirname, extname, join, relative, resolve } from "node:path";
import { fileURLToPath, pathToFileURL } from "node:url";
import { thrownText } from "../diagnostics/error-text.ts";
import { fileProblem } from "../diagnostics/file-error.ts";
import { BootError, type BootProblem, isBootError } from "../diagnostics/problem.ts";
import { visibleLines } from "../diagnostics/text.ts";
import { freshBuild } from "./built.ts";
import { entriesOf } from "./dot-env.ts";
import { isManifest, type Manifest } from "./manifest.ts";
import { fieldProblems } from "./manifest-fields.ts";
import { trustedOwnersVariable } from "./ownership.ts";
import { assertProjectTrusted, assertTrusted } from "./trusted-files.ts";
import { importTypeScript } from "./typescript.ts";

export const manifestNames = ["quater.config.ts", "quater.config.mts", "quater.config.js", "quater.config.mjs"];

export interface LoadedManifest {
  readonly manifest: Manifest;
  readonly file: string;
  /** The folder of the manifest. */
  readonly root: string;
  /**
   * Returns the files of the project that Quater has loaded until now. Returns `undefined` if the loader does not report loaded
   * files, as for JavaScript.
   */
  readonly files?: () => readonly string[] | undefined;
  /**
   * Returns the place for messages, such as `quater.config.ts:12`. The place names the line of the manifest that has `word` as a
   * key, or only the file name of the manifest.
   */
  readonly placeOf: (word: string) => string;
  /** Sentences about settings that Quater ignores. The program logs these sentences as warnings. */
  readonly warnings?: readonly string[];
}

/**
 * Finds and loads the manifest.
 *
 * @param from  The folder in which the search starts. The search continues in the folders above, up to the nearest folder with
 * package.json or .git, or up to the home folder.
 * @param named  The manifest that `--config` or `QUATER_CONFIG` names. If `named` is set, Quater searches for no other manifest.
 * @param useBuild  Load the file that `quater build` made, while this file is up to date. Default true.
 * @throws {BootError} when no manifest is found, or when Quater cannot trust or load the manifest.
 */
export const loadManifest = async (from: string, named?: string, { useBuild = true } = {}): Promise<LoadedManifest> => {
  const file = named === undefined ? await findManifest(from) : resolve(from, named);
  const shown = relative(from, file) || file;
  if (!existsSync(file))
    throw new BootError([
      {
        place: shown,
        cause: "The manifest file does not exist",
        remedy: "Correct the path of the manifest file in --config or in the environment variable QUATER_CONFIG",
      },
    ]);
  assertProjectTrusted(file, from);
  const root = dirname(file);
  const warnings = readDotEnv(root, relative(from, join(root, ".env")) || ".env");
  const imported: string[] = [];
  const built = useBuild ? freshBuild(file) : undefined;
  if (built !== undefined)
    for (const path of [built, join(dirname(built), "build.json")]) assertTrusted(path, relative(from, path));
  const manifest = await importDefault(built ?? file, shown, imported);
  if (!isManifest(manifest)) {
    throw new BootError([
      {
        place: shown,
        cause: "The default export of this file is not a manifest",
        remedy: "Write `export default defineConfig({ ... })` in the manifest file",
      },
    ]);
  }
  const text = readFileSync(file, "utf8");
  const placeOf = (word: string) => placeIn(text, shown, word);
  const wrong = fieldProblems(manifest, placeOf);
  if (wrong.length > 0) throw new BootError(wrong);
  const files = () => (imported.length === 0 ? undefined : projectFiles(imported));
  return { manifest, file, root, files, placeOf, warnings };
};

// The class behind cosmiconfig's public function. The public function would run `.config/config.js` of the current folder without
// a check of the file. After the last folder, the public function would also search in ~/.config.
interface Explorer {
  search(folder: string): Promise<{ readonly filepath: string } | null>;
}

const findManifest = async (from: string): Promise<string> => {
  // Try the current folder first, because the manifest is usually in the current folder.
  const here = manifestNames.map((name) => resolve(from, name)).find((path) => existsSync(path));
  if (here !== undefined) return here;
  const { Explorer } = (await import("cosmiconfig/dist/Explorer.js")) as unknown as {
    Explorer: new (options: object) => Explorer;
  };
  // Quater uses cosmiconfig only for the search, so the loaders for cosmiconfig read nothing. Quater loads the manifest later,
  // after a check of the owner.
  const loaders = Object.fromEntries([".ts", ".mts", ".js", ".mjs"].map((ending) => [ending, () => ({})]));
  const transform = (found: unknown) => found;
  const explorer = new Explorer({
    moduleName: "quater",
    searchPlaces: manifestNames,
    loaders,
    searchStrategy: "none",
    transform,
  });
  let folder = resolve(from);
  for (; ; folder = dirname(folder)) {
    const found = await explorer.search(folder);
    if (found !== null) return found.filepath;
    if (isProjectTop(folder)) break;
  }
  throw new BootError([
    {
      place: from,
      cause: `Quater found no manifest quater.config.ts in this folder or in its parent folders up to ${folder}`,
      remedy: "Create a manifest with `quater init`, or give the path of an existing manifest with --config",
    },
  ]);
};

const isProjectTop = (folder: string): boolean =>
  existsSync(join(folder, "package.json")) ||
  existsSync(join(folder, ".git")) ||
  folder === homedir() ||
  folder === dirname(folder);

const forbiddenInDotEnv = [
  "quater_home",
  trustedOwnersVariable.toLowerCase(),
  "http_proxy",
  "https_proxy",
  "ftp_proxy",
  "all_proxy",
  "no_proxy",
];
const isForbidden = (name: string): boolean => /^node_/i.test(name) || forbiddenInDotEnv.includes(name.toLowerCase());

/** Many frameworks write NODE_ENV into `.env`. Unlike other variables that begin with NODE_, NODE_ENV changes nothing in Node. */
const modeVariable = "NODE_ENV";

/**
 * Reads `.env` beside the manifest. A variable that the environment already contains keeps its value.
 *
 * @returns Warnings about lines of `.env` that Quater ignores.
 */
const readDotEnv = (root: string, shown: string): readonly string[] => {
  const file = join(root, ".env");
  if (!existsSync(file)) return [];
  assertTrusted(file, shown);
  const entries = new Map(entriesOf(readFileSync(file, "utf8"), shown));
  const hasMode = entries.delete(modeVariable);
  const refused = [...entries.keys()].filter(isForbidden);
  if (refused.length > 0) {
    throw new BootError(
      refused.map((name) => ({
        place: shown,
        cause: `The file .env sets the variable ${name}, but Quater accepts this variable only from the environment of the process`,
        remedy: `Remove ${name} from .env. If you need the variable, set ${name} in the environment of the process`,
      })),
    );
  }
  for (const [name, value] of entries) process.env[name] ??= value;
  return hasMode
    ? [
        `${shown} sets ${modeVariable}, which Quater ignores there. The command decides the mode: quater dev or quater serve. For libraries that read ${modeVariable}, set it in the environment of the process`,
      ]
    : [];
};

const projectFiles = (urls: readonly string[]): readonly string[] =>
  [...new Set(urls.flatMap((url) => (url.startsWith("file:") ? fileURLToPath(url.replace(/\?.*$/, "")) : [])))].filter(
    (path) => !path.includes("/node_modules/"),
  );

const importDefault = async (file: string, shown: string, imported: string[]): Promise<unknown> => {
  const isTypeScript = [".ts", ".mts"].includes(extname(file));
  try {
    if (extname(file) === ".ts" && !isModule(file)) throw new BootError([{ place: shown, ...commonJs }]);
    const module = (isTypeScript ? await importTypeScript(file, imported) : await import(pathToFileURL(file).href)) as {
      default?: unknown;
    };
    return module.default;
  } catch (error) {
    if (isBootError(error)) throw error;
    throw new BootError([importProblem(error, shown, dirname(file))]);
  }
};

const commonJs = {
  cause: "The project uses CommonJS modules",
  remedy: 'Set "type": "module" in package.json. Quater needs ES modules',
};

/**
 * Returns whether the nearest package.json makes a `.ts` file an ES module, by the rule of Node and tsx. @throws {SyntaxError}
 * when package.json is not JSON.
 */
const isModule = (file: string): boolean => {
  for (let folder = dirname(file); ; folder = dirname(folder)) {
    const path = join(folder, "package.json");
    if (existsSync(path)) return (JSON.parse(readFileSync(path, "utf8")) as { type?: unknown } | null)?.type === "module";
    if (folder === dirname(folder)) return false;
  }
};

/** Describes a failed import of a module: file and place, the cause without a stack, and the remedy. */
export const importProblem = (error: unknown, place: string, root: string): BootProblem => {
  const { message, code, stack } =
    error instanceof Error
      ? (error as Error & { code?: string })
      : { message: thrownText(error), code: undefined, stack: undefined };
  const short = (path: string) => relative(root, path.replace(/^file:\/\//, "").replace(/\?.*$/, "")) || path;
  const transform = /^(?:Transform failed[^\n]*\n)?(\/[^\n:]+):(\d+):(\d+): ERROR: ([^\n]+)/.exec(message);
  if (transform !== null) {
    const [, file = "", line, column, text] = transform;
    // esbuild counts columns from 0, but editors count from 1.
    return {
      place: `${short(file)}:${line}:${Number(column) + 1}`,
      cause: `Syntax error: ${text}`,
      remedy: "Correct the syntax error in this line of the file",
    };
  }
  if (code === "ERR_MODULE_NOT_FOUND" || code === "MODULE_NOT_FOUND") {
    const [, wanted = message, by] = /Cannot find (?:module|package) '([^']+)'(?: imported from ([^\s]+))?/.exec(message) ?? [];
    const name = wanted.startsWith("/") || wanted.startsWith("file:") ? short(wanted) : wanted;
    const isPackage = !/^[./]/.test(wanted) && !wanted.startsWith("file:");
    return {
      place: by === undefined ? place : short(by),
      cause: `Cannot find ${isPackage ? "the package" : "the module"} ${name}`,
      remedy: isPackage
        ? `Install the package: npm install ${name}`
        : "Correct the path or the file extension of the module in the import statement",
    };
  }
  // Whether a handler module is CommonJS because the package.json of the module says so. The second text in `isCommonJs` is the
  // error message of `import()` inside CommonJS.
  const isCommonJs =
    (code === "ERR_PACKAGE_PATH_NOT_EXPORTED" && message.includes('"exports" main')) ||
    /^Failed to resolve module specifier .* from "data:text\/javascript,__filename/.test(message);
  if (isCommonJs) return { place, ...commonJs };
  const missing = /The requested module '([^']+)' does not provide an export named '([^']+)'/.exec(message);
  if (missing !== null) {
    return {
      place: firstFrame(stack, root) ?? place,
      cause: `The module ${missing[1]} has no export named ${missing[2]}`,
      remedy: "Correct the name of the export in the import statement",
    };
  }
  if (error instanceof SyntaxError)
    return {
      place: firstFrame(stack, root) ?? place,
      cause: `Syntax error: ${message}`,
      remedy: "Correct the syntax error in this line of the file",
    };
  return {
    place: firstFrame(stack, root) ?? place,
    cause: `The code of this file threw an error while Quater loaded the file: ${visibleLines(thrownText(error))}`,
    remedy: fileProblem(error)?.remedy ?? "Correct the code of this file that runs at import",
  };
};

/** Returns the place of the first stack line in the project's own code, such as `app/shop.ts:12`, for error messages. */
export const firstFrame = (stack: string | undefined, root: string): string | undefined => {
  for (const [, path = "", line] of (stack ?? "").matchAll(/(?:file:\/\/)?(\/[^\s():?]+)(?:\?[^\s:)]*)?:(\d+)/g)) {
    if (path.startsWith(`${root}/`) && !path.includes("/node_modules/")) return `${relative(root, path)}:${line}`;
  }
  return undefined;
};

const placeIn = (text: string, file: string, word: string): string => {
  const line = text
    .split("\n")
    .findIndex((content) => new RegExp(`(?:^|[\\s{,])["']?${word.replace(/[^\w-]/g, "\\$&")}["']?\\s*:`).test(content));
  return line === -1 ? file : `${file}:${line + 1}`;
};
