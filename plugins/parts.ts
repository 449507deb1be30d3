// What the program and the plugins take from folders that are not plugins. Each part is loaded when it is first used. Everything works
// without a folder whose line is deleted here; only the commands that need its part are then missing.

import type { Parts } from "./offered.ts";

export const parts: Parts = {
  apiKeys: () => import("./auth/commands.ts"),
  developmentKeys: () => import("./auth/development.ts"),
  gateCheck: () => import("./gate-check/index.ts"),
};
