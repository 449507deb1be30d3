// Loads parts of plugin folders that the program and the plugins use. Each part is loaded when it is first used. If a folder is
// deleted together with its line here, only the commands that need it are missing.

import type { Parts } from "./offered.ts";

export const parts: Parts = {
  apiKeys: () => import("./auth/commands.ts"),
  developmentKeys: () => import("./auth/development.ts"),
  approvalReads: () => import("./approval/commands/remote-definitions.ts"),
  auditReads: () => import("./audit/commands/remote-definitions.ts"),
  gateCheck: () => import("./gate-check/index.ts"),
};
