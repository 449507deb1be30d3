// The input schemas of `quater audit ...`. The program derives the flags from them.

import { Type } from "../../../core/index.ts";

const text = (description: string) => Type.Optional(Type.String({ minLength: 1, description }));

const filters = {
  handler: text("Of this handler"),
  principal: text("By this subject, person or credential"),
  surface: text("Over this surface: http, mcp, cli"),
  outcome: text("That ended so: succeeded, failed, refused, unknown, or with this error code"),
  since: text('From this time on: "15m", "2h", "3d", or a date'),
  call: text("Of this call"),
};

export const tailInput = Type.Object({
  ...filters,
  lines: Type.Integer({ minimum: 1, maximum: 10_000, default: 20, description: "How many of the newest" }),
  follow: Type.Boolean({ default: false, description: "Go on with new events until interrupted" }),
});
export const showInput = Type.Object(filters);
export const verifyInput = Type.Object({
  from: Type.Optional(Type.Integer({ minimum: 2, description: "Begin at this event; the one before is taken for right" })),
  against: Type.Array(Type.String(), {
    default: [],
    description: "A sink, or a copy of one, that was held elsewhere; may be repeated",
  }),
  file: text("An exported trail instead of the store"),
  fingerprint: text("SHA256:... of the checkpoint key. Default: audit({ fingerprint }), else the key file's"),
});
export const exportInput = Type.Object({ until: text("Events before this time") });
export const eraseInput = Type.Object({
  person: text("Everything of this person: calls made by or for the person, their approval requests, reasons they gave"),
  call: text("Everything of this call and of the approval requests that it names"),
  handler: filters.handler,
  principal: filters.principal,
  until: text("Events before this time"),
  whole: Type.Boolean({ default: false, description: "Erase whole arguments, not only personal() fields" }),
  reason: Type.String({ minLength: 1, maxLength: 500, description: "Why, for the record. It stays: name no person in it" }),
});

export const rotateInput = Type.Object({
  prepare: Type.Boolean({ default: false, description: "Add new keys to the key file; nothing uses them yet" }),
  activate: Type.Boolean({ default: false, description: "Use the prepared keys; running instances follow by themselves" }),
  despiteLeases: Type.Boolean({ default: false, description: "Rotate in one step although the store says that others run" }),
});
