// The command `quater store restored`: the input schema and the output of the command.

import { userInfo } from "node:os";
import { visible } from "../../../core/diagnostics/text.ts";
import { type Static, Type } from "../../../core/index.ts";
import { type CommandIo, command, type PluginCommand } from "../../../core/plugin-api.ts";
import type { Store } from "../../store/service.ts";
import type { RestoreParts } from "./restored.ts";

export const restoredInput = Type.Object({
  reason: Type.String({
    minLength: 1,
    maxLength: 500,
    description: "The reason for the restore, which is recorded on the trail",
  }),
  against: Type.Array(Type.String(), {
    default: [],
    description: "The path of a sink of another instance; repeat the flag for several",
  }),
  despiteLeases: Type.Boolean({ default: false, description: "Continue even if the store says that an instance runs" }),
});

export interface RestoredCommandParts extends RestoreParts {
  readonly store: Store;
}

export const restoredCommand = (parts: RestoredCommandParts): PluginCommand =>
  command({
    path: ["store", "restored"],
    example: "quater store restored --reason 'Backup of 2026-11-26 after a disk failure'",
    description: "Acknowledges that the store was restored or a standby promoted. Voids all open approvals.",
    input: restoredInput,
    run: (input, io) => run(parts, input, io),
  });

const run = async (
  parts: RestoredCommandParts,
  { reason, against, despiteLeases }: Static<typeof restoredInput>,
  io: CommandIo,
): Promise<number> => {
  const { acknowledgeRestore } = await import("./restored.ts");
  const done = await acknowledgeRestore(
    parts,
    { reason, by: userInfo().username, against: against.map(io.pathOf), despiteLeases },
    await parts.store.open(),
  );
  const { event, missing, lostUses, counts, untold } = done;
  io.show({ event, missing, lostUses: lostUses.map(({ approvalId, callId }) => ({ approvalId, callId })), ...counts });
  const { from, through } = missing;
  const lost =
    through < from
      ? "No sink shows how many events were lost."
      : `Events ${from} to ${through} are lost. The trail continues with event ${event}.`;
  io.say(lost);
  for (const { approvalId, callId } of lostUses)
    io.say(
      visible(
        `The call ${callId} used the approval ${approvalId} before the restore. The store no longer has a record of this call.`,
      ),
    );
  for (const failure of untold) io.say(visible(`Quater could not write the restore to a sink: ${failure}`));
  return 0;
};
