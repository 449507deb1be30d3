// `quater approvals ...`: what the commands are called and take. What they do is loaded when one runs.

import { type PluginCommand, type Static, Type } from "../../../core/index.ts";
import type { CommandParts } from "./parts.ts";

const id = Type.String({ minLength: 1, maxLength: 100, description: "The request's id: apr_..." });
const keyFile = Type.Optional(
  Type.String({
    minLength: 1,
    description: 'The file with the approver key, which nobody else may read; "-" reads standard input. Default: you are asked',
  }),
);
const reason = Type.Optional(Type.String({ minLength: 1, maxLength: 500, description: "Why; whoever asked is told" }));
const digest = Type.Optional(
  Type.String({
    pattern: "^sha256:[0-9a-f]{64}$",
    description: "What you agree to, as show --json has it. Default: you are shown the request and asked",
  }),
);
const states = ["pending", "approved", "consumed", "denied", "cancelled", "expired", "revoked"] as const;

export const listInput = Type.Object({
  state: Type.Array(Type.Enum([...states]), { default: [], description: "Only those; repeat for several. Default: all" }),
  handler: Type.Optional(Type.String({ minLength: 1, description: "Of this handler" })),
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50, description: "How many of the newest" }),
  keyFile,
});
export const showInput = Type.Object({
  id,
  short: Type.Boolean({ default: false, description: "Cut long values" }),
  keyFile,
});
export const voteInput = Type.Object({ id, digest, reason, keyFile });
export const revokeInput = Type.Object({ id, reason, keyFile });
export const waitInput = Type.Object({
  id,
  timeoutSeconds: Type.Integer({ minimum: 0, maximum: 604_800, default: 604_800, description: "How long; 0 only asks" }),
});
export const codeInput = Type.Object({ keyFile });

export type VoteInput = Static<typeof voteInput>;

/** @param parts  What a command works on. */
export const approvalCommands = (parts: CommandParts): readonly PluginCommand[] => {
  const deciding = () => import("./deciding.ts");
  const looking = () => import("./looking.ts");
  return [
    {
      path: ["approvals", "list"],
      description: "Lists requests for approval, newest first. Takes an approver key.",
      input: listInput,
      run: async (input, io) => (await looking()).list(parts, input, io),
    },
    {
      path: ["approvals", "show"],
      description: "Shows everything about one request. Takes an approver key.",
      input: showInput,
      positional: ["id"],
      run: async (input, io) => (await looking()).show(parts, input, io),
    },
    {
      path: ["approvals", "approve"],
      description: "Agrees to one request, after showing it. Takes an approver key.",
      input: voteInput,
      positional: ["id"],
      run: async (input, io) => (await deciding()).approve(parts, input, io),
    },
    {
      path: ["approvals", "deny"],
      description: "Says no to one request. Takes an approver key.",
      input: voteInput,
      positional: ["id"],
      run: async (input, io) => (await deciding()).deny(parts, input, io),
    },
    {
      path: ["approvals", "revoke"],
      description: "Takes back what was approved and is not used yet. Takes an approver key.",
      input: revokeInput,
      positional: ["id"],
      run: async (input, io) => (await deciding()).revoke(parts, input, io),
    },
    {
      path: ["approvals", "wait"],
      description: "Waits until your own request is decided: exit 0 when it was approved, 77 when not, 75 when it still waits.",
      input: waitInput,
      positional: ["id"],
      run: async (input, io) => (await import("./wait.ts")).wait(parts, input, io),
    },
    {
      path: ["approvals", "code"],
      description: "Prints a code to sign in to the approvals page with, once. Takes an approver key.",
      input: codeInput,
      run: async (input, io) => (await import("./code.ts")).code(parts, input, io),
    },
  ];
};
