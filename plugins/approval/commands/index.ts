// The only file of the folder `commands` that other folders import. This file lists the commands `quater approvals ...`. Quater
// loads the code of a command when the command runs.

import { command, type PluginCommand } from "../../../core/plugin-api.ts";
import { codeInput, listInput, revokeInput, showInput, voteInput } from "./inputs.ts";
import type { CommandParts } from "./parts.ts";
import { waitWith } from "./wait-command.ts";

export type { CommandParts } from "./parts.ts";
export { remoteReads } from "./remote-reads.ts";

export const approvalCommands = (parts: CommandParts): readonly PluginCommand[] => {
  const deciding = () => import("./deciding.ts");
  const looking = () => import("./looking.ts");
  return [
    command({
      path: ["approvals", "list"],
      example: "quater approvals list --state pending --key-file approver-key",
      description: "Lists approval requests, newest first. Needs an approver key.",
      input: listInput,
      run: async (input, io) => (await looking()).list(parts, input, io),
    }),
    command({
      path: ["approvals", "show"],
      example: "quater approvals show apr_7f3kq2m5x4n6b2t7h5dw --key-file approver-key",
      description: "Shows one approval request with all its details. Needs an approver key.",
      input: showInput,
      positional: ["id"],
      run: async (input, io) => (await looking()).show(parts, input, io),
    }),
    command({
      path: ["approvals", "approve"],
      example: "quater approvals approve apr_7f3kq2m5x4n6b2t7h5dw",
      description: "Shows one approval request, then approves it. Needs an approver key.",
      input: voteInput,
      positional: ["id"],
      run: async (input, io) => (await deciding()).approve(parts, input, io),
    }),
    command({
      path: ["approvals", "deny"],
      example: "quater approvals deny apr_7f3kq2m5x4n6b2t7h5dw --reason 'The order is not paid'",
      description: "Denies one approval request. Needs an approver key.",
      input: voteInput,
      positional: ["id"],
      run: async (input, io) => (await deciding()).deny(parts, input, io),
    }),
    command({
      path: ["approvals", "revoke"],
      example: "quater approvals revoke apr_7f3kq2m5x4n6b2t7h5dw",
      description: "Revokes an approval that is not used yet. Needs an approver key.",
      input: revokeInput,
      positional: ["id"],
      run: async (input, io) => (await deciding()).revoke(parts, input, io),
    }),
    waitWith(parts),
    command({
      path: ["approvals", "code"],
      example: "quater approvals code",
      description: "Prints a one-time code for the sign-in on the approvals page. Needs an approver key.",
      input: codeInput,
      run: async (input, io) => (await import("./code.ts")).code(parts, input, io),
    }),
  ];
};
