import { defaultServerConditions } from "vite";
import { defineConfig } from "vitest/config";

const report = process.env["QUATER_TEST_REPORT"];

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
        // These tests fill the machine or stop what others use, so they run alone and after the short ones.
        extends: true,
        test: { name: "long", include: ["test/**/*.long.test.ts"], maxWorkers: 1, sequence: { groupOrder: 1 } },
      },
    ],
  },
});
