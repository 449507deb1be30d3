// The input schemas of `quater approvals ...`. The program derives the flags from them.

import { type Static, Type } from "../../../core/index.ts";

const id = Type.String({ minLength: 1, maxLength: 100, description: "The request's id: apr_..." });
const keyFile = Type.Optional(
  Type.String({
    minLength: 1,
    description: 'The file with the approver key, which nobody else may read; "-" reads standard input. Default: you are asked',
  }),
);
const reason = Type.Optional(Type.String({ minLength: 1, maxLength: 500, description: "Why. The requester sees it" }));
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
