// `quater audit ...`: what the commands are called and take. What they do is loaded when one runs.

import { type PluginCommand, Type } from "../../core/index.ts";
import type { CommandParts } from "./command-runs.ts";

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

/** @param parts  What a command works on. */
export const auditCommands = (parts: CommandParts): readonly PluginCommand[] => {
  const runs = () => import("./command-runs.ts");
  return [
    {
      path: ["audit", "tail"],
      description: "Shows the newest events of the trail.",
      input: tailInput,
      run: async (input, io) => (await runs()).tail(parts, input, io),
    },
    {
      path: ["audit", "show"],
      description: "Shows everything about a call, or about all events that match.",
      input: showInput,
      positional: ["call"],
      run: async (input, io) => (await runs()).show(parts, input, io),
    },
    {
      path: ["audit", "verify"],
      description:
        "Verifies the trail. Exit 0: whole; 1: damaged; 2: cannot be read; 3: a sink is missing or disagrees; 4: a restore lost events.",
      input: verifyInput,
      run: async (input, io) => (await runs()).verify(parts, input, io),
    },
    {
      path: ["audit", "export"],
      description: "Writes the trail as JSON lines that verify offline: quater audit verify --file.",
      input: exportInput,
      run: async (input, io) => (await runs()).exportTrail(parts, input, io),
    },
    {
      path: ["audit", "erase"],
      description: "Erases personal data of a person or call from trail and approvals. Needs the scope audit:erase.",
      input: eraseInput,
      run: async (input, io) => (await runs()).erase(parts, input, io),
    },
    {
      path: ["audit", "fingerprint"],
      description: "Shows the fingerprint of the checkpoint key, to be kept where the store is not.",
      input: Type.Object({}),
      run: async (_, io) => (await runs()).fingerprint(parts, io),
    },
    {
      path: ["audit", "rotate"],
      description: "Makes new trail keys, in two steps where several instances run. Old keys stay, to verify with.",
      input: rotateInput,
      run: async (input, io) => (await runs()).rotate(parts, input, io),
    },
  ];
};
