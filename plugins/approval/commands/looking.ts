// The commands `quater approvals list` and `show`.

import { visible } from "../../../core/diagnostics/text.ts";

import type { Principal, Static } from "../../../core/index.ts";
import type { CommandIo } from "../../../core/plugin-api.ts";
import type { ApprovalRecord } from "../record.ts";
import { type Presentation, terminalLines } from "../shown/index.ts";
import type { listInput, showInput } from "./inputs.ts";
import { approverFor, type CommandParts } from "./parts.ts";

export const list = async (parts: CommandParts, input: Static<typeof listInput>, io: CommandIo): Promise<number> => {
  const { principal } = await approverFor(parts, input.keyFile, io);
  const { state, handler, limit } = input;
  const found = await parts.approvals.list(principal, {
    limit,
    ...(state.length === 0 ? {} : { states: state }),
    ...(handler === undefined ? {} : { handler }),
  });
  io.show(found.map((record) => (io.isJson ? { ...rowOf(record), ...moreOf(record) } : rowOf(record))));
  return 0;
};

const rowOf = ({ id, state, isErased, handler, requester, surface, policyName, ...at }: ApprovalRecord) => ({
  id,
  state,
  ...(isErased ? { erased: true } : {}),
  handler,
  asks: nameOf(requester),
  surface,
  policy: policyName,
  filed: timeOf(at.filedAt),
  until: state === "pending" ? timeOf(at.pendingUntil) : state === "approved" ? timeOf(at.usableUntil) : null,
});

const nameOf = ({ person, actsFor, subject }: ApprovalRecord["requester"]): string =>
  person ?? (actsFor === undefined ? subject : `${subject} for ${actsFor}`);

const timeOf = (at: number | undefined): string | null => (at === undefined ? null : new Date(at).toISOString());

/**
 * Returns more fields of a request for scripts, because a table has no space for these fields. The fields do not include the
 * arguments, because only `show` hides secrets.
 */
const moreOf = ({ digest, requester, votes, reason, use }: ApprovalRecord) => ({
  digest,
  requester,
  votes: votes.map(({ person, verdict, at }) => ({ person, verdict, at: timeOf(at) })),
  ...(reason === undefined ? {} : { reason }),
  ...(use === undefined ? {} : { use: { callId: use.callId, at: timeOf(use.at), outcome: use.outcome } }),
});

export const show = async (parts: CommandParts, input: Static<typeof showInput>, io: CommandIo): Promise<number> => {
  const { principal } = await approverFor(parts, input.keyFile, io);
  const record = await parts.approvals.show(principal, input.id);
  const presentation = await parts.present(record, input.short ? "short" : "full");
  if (io.isJson) {
    io.show(presentation);
    return 0;
  }
  io.write(textOf(presentation));
  const obstacle = obstacleOf(parts, principal, record);
  if (obstacle !== undefined) io.say(obstacle);
  return 0;
};

/** Returns the text of a request. The text is safe to print, because the presentation has escaped control characters. */
export const textOf = (presentation: Presentation): string => `${terminalLines(presentation).join("\n")}\n`;

/** Returns a line with the reason why a person who can see the request cannot vote; `undefined` for a person who can vote. */
export const obstacleOf = ({ approvals }: CommandParts, approver: Principal, record: ApprovalRecord): string | undefined => {
  const obstacle = approvals.obstacle(approver, record);
  return obstacle === undefined ? undefined : `You cannot vote on this approval request: ${visible(obstacle)}`;
};
