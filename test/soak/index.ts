// `npm run soak`: the tests of trail, approvals and contract with their full numbers, and a million events verified. Takes some
// forty minutes; needs PostgreSQL, its own or QUATER_TEST_POSTGRES_URL.

import { spawnSync } from "node:child_process";
import { verifyFigures } from "./verify.ts";

const full = {
  QUATER_SOAK_TAMPERS: "2000",
  QUATER_SOAK_CLEAN: "500",
  QUATER_SOAK_ATTACKS: "5000",
  QUATER_SOAK_KILLS: "200",
  QUATER_SOAK_OUTAGES: "30",
  QUATER_SOAK_SECRETS: "2000",
  QUATER_SOAK_RACES: "500",
  QUATER_SOAK_LOCKS: "200",
  QUATER_SOAK_APPROVAL_KILLS: "100",
  QUATER_SOAK_EXHAUSTION: "60",
  QUATER_SOAK_OVERLOAD: "30",
  QUATER_SOAK_CHAOS: "3000",
  QUATER_SOAK_CONTRACT: "20000",
  QUATER_SOAK_STOPS: "100",
  QUATER_SOAK_FIGURES: "1",
  QUATER_TEST_REQUIRE_ALL: "1",
};
const tests = [
  "audit/tamper",
  "audit/attacker",
  "audit/crash",
  "mcp/trail-secrets",
  "approval/attacker",
  "approval/race",
  "approval/lock-processes",
  "approval/crash",
  "http/exhaustion",
  "http/overload",
  "mcp/stdio-limits",
];
const files = [...tests.map((name) => `test/plugins/${name}`), "test/chaos/chaos", "test/chaos/stops", "test/contract/"];

const { status } = spawnSync(process.execPath, ["node_modules/vitest/vitest.mjs", "run", "--no-file-parallelism", ...files], {
  stdio: "inherit",
  env: { ...process.env, ...full },
});
const { events, perSecond, grownMiB } = await verifyFigures(1_000_000);
process.stdout.write(
  `verified ${events} events, ${perSecond.toFixed(0)} per second, resident memory grew by ${grownMiB.toFixed(0)} MiB\n`,
);
process.exitCode = status ?? 1;
