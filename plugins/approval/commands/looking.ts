// The commands `quater approvals list` and `show`.

import { timeOf as timeGiven } from "../../../core/diagnostics/given-time.ts";
import { visible } from "../../../core/diagnostics/text.ts";
import type { Principal, Static } from "../../../core/index.ts";
import type { CommandIo } from "../../../core/plugin-api.ts";
import type { ApprovalRecord } from "../record.ts";
import { firstArgumentsLine, type Presentation, shownTime, stateInWords, terminalLines } from "../shown/index.ts";
import type { listInput, showInput } from "./inputs.ts";
import { approverFor, type CommandParts } from "./parts.ts";

export const list = async (parts: CommandParts, input: Static<typeof listInput>, io: CommandIo): Promise<number> => {
  const { principal } = await approverFor(parts, input.keyFile, io);
  const { keyFile: _, state, since, ...given } = input;
  const { requests, next } = await parts.approvals.page(principal, {
    ...given,
    ...(state.length === 0 ? {} : { states: state }),
    ...(since === undefined ? {} : { since: timeGiven("since", since) }),
  });
  const shown = (record: ApprovalRecord) => firstArgumentsLine(parts.presentFirst(record));
  if (io.isJson) io.show(requests.map((record) => ({ ...rowOf(record), arguments: shown(record), ...moreOf(record) })));
  else
    await io.write(requests.length === 0 ? "none\n" : requests.map((record) => `${blockOf(record, shown(record))}\n`).join("\n"));
  if (next !== undefined) io.say(`The list continues with older requests. Add --before ${next}`);
  return 0;
};

/** Returns the lines of an approval request: id and state, the call with its first arguments, and the requester. */
const blockOf = (record: ApprovalRecord, shown: string): string => {
  const { id, handler, surface, policyName, filedAt, pendingUntil, usableUntil, state } = record;
  const relative = (at: number) => shownTime(at, Date.now()).relative;
  const until = state === "pending" ? pendingUntil : state === "approved" ? usableUntil : undefined;
  const lines = [
    `${id}  ${stateInWords(record)}${until === undefined ? "" : `, expires ${relative(until)}`}`,
    `  ${visible(handler)}  ${shown}`,
    `  by ${visible(nameOf(record.requester))} over ${visible(surface)}, policy ${visible(policyName)}, filed ${relative(filedAt)}`,
  ];
  return lines.join("\n");
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

/** Returns more fields of an approval request for scripts. */
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
  await io.write(textOf(presentation));
  const obstacle = obstacleOf(parts, principal, record);
  if (obstacle !== undefined) io.say(obstacle);
  return 0;
};

/**
 * Returns the text of an approval request. The text of an approval request is safe to print, because its presentation contains no
 * control characters.
 */
export const textOf = (presentation: Presentation): string => `${terminalLines(presentation).join("\n")}\n`;

/**
 * Returns a line with the reason why a person who may see the approval request cannot vote on it; `undefined` for a person who
 * can vote.
 */
export const obstacleOf = ({ approvals }: CommandParts, approver: Principal, record: ApprovalRecord): string | undefined => {
  const obstacle = approvals.obstacle(approver, record);
  return obstacle === undefined ? undefined : `You cannot vote on this approval request: ${visible(obstacle)}`;
};
