// The commands `quater audit ...`: their names and input schemas. Quater loads the code of the commands when an operator runs one
// of the commands.

import { Type } from "../../../core/index.ts";
import { command, type PluginCommand } from "../../../core/plugin-api.ts";
import { eraseInput, exportInput, rotateInput, showInput, tailInput, verifyInput } from "./inputs.ts";
import type { CommandParts } from "./parts.ts";

/** @param parts  The parts of the audit plugin that the commands `quater audit ...` use. */
export const auditCommands = (parts: CommandParts): readonly PluginCommand[] => {
  const runs = () => import("./command-runs.ts");
  return [
    command({
      path: ["audit", "tail"],
      example: "quater audit tail --since 2h --outcome refused",
      description: "Shows the newest events of the trail.",
      input: tailInput,
      run: async (input, io) => (await import("./following.ts")).tail(parts, input, io),
    }),
    command({
      path: ["audit", "show"],
      example: "quater audit show b52c16e2-39e5-4125-a3d1-c351b8193f79",
      description: "Shows all events of one call, or all events that match the filters.",
      input: showInput,
      positional: ["call"],
      run: async (input, io) => (await runs()).show(parts, input, io),
    }),
    command({
      path: ["audit", "verify"],
      example: "quater audit verify --against /var/log/shop/checkpoints.jsonl",
      description:
        "Verifies the trail. Exit codes: 0 whole, 1 damaged, 2 not readable, 3 a sink is missing or different, 4 a restore lost events.",
      input: verifyInput,
      run: async (input, io) => (await runs()).verify(parts, input, io),
    }),
    command({
      path: ["audit", "export"],
      example: "quater audit export > trail.jsonl",
      description: "Writes the trail as JSON lines. To verify the exported trail offline, run quater audit verify --file.",
      input: exportInput,
      run: async (input, io) => (await import("./exporting.ts")).exportTrail(parts, input, io),
    }),
    command({
      path: ["audit", "erase"],
      example: "quater audit erase --person ana --reason 'Request 2026-17'",
      description:
        "Erases personal data of a person or call from the trail and from approvals. The caller needs the scope audit:erase.",
      input: eraseInput,
      run: async (input, io) => (await runs()).erase(parts, input, io),
    }),
    command({
      path: ["audit", "fingerprint"],
      example: "quater audit fingerprint",
      description: "Shows the fingerprint of the checkpoint key. Keep the fingerprint outside of the store.",
      input: Type.Object({}),
      run: async (_, io) => (await runs()).fingerprint(parts, io),
    }),
    command({
      path: ["audit", "rotate"],
      example: "quater audit rotate --prepare",
      description:
        "Creates new trail keys, in two steps if several instances run. The old keys stay in the file to verify old events.",
      input: rotateInput,
      run: async (input, io) => (await runs()).rotate(parts, input, io),
    }),
  ];
};
