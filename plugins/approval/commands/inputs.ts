// The input schemas of `quater approvals ...`. The `quater` program derives the flags of the commands from these schemas.

import { type Static, Type } from "../../../core/index.ts";

const id = Type.String({ minLength: 1, maxLength: 100, description: "The id of the approval request: apr_..." });
const keyFile = Type.Optional(
  Type.String({
    minLength: 1,
    description:
      'The file with the approver key, readable only by you; "-" reads standard input. Default: the command asks for the key',
  }),
);
const reason = Type.Optional(
  Type.String({ minLength: 1, maxLength: 500, description: "The reason of the vote, which the requester can read" }),
);
const digest = Type.Optional(
  Type.String({
    pattern: "^sha256:[0-9a-f]{64}$",
    description:
      "The digest of the request, from quater approvals show --json. Default: the command shows the request and asks for the digest",
  }),
);
const states = ["pending", "approved", "consumed", "denied", "cancelled", "expired", "revoked"] as const;

export const listInput = Type.Object({
  state: Type.Array(Type.Enum([...states]), {
    default: [],
    description: "List only requests in this state. Repeat the flag for several states. Default: all states",
  }),
  handler: Type.Optional(Type.String({ minLength: 1, description: "List only requests for this handler" })),
  requester: Type.Optional(
    Type.String({
      minLength: 1,
      maxLength: 512,
      description:
        "List only requests by or for this person. A requester without a person: issuer and subject, with a space between",
    }),
  ),
  since: Type.Optional(
    Type.String({ minLength: 1, description: 'List only requests filed since this time: "15m", "2h", "3d", or a date' }),
  ),
  before: Type.Optional(
    Type.String({
      minLength: 1,
      description: "The id of a request. List only requests that are older, for the next page of a list",
    }),
  ),
  limit: Type.Integer({ minimum: 1, maximum: 200, default: 50, description: "How many of the newest requests to list" }),
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
  timeoutSeconds: Type.Integer({
    minimum: 0,
    maximum: 604_800,
    default: 604_800,
    description: "The longest time to wait, in seconds. With 0, the command does not wait",
  }),
});
export const codeInput = Type.Object({ keyFile });

export type VoteInput = Static<typeof voteInput>;
