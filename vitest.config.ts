import { defaultServerConditions } from "vite";
import { defineConfig } from "vitest/config";

const report = process.env["QUATER_TEST_REPORT"];

/** These tests fill the machine, measure memory, or stop what others use, so they run one after the other, after all other tests. */
const alone = [
  "test/chaos/*.long.test.ts",
  "test/plugins/approval/{crash,failures,lock-processes,race}.long.test.ts",
  "test/plugins/audit/*.long.test.ts",
  "test/plugins/cli/process.long.test.ts",
  "test/plugins/http/{exhaustion,overload,sockets}.long.test.ts",
  "test/plugins/mcp/stdio-limits.long.test.ts",
  "test/plugins/store/*.long.test.ts",
];

export default defineConfig({
  // Tests run from source: the condition makes `import "quater"` mean core/index.ts.
  ssr: { resolve: { conditions: ["quater-source", ...defaultServerConditions] } },
  test: {
    testTimeout: 60_000,
    hookTimeout: 60_000,
    expect: { poll: { timeout: 30_000 } }, // a guard against waiting for ever, and no claim about speed
    maxConcurrency: 30, // of tests that say they are concurrent, because they wait
    globalSetup: ["test/run-folder.ts", "test/plugins/store/shared-postgres.ts"],
    reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: report }]],
    projects: [
      {
        extends: true,
        test: {
          name: "short",
          include: ["test/**/*.test.ts"],
          exclude: ["test/**/*.long.test.ts"],
          // The test files of one worker share the loaded sources. Otherwise each file would load some 600 sources again, and the
          // short tests would take half as long again. So a kit must not register hooks when it is imported.
          isolate: false,
          sequence: { groupOrder: 0 },
        },
      },
      {
        extends: true,
        test: { name: "long", include: ["test/**/*.long.test.ts"], exclude: alone, sequence: { groupOrder: 1 } },
      },
      { extends: true, test: { name: "alone", include: alone, maxWorkers: 1, sequence: { groupOrder: 2 } } },
    ],
  },
});
