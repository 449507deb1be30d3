// The gate suite over the shop, as a process of its own. It prints the verdict as JSON.

import { gateSuite } from "quater/testing";
import manifest from "../../../../quater.config.ts";
import samples from "../../../../quater.gate.json" with { type: "json" };

const { isGreen, holes } = await gateSuite(manifest, { ...samples, only: process.argv.slice(2) });
process.stdout.write(JSON.stringify({ isGreen, holes }));
