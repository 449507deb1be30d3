// The input schemas of `quater audit ...`. The `quater` program derives the flags of the commands from these schemas.

import { Type } from "../../../core/index.ts";

const text = (description: string) => Type.Optional(Type.String({ minLength: 1, description }));

const filters = {
  handler: text("Only events of this handler"),
  principal: text("Only events of this subject, person or credential"),
  surface: text("Only events of this surface: http, mcp, cli"),
  outcome: text("Only calls with this outcome: succeeded, failed, refused, unknown, or an error code"),
  since: text('Only events since this time: "15m", "2h", "3d", or a date'),
  call: text("Only events of the call with this id"),
};

export const tailInput = Type.Object({
  ...filters,
  lines: Type.Integer({ minimum: 1, maximum: 10_000, default: 20, description: "How many of the newest events to show" }),
  follow: Type.Boolean({ default: false, description: "Keep showing new events until you interrupt the command" }),
});
export const showInput = Type.Object(filters);
export const verifyInput = Type.Object({
  from: Type.Optional(
    Type.Integer({
      minimum: 2,
      description: "The number of the event at which the verification begins. Events before this event are not verified",
    }),
  ),
  against: Type.Array(Type.String(), {
    default: [],
    description: "The path of a sink or of a copy of a sink to compare with; repeat the flag for several",
  }),
  file: text("Verify this exported trail instead of the store"),
  fingerprint: text(
    "The expected fingerprint SHA256:... of the checkpoint key. Default: audit({ fingerprint }), or the key in the key file",
  ),
});
export const exportInput = Type.Object({
  since: text('Only events since this time: "15m", "2h", "3d", or a date'),
  until: text("Only events before this time"),
  after: Type.Optional(
    Type.Integer({ minimum: 1, description: "Only events after the event with this number, to continue an earlier export" }),
  ),
});
export const eraseInput = Type.Object({
  person: text(
    "Erase the data of this person: calls made by or for the person, approval requests, and reasons that the person gave",
  ),
  call: text("Erase the data of this call and of its approval requests"),
  handler: filters.handler,
  principal: filters.principal,
  until: text("Only events before this time"),
  whole: Type.Boolean({ default: false, description: "Erase whole arguments, not only personal() fields" }),
  reason: Type.String({
    minLength: 1,
    maxLength: 500,
    description:
      "The reason for the erasure. The trail keeps the reason forever, so do not write names of persons into the reason",
  }),
});

export const rotateInput = Type.Object({
  prepare: Type.Boolean({ default: false, description: "Add new keys to the key file without using them" }),
  activate: Type.Boolean({ default: false, description: "Start to use the prepared keys; running instances notice the change" }),
  despiteLeases: Type.Boolean({
    default: false,
    description: "Rotate in one step even if the store says that other instances run",
  }),
});
