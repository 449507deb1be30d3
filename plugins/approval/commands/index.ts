// The only file of this folder that other folders import. It lists the commands `quater approvals ...`, whose code is loaded when
// one runs.

import { command, type PluginCommand } from "../../../core/plugin-api.ts";
import { codeInput, listInput, revokeInput, showInput, voteInput, waitInput } from "./inputs.ts";
import type { CommandParts } from "./parts.ts";

export const approvalCommands = (parts: CommandParts): readonly PluginCommand[] => {
  const deciding = () => import("./deciding.ts");
  const looking = () => import("./looking.ts");
  return [
    command({
      path: ["approvals", "list"],
      description: "Lists requests for approval, newest first. Takes an approver key.",
      input: listInput,
      run: async (input, io) => (await looking()).list(parts, input, io),
    }),
    command({
      path: ["approvals", "show"],
      description: "Shows everything about one request. Takes an approver key.",
      input: showInput,
      positional: ["id"],
      run: async (input, io) => (await looking()).show(parts, input, io),
    }),
    command({
      path: ["approvals", "approve"],
      description: "Agrees to one request, after showing it. Takes an approver key.",
      input: voteInput,
      positional: ["id"],
      run: async (input, io) => (await deciding()).approve(parts, input, io),
    }),
    command({
      path: ["approvals", "deny"],
      description: "Says no to one request. Takes an approver key.",
      input: voteInput,
      positional: ["id"],
      run: async (input, io) => (await deciding()).deny(parts, input, io),
    }),
    command({
      path: ["approvals", "revoke"],
      description: "Takes back what was approved and is not used yet. Takes an approver key.",
      input: revokeInput,
      positional: ["id"],
      run: async (input, io) => (await deciding()).revoke(parts, input, io),
    }),
    command({
      path: ["approvals", "wait"],
      description: "Waits until your own request is decided: exit 0 when it was approved, 77 when not, 75 when it still waits.",
      input: waitInput,
      positional: ["id"],
      run: async (input, io) => (await import("./wait.ts")).wait(parts, input, io),
    }),
    command({
      path: ["approvals", "code"],
      description: "Prints a code to sign in to the approvals page with, once. Takes an approver key.",
      input: codeInput,
      run: async (input, io) => (await import("./code.ts")).code(parts, input, io),
    }),
  ];
};
