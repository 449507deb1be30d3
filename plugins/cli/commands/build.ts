// The command `quater build`, which bundles the manifest and its handlers into one JavaScript file that starts faster than
// TypeScript. Quater uses the built file only while its sources are unchanged. If a source has changed, Quater loads the sources.

import { existsSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { createRequire, isBuiltin } from "node:module";
import { basename, dirname, join, relative, resolve } from "node:path";
import { pathToFileURL } from "node:url";
import { type BuildRecord, buildFolder, inputOf } from "../../../core/boot/built.ts";
import { keepActions } from "../completion/keep.ts";
import { exit } from "../output/exit.ts";
import { boot, load } from "../program/boot.ts";
import type { Context } from "../program/context.ts";
import { ProgramCommand, usage } from "../program/family.ts";

class Build extends ProgramCommand {
  static override paths = [["build"]];
  static override usage = usage({
    description: "Builds the manifest and its handlers into one file that later starts load faster.",
    details:
      "Checks the whole project first, then writes the build to .quater/build. Later starts load the build until a source file changes.",
    examples: [["Build before a deployment", "quater build"]],
  });

  async perform(program: Context): Promise<number> {
    const loaded = await load(program, { useBuild: false });
    const kernel = await boot(program, loaded, { mode: "inspect" }); // A project that does not boot must not be built.
    await kernel.stop();
    const { inputs, bytes } = await bundle(loaded.file, loaded.root);
    keepActions(loaded.root, kernel.catalog.operations);
    program.terminal.say(`Built ${inputs} files into ${join(buildFolder, output)} (${Math.ceil(bytes / 1024)} KiB)\n`);
    return exit.ok;
  }
}

const output = "manifest.mjs";
/** The names of files that determine which file an import loads, or how the module loader compiles a file. */
const deciding = ["package.json", "tsconfig.json", "package-lock.json", "pnpm-lock.yaml", "yarn.lock", "bun.lock"];

const bundle = async (file: string, root: string): Promise<{ inputs: number; bytes: number }> => {
  const folder = join(root, buildFolder);
  rmSync(folder, { recursive: true, force: true });
  mkdirSync(folder, { recursive: true, mode: 0o700 });
  const { build, transform } = esbuildOfLoader();
  const loaders: Readonly<Record<string, "ts" | "tsx" | "js">> = { ".tsx": "tsx", ".js": "js", ".mjs": "js" };
  const { metafile, outputFiles } = await build({
    entryPoints: [file],
    bundle: true,
    conditions: [], // Node does not use the condition "module", which esbuild would add.
    format: "esm",
    platform: "node",
    target: "node20",
    absWorkingDir: root,
    outfile: join(folder, output),
    metafile: true,
    write: false,
    logLevel: "silent",
    plugins: [
      outsidePackages(root, folder),
      {
        name: "own-place",
        setup: ({ onLoad }) =>
          // Each module in the bundle keeps the import.meta.url of its source file.
          onLoad({ filter: /\.(?:[cm]?ts|tsx|m?js)$/ }, async ({ path }) => {
            const { code } = await transform(readFileSync(path, "utf8"), {
              loader: loaders[path.slice(path.lastIndexOf("."))] ?? "ts",
              sourcefile: path,
              target: "node20",
              define: {
                "import.meta.url": JSON.stringify(pathToFileURL(path).href),
                "import.meta.dirname": JSON.stringify(dirname(path)),
                "import.meta.filename": JSON.stringify(path),
              },
            });
            return { contents: code, loader: "js" };
          }),
      },
    ],
  });
  const [built] = outputFiles ?? [];
  if (built === undefined) throw new Error("The bundler of quater build returned no output file");
  const sources = Object.keys(metafile.inputs).map((path) => resolve(root, path));
  const present = deciding.map((name) => join(root, name)).filter((path) => existsSync(path));
  const record: BuildRecord = {
    format: 2,
    manifest: basename(file),
    output,
    inputs: [...new Set([...sources, ...present])].map((path) => inputOf(root, path)),
    absent: deciding.filter((name) => !existsSync(join(root, name))),
  };
  writeFileSync(join(folder, output), built.contents, { mode: 0o600 });
  writeFileSync(join(folder, "build.json"), `${JSON.stringify(record, null, 2)}\n`, { mode: 0o600 });
  return { inputs: sources.length, bytes: built.contents.length };
};

/**
 * Keeps packages outside of the bundle, so that Quater and every package exist once, as without a build. Some packages export
 * TypeScript, such as packages of a workspace. These packages and the aliases of tsconfig.json become part of the bundle, because
 * Node cannot load them from the built file.
 */
const outsidePackages = (root: string, folder: string): import("esbuild").Plugin => ({
  name: "outside-packages",
  setup: (build) => {
    const own = Symbol("resolved here");
    build.onResolve({ filter: /^[^./]/ }, async ({ path, importer, kind, namespace, resolveDir, pluginData }) => {
      if (pluginData === own || isBuiltin(path) || kind === "entry-point") return undefined;
      const find = (from: string) => build.resolve(path, { importer, kind, namespace, resolveDir: from, pluginData: own });
      const found = await find(resolveDir);
      if (found.errors.length > 0 || found.external) return { path, external: true };
      if (/\.(?:[cm]?ts|tsx)$/.test(found.path) || !isInstalled(path, resolveDir)) return { path: found.path };
      // The built file is in the folder of the project. From this folder, Node may find another version of a workspace package,
      // or none.
      const isSame = (await find(root)).path === found.path;
      const file = relative(folder, found.path).replaceAll("\\", "/");
      return { path: isSame ? path : file.startsWith(".") ? file : `./${file}`, external: true };
    });
  },
});

/** Whether a package of this name is installed for a file in the folder. A name without an installed package is an alias. */
const isInstalled = (specifier: string, folder: string): boolean => {
  const name = specifier.split("/", specifier.startsWith("@") ? 2 : 1).join("/");
  for (let at = folder; ; at = dirname(at)) {
    if (existsSync(join(at, "node_modules", name))) return true;
    if (at === dirname(at)) return false;
  }
};

/** Returns the esbuild package of tsx, so that only one copy of esbuild exists, and builds read TypeScript like the loader. */
const esbuildOfLoader = (): typeof import("esbuild") => {
  const own = createRequire(import.meta.url);
  return createRequire(own.resolve("tsx/package.json"))("esbuild") as typeof import("esbuild");
};

export const commands = [Build];
