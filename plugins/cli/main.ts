#!/usr/bin/env node

// The executable file of the package quater. This file checks the version of Node before it imports modules that use newer
// features of Node. Without this check, an old Node would only report a missing export.

import { nodeProblem } from "./init/node-version.ts";
import { keepCompiled } from "./program/compile-cache.ts";

const problem = nodeProblem(process.versions.node, ">=20.19");
if (problem !== undefined) {
  process.stderr.write(`quater: ${problem}\n`);
  process.exit(64);
}
keepCompiled(process.env);
await import("./program/process.ts");
