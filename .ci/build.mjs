// Builds dist/: declarations by the compiler, and bundled JavaScript in few files. A cold start pays for every file it
// opens, some half a millisecond each, and TypeBox alone has 374 of them; packages other than `bundled` stay imports.

import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, mkdirSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { resolve } from "node:path";
import { transformSync } from "esbuild";
import { rolldown } from "rolldown";

const { exports, bin, dependencies } = JSON.parse(readFileSync("package.json", "utf8"));
const sources = Object.values(exports).flatMap((entry) => entry["quater-source"] ?? []);
const program = bin.quater.replace(/^dist\/(.*)\.js$/, "$1.ts");
// Threads are started from files of their own: the store's, and the loader's.
const threads = ["plugins/store/worker.ts", "core/boot/one-copy.ts"];
const entries = [...sources, program, ...threads];
// Read on every start, and most of them hundreds of files: they go into the bundle, and their licences with them.
const licences = { typebox: "license", kysely: "LICENSE", canonicalize: "LICENSE" };
const bundled = Object.keys(licences);
// One file each: large, and not needed by all.
const large = ["typebox", "kysely"];
// One file each, with all that they import by name: what every command reads, and what every call reads besides.
const grouped = {
  program: ["plugins/cli/program/program.ts"],
  spine: [
    "core/index.ts",
    "core/plugin-api.ts",
    "core/boot/kernel.ts",
    "core/boot/load.ts",
    "plugins/index.ts",
    "plugins/cli/commands/run.ts",
  ],
};

const groupOf = (name) => {
  let modules;
  return (id, graph) => {
    const roots = grouped[name].map((path) => resolve(path));
    modules ??= reachable(roots, (from) => graph.getModuleInfo(from)?.importedIds ?? []);
    return modules.has(id) ? name : null;
  };
};

const reachable = (roots, next) => {
  const found = new Set(roots);
  for (const id of found) for (const other of next(id)) if (!standsAlone(other)) found.add(other);
  return found;
};

/** A thread must not read all that the program needs, because one of its modules is the thread's too. */
const standsAlone = (id) =>
  large.some((name) => id.includes(`/node_modules/${name}/`)) || threads.some((path) => id === resolve(path));

rmSync("dist", { recursive: true, force: true });
execFileSync("node_modules/.bin/tsc", ["-p", "tsconfig.build.json"], { stdio: "inherit" });
const bundle = await rolldown({
  input: Object.fromEntries(entries.map((path) => [path.replace(/^\.\/|\.ts$/g, ""), resolve(path)])),
  platform: "node",
  preserveEntrySignatures: "allow-extension",
  checks: { ineffectiveDynamicImport: false }, // imported by name in one place is imported when first used in another
  external: (id) =>
    Object.keys(dependencies).some((name) => !bundled.includes(name) && (id === name || id.startsWith(`${name}/`))),
  transform: { target: "node20" },
});
const { output } = await bundle.write({
  dir: "dist",
  format: "esm",
  entryFileNames: "[name].js",
  chunkFileNames: "chunks/[name]-[hash].js",
  codeSplitting: {
    includeDependenciesRecursively: false,
    groups: [
      ...large.map((name) => ({ name, test: new RegExp(`/node_modules/${name}/`), priority: 3 })),
      ...Object.keys(grouped).map((name, index) => ({ debugName: name, name: groupOf(name), priority: 2 - index })),
    ],
  },
});
await bundle.close();
// Node 20 compiles TypeBox at each start, and takes 4.6 ms instead of 6 for the minified file.
for (const path of output.map(({ fileName }) => `dist/${fileName}`).filter((path) => path.startsWith("dist/chunks/typebox-")))
  writeFileSync(path, transformSync(readFileSync(path, "utf8"), { minify: true, format: "esm", target: "node20" }).code);
for (const name of bundled) copyFileSync(`node_modules/${name}/${licences[name]}`, `dist/${name}.LICENSE`);
// The page at /docs: two files of the 12 MB package, with its licences.
const page = (name) => `node_modules/swagger-ui-dist/${name}`;
mkdirSync("dist/plugins/http/docs", { recursive: true });
for (const name of ["swagger-ui-bundle.js", "swagger-ui.css"]) copyFileSync(page(name), `dist/plugins/http/docs/${name}`);
const texts = ["LICENSE", "NOTICE", "swagger-ui-bundle.js.LICENSE.txt"].map((name) => readFileSync(page(name), "utf8"));
writeFileSync("dist/swagger.LICENSE", texts.join("\n"));
chmodSync(bin.quater, 0o755);
