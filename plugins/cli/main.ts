#!/usr/bin/env node

// The bin. Imports nothing that an old Node lacks before it has asked which Node this is: a missing export would be all that
// is said.

import { nodeProblem } from "./init/node-version.ts";
import { keepCompiled } from "./program/compile-cache.ts";

const problem = nodeProblem(process.versions.node, ">=20.19");
if (problem !== undefined) {
  process.stderr.write(`quater: ${problem}\n`);
  process.exit(64);
}
keepCompiled(process.env);
await import("./program/process.ts");
