// Loads the commands that plugins add, for their help. The help works without a project, so the plugin itself does not exist. If a
// folder is deleted together with its line here, only its help is missing.

import type { CommandGroups } from "./offered.ts";

const noParts = undefined as never;

export const commandGroups: CommandGroups = {
  approvals: async () => (await import("./approval/commands/index.ts")).approvalCommands(noParts),
  audit: async () => (await import("./audit/commands/commands.ts")).auditCommands(noParts),
  store: async () => [(await import("./audit/restore/command.ts")).restoredCommand(noParts)],
};
