// Runs the gate suite for the shop in a separate process, and prints the result of the gate suite as JSON.

import { gateSuite } from "quater/testing";
import manifest from "../../../../quater.config.ts";
import samples from "../../../../quater.gate.json" with { type: "json" };

const { isGreen, holes } = await gateSuite(manifest, { ...samples, only: process.argv.slice(2) });
process.stdout.write(JSON.stringify({ isGreen, holes }));
