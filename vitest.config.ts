import { defaultServerConditions } from "vite";
import { defineConfig } from "vitest/config";

const report = process.env["QUATER_TEST_REPORT"];

export default defineConfig({
  // Tests run from source: the condition makes `import "quater"` mean core/index.ts.
  ssr: { resolve: { conditions: ["quater-source", ...defaultServerConditions] } },
  test: {
    include: ["test/**/*.test.ts"],
    testTimeout: 60_000,
    hookTimeout: 60_000,
    reporters: report === undefined ? ["default"] : ["default", ["json", { outputFile: report }]],
  },
});
