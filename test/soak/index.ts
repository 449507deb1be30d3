// `npm run soak`: the trail's tests with their full numbers, and a million events verified. Takes some ten minutes; needs
// PostgreSQL, its own or QUATER_TEST_POSTGRES_URL.

import { spawnSync } from "node:child_process";
import { verifyFigures } from "./verify.ts";

const full = {
  QUATER_SOAK_TAMPERS: "2000",
  QUATER_SOAK_CLEAN: "200",
  QUATER_SOAK_KILLS: "200",
  QUATER_SOAK_OUTAGES: "30",
  QUATER_SOAK_SECRETS: "2000",
  QUATER_TEST_REQUIRE_ALL: "1",
};
const files = ["audit/tamper", "audit/crash", "mcp/trail-secrets"].map((name) => `test/plugins/${name}.test.ts`);

const { status } = spawnSync(process.execPath, ["node_modules/vitest/vitest.mjs", "run", "--no-file-parallelism", ...files], {
  stdio: "inherit",
  env: { ...process.env, ...full },
});
const { events, perSecond, grownMiB } = await verifyFigures(1_000_000);
process.stdout.write(
  `verified ${events} events, ${perSecond.toFixed(0)} per second, resident memory grew by ${grownMiB.toFixed(0)} MiB\n`,
);
process.exitCode = status ?? 1;
