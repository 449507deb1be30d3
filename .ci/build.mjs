// Builds dist/: the compiler's output, with TypeBox's many files bundled into one for `quater` and its compiler, so that
// handlers do not load 374 files. The declarations stay TypeBox's own.

import { execFileSync } from "node:child_process";
import { chmodSync, copyFileSync, rmSync } from "node:fs";
import { build } from "esbuild";

rmSync("dist", { recursive: true, force: true });
execFileSync("node_modules/.bin/tsc", ["-p", "tsconfig.build.json"], { stdio: "inherit" });
await build({
  entryPoints: ["core/typebox.ts", "core/compile.ts"],
  bundle: true,
  splitting: true,
  format: "esm",
  platform: "node",
  target: "node20",
  outbase: "core",
  outdir: "dist/core",
  chunkNames: "typebox-[hash]",
  allowOverwrite: true,
  logLevel: "warning",
});
copyFileSync("node_modules/typebox/license", "dist/core/typebox.LICENSE");
chmodSync("dist/plugins/cli/main.js", 0o755);
