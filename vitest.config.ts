import { defaultServerConditions } from "vite";
import { defineConfig } from "vitest/config";

export default defineConfig({
  // Tests run from source: the condition makes `import "quater"` mean core/index.ts.
  ssr: { resolve: { conditions: ["quater-source", ...defaultServerConditions] } },
  test: { include: ["test/**/*.test.ts"], testTimeout: 30_000 },
});
