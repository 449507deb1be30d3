// The commands `quater approvals approve`, `deny` and `revoke`. Before an approval, the command prints the approval request, or
// the person types the digest of the approval request as a flag.

import { visible } from "../../../core/diagnostics/text.ts";

import { conflict, invalid, type Static } from "../../../core/index.ts";
import type { CommandIo } from "../../../core/plugin-api.ts";
import type { ApprovalRecord } from "../record.ts";
import type { Approver, VoteGiven } from "../service.ts";
import type { revokeInput, VoteInput } from "./inputs.ts";
import { textOf } from "./looking.ts";
import { approverFor, type CommandParts } from "./parts.ts";

/** The surface that Quater records with a vote at the terminal. */
const via = "cli";
/**
 * How many digits of the digest of an approval request a person must type. To know these digits, the person must look at the
 * approval request.
 */
const typedDigits = 4;
/** The exit code if the person did not confirm the decision, so that the command did not change the approval request. */
const undecided = 1;

export const approve = async (parts: CommandParts, input: VoteInput, io: CommandIo): Promise<number> => {
  const { principal, again } = await approverFor(parts, input.keyFile, io);
  const record = await parts.approvals.show(principal, input.id);
  const shown = await parts.present(record, "full");
  if (shown.hidden !== undefined) conflict(`The approval request ${record.id} cannot be approved: ${shown.hidden}`);
  // Whether the person who types the command may not vote. For a person who may not vote, the command prints no question, because
  // Quater would refuse the vote.
  const isFutile = parts.approvals.obstacle(principal, record) !== undefined;
  if (input.digest === undefined && !isFutile) {
    io.say(textOf(shown));
    const answer = await io.ask(
      `To approve this request, type the first ${typedDigits} digits of its digest. With any other text the request stays pending`,
    );
    if (answer === undefined)
      return invalid(
        "/digest",
        "is required when the command cannot ask on a terminal. Copy the digest of the request from the output of quater approvals show --json",
      );
    if (answer.trim() !== shown.digestStart.slice(0, typedDigits)) {
      io.say("The request was not approved and stays pending.");
      return undecided;
    }
  }
  return cast(parts, { principal, again }, { ...voteOf(input, record), verdict: "approve" }, io);
};

export const deny = async (parts: CommandParts, input: VoteInput, io: CommandIo): Promise<number> => {
  const { principal, again } = await approverFor(parts, input.keyFile, io);
  const record = await parts.approvals.show(principal, input.id);
  return cast(parts, { principal, again }, { ...voteOf(input, record), verdict: "deny" }, io);
};

const voteOf = ({ digest, reason }: VoteInput, record: ApprovalRecord): Omit<VoteGiven, "verdict"> => ({
  id: record.id,
  digest: digest ?? record.digest,
  ...(reason === undefined ? {} : { reason }),
});

type Voter = Omit<Approver, "via">;

const cast = async ({ approvals }: CommandParts, voter: Voter, vote: VoteGiven, io: CommandIo): Promise<number> => {
  const record = await approvals.vote({ ...voter, via }, vote);
  tell(record, io);
  return 0;
};

export const revoke = async (
  { approvals, ...parts }: CommandParts,
  { id, reason, keyFile }: Static<typeof revokeInput>,
  io: CommandIo,
): Promise<number> => {
  const { principal, again } = await approverFor({ approvals, ...parts }, keyFile, io);
  tell(await approvals.revoke({ principal, via, again }, { id, ...(reason === undefined ? {} : { reason }) }), io);
  return 0;
};

const tell = ({ id, state, votes, policy, usableUntil, reason }: ApprovalRecord, io: CommandIo): void => {
  const agreed = votes.filter(({ verdict }) => verdict === "approve").length;
  const needed = policy.approvers.reduce((sum, { need }) => sum + need, 0);
  io.show({
    id,
    state,
    agreed,
    needed,
    ...(usableUntil === undefined ? {} : { usableUntil: new Date(usableUntil).toISOString() }),
    ...(reason === undefined ? {} : { reason: visible(reason) }),
  });
};
