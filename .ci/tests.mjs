// Runs the short tests and then the long ones, each once, as `npm run test:all` does. The last line counts the tests, from the report that
// the runner wrote.
//
// Some tests stop databases and processes, so a test can fail once in hundreds of runs because of the machine. At most three failed files
// run a second time, each alone. A file that passes then counts as passed, and its failure is printed as UNSTABLE: it is a fault to look for.

import { spawnSync } from "node:child_process";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, relative } from "node:path";

const mostRepeated = 3;
const say = (text) => process.stdout.write(`${text}\n`);

const folder = mkdtempSync(join(tmpdir(), "quater-tests-"));
process.on("exit", () => rmSync(folder, { recursive: true, force: true }));

/** Runs a program that runs tests. @returns Whether it ended with 0, and the results of each file: none when it wrote no report. */
const run = (program, args, name) => {
  const report = join(folder, `${name}.json`);
  const env = { ...process.env, QUATER_TEST_REPORT: report };
  const { status } = spawnSync(program, args, { stdio: "inherit", env });
  return { isGreen: status === 0, results: existsSync(report) ? JSON.parse(readFileSync(report, "utf8")).testResults : [] };
};
const failuresOf = ({ assertionResults }) => assertionResults.filter(({ status }) => status === "failed");
// A file that fails before its first test has no test that failed.
const hasFailed = (file) => file.status === "failed" || failuresOf(file).length > 0;

const first = run("npm", ["run", "test:all"], "all");
const results = new Map(first.results.map((result) => [result.name, result]));
const failed = first.results.filter(hasFailed);
const unstable = [];
if (failed.length <= mostRepeated)
  for (const before of failed) {
    const name = relative(process.cwd(), before.name);
    say(`== ${name} failed; it runs a second time, alone`);
    const again = run("npx", ["vitest", "run", name, "--maxWorkers=1"], "again");
    const [after] = again.results;
    if (!again.isGreen || after === undefined || hasFailed(after)) continue;
    results.set(before.name, after);
    unstable.push([name, failuresOf(before)]);
  }
for (const [name, failures] of unstable)
  for (const { fullName, failureMessages } of failures)
    say(`UNSTABLE: ${name}: ${fullName} failed once and then passed: ${failureMessages[0]?.split("\n")[0] ?? ""}`);

const all = [...results.values()];
const tests = all.flatMap(({ assertionResults }) => assertionResults);
const count = (...statuses) => tests.filter(({ status }) => statuses.includes(status)).length;
const passedTests = count("passed");
const failedTests = count("failed") + all.filter((file) => hasFailed(file) && failuresOf(file).length === 0).length;
const skippedTests = count("pending", "skipped", "todo");
say(`${passedTests} passed, ${failedTests} failed${skippedTests === 0 ? "" : `, ${skippedTests} skipped`}`);
// The runner also fails for an error outside of every test.
const isGreen = first.isGreen || failed.length > 0;
process.exitCode = isGreen && passedTests > 0 && failedTests === 0 ? 0 : 1;
