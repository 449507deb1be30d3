// Runs the tests that the test holes name, each against sources in which its check is missing, and prints how they ended as
// JSON. One process for all holes: each is a project of its own, with its own copy of every module.

import { resolve } from "node:path";
import { fileURLToPath } from "node:url";
import { defaultServerConditions } from "vite";
import { startVitest } from "vitest/node";
import { textsWith } from "./patched.ts";
import { testHoles } from "./test-holes.ts";

const root = fileURLToPath(new URL("../../../../", import.meta.url));
const literal = (text: string): string => text.replace(/[.*+?^${}()|[\]\\]/g, "\\$&");

/** Gives Vite the changed texts in place of the files. */
const withTexts = (texts: ReadonlyMap<string, string>) => ({
  name: "hole",
  enforce: "pre" as const,
  load: (id: string) => texts.get(resolve(id.replace(/\?.*$/, ""))),
});

/** Of holes that cannot be made, because the sources have changed. */
const misfits: TestEnd[] = [];
const projects = testHoles.flatMap(({ check, edits, file, test: title }) => {
  try {
    return [{ check, file, texts: textsWith(edits) }];
  } catch (error) {
    misfits.push({ check, title, error: String(error) });
    return [];
  }
});

const vitest = await startVitest("test", [], {
  root,
  config: false,
  watch: false,
  reporters: [{}],
  testNamePattern: testHoles.map(({ test }) => literal(test)).join("|"),
  projects: projects.map(({ check, file, texts }) => ({
    plugins: [withTexts(texts)],
    ssr: { resolve: { conditions: ["quater-source", ...defaultServerConditions] } },
    test: { root, name: check, include: [file], testTimeout: 60_000, hookTimeout: 60_000 },
  })),
});

/** How one test of one hole ended. A project's name is the hole's check. */
export interface TestEnd {
  readonly check: string;
  readonly title: string;
  /** Absent when it passed. */
  readonly error?: string;
}

const ends: readonly TestEnd[] = vitest.state.getTestModules().flatMap((module) => [
  ...module.errors().map(({ message }) => ({ check: module.project.name, title: module.moduleId, error: message })),
  ...[...module.children.allTests()].flatMap((test) => {
    const { state, errors = [] } = test.result();
    if (state === "skipped") return [];
    const [error] = errors;
    const title = test.fullName.replaceAll(" > ", " ");
    return [{ check: module.project.name, title, ...(error === undefined ? {} : { error: `${error.name}: ${error.message}` }) }];
  }),
]);
await vitest.close();
process.exitCode = 0; // the tests are meant to fail
process.stdout.write(`${JSON.stringify([...misfits, ...ends])}\n`);
