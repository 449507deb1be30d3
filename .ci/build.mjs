// Builds dist/: declarations by the compiler, and per entry point one bundled file with shared chunks. A manifest's loader
// pays for every file it sees, and TypeBox alone has 374 of them; packages other than `bundled` stay imports.

import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, readFileSync, rmSync } from "node:fs";
import { build } from "esbuild";

const { exports, bin, dependencies } = JSON.parse(readFileSync("package.json", "utf8"));
const sources = Object.values(exports).flatMap((entry) => entry["quater-source"] ?? []);
// The store's thread is started from its own file.
const threads = ["plugins/store/worker.ts"];
// Read on every start, and hundreds of files each: they go into the bundle.
const bundled = new Set(["typebox", "kysely"]);
const program = bin.quater.replace(/^dist\/(.*)\.js$/, "$1.ts");

rmSync("dist", { recursive: true, force: true });
execFileSync("node_modules/.bin/tsc", ["-p", "tsconfig.build.json"], { stdio: "inherit" });
await build({
  entryPoints: [...new Set(sources), program, ...threads],
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  external: Object.keys(dependencies).filter((name) => !bundled.has(name)),
  outbase: ".",
  outdir: "dist",
  chunkNames: "chunks/[name]-[hash]",
  logLevel: "warning",
});
// The bundle holds their code, so it ships their licences.
copyFileSync("node_modules/typebox/license", "dist/typebox.LICENSE");
copyFileSync("node_modules/kysely/LICENSE", "dist/kysely.LICENSE");
chmodSync(bin.quater, 0o755);
