// Runs in a patched copy of the source tree, as its own process: the gate suite over the shop of that copy, told as JSON.

import { readFileSync } from "node:fs";
import { gateSuite } from "quater/testing";

// By its place in the copy, which has the manifest beside this file.
const beside = (name: string) => new URL(`./${name}`, import.meta.url);
const { default: manifest } = await import(beside("quater.config.ts").href);
const samples = JSON.parse(readFileSync(beside("quater.gate.json"), "utf8")) as object;

const { isGreen, holes } = await gateSuite(manifest, { ...samples, only: process.argv.slice(2) });
process.stdout.write(JSON.stringify({ isGreen, holes }));
