// The last line of a run: how many tests passed and failed, from the report that the runner wrote.

import { existsSync, readFileSync } from "node:fs";

const [file = ""] = process.argv.slice(2);
const report = existsSync(file) ? JSON.parse(readFileSync(file, "utf8")) : undefined;
const passed = report?.numPassedTests ?? 0;
const failed = report?.numFailedTests ?? 0;
const skipped = (report?.numPendingTests ?? 0) + (report?.numTodoTests ?? 0);
// A file that fails before its first test is a failure too.
const broken = (report?.testResults ?? []).filter(
  ({ status, assertionResults }) => status === "failed" && assertionResults.length === 0,
).length;
process.stdout.write(`${passed} passed, ${failed + broken} failed${skipped === 0 ? "" : `, ${skipped} skipped`}\n`);
process.exitCode = report === undefined || passed === 0 || failed + broken > 0 ? 1 : 0;
