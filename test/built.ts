// Quater as a built package, for tests that start programs and for projects that load it. From source, each process and each
// load of a manifest in TypeScript would read some 600 files through tsx, which takes about a second of processor time.

import { existsSync, mkdirSync, mkdtempSync, readFileSync, renameSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";

const repository = fileURLToPath(new URL("..", import.meta.url));

interface Manifest {
  readonly name: string;
  readonly version: string;
  readonly engines: object;
  readonly devDependencies: object;
  readonly dependencies: Readonly<Record<string, string>>;
  readonly exports: Readonly<Record<string, string | { readonly "quater-source": string }>>;
}
const { name, version, engines, dependencies, devDependencies, exports } = JSON.parse(
  readFileSync(join(repository, "package.json"), "utf8"),
) as Manifest;
const sources = Object.entries(exports).flatMap(([entry, at]) => (typeof at === "string" ? [] : [[entry, at["quater-source"]]]));
const jsOf = (source = "") => source.replace("./", "./dist/").replace(/\.ts$/, ".js");
const manifest = {
  name,
  version,
  type: "module",
  engines,
  dependencies,
  devDependencies,
  bin: { quater: jsOf("./plugins/cli/main.ts") },
  exports: { ...Object.fromEntries(sources.map(([entry, source]) => [entry, jsOf(source)])), "./package.json": "./package.json" },
};

/** The program and the files of threads, which are entries of their own. */
const besides = ["plugins/cli/main.ts", "plugins/store/worker.ts", "core/boot/one-copy.ts"];

/** Bundles sources into the package in `folder`, beside a link to the dependencies. Below `dist` they keep their folders and names. */
export const buildInto = (folder: string, entries: readonly string[]): void => {
  writeFileSync(join(folder, "package.json"), JSON.stringify(manifest));
  symlinkSync(join(repository, "node_modules"), join(folder, "node_modules"), "dir");
  buildSync({
    absWorkingDir: repository,
    entryPoints: [...entries],
    bundle: true,
    splitting: true,
    format: "esm",
    platform: "node",
    target: "node20",
    conditions: ["quater-source"],
    external: Object.keys(dependencies).filter((name) => name !== "typebox" && name !== "kysely"),
    outbase: ".",
    outdir: join(folder, "dist"),
    logLevel: "error",
  });
};

/** The folder of the built package. The package is built once per run of tests, because each run has its own temporary folder. */
export const builtPackage = (): string => {
  const folder = join(tmpdir(), "quater-built");
  if (existsSync(folder)) return folder;
  const fresh = mkdtempSync(`${folder}-`);
  buildInto(fresh, [...sources.map(([, source = ""]) => source), ...besides]);
  try {
    renameSync(fresh, folder);
  } catch (error) {
    if (!existsSync(folder)) throw error;
    rmSync(fresh, { recursive: true }); // another test file was faster
  }
  return folder;
};

/** The file to run with Node. */
export const builtProgram = (): string => join(builtPackage(), "dist/plugins/cli/main.js");

/** Makes `quater` in `folder` mean a package. @param packageFolder  Default: the sources. */
export const linkQuater = (folder: string, packageFolder: string = repository): void => {
  mkdirSync(join(folder, "node_modules"), { recursive: true });
  symlinkSync(packageFolder, join(folder, "node_modules/quater"), "dir");
  if (!existsSync(join(folder, "package.json"))) writeFileSync(join(folder, "package.json"), '{"type":"module"}');
};
