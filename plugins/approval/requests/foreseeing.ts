// The foresee hook, which returns the verdict of the approve hook and changes nothing. Quater loads this file only for
// explanations of calls.

import { QuaterError } from "../../../core/index.ts";
import type { Authorized } from "../../../core/plugin-api.ts";
import { approvalOutdated, approvalStale, approvalUnproven } from "../errors.ts";
import { type ApprovalContext, type Asked, askedOf, type HandlerTerms, requesterKeyOf } from "./approval-context.ts";
import { assertMayAsk, deniedLately, draftOf, limitOf, previewText, required } from "./filing.ts";
import { likenessKeys } from "./likeness.ts";
import { changedAt } from "./preview-changes.ts";
import { doubtOf } from "./proving.ts";
import { named, outdatedIn, refusalBy } from "./using.ts";

/**
 * Finds out which verdict `approve` would return for a call now. This function files no approval request, and ends no approval
 * request.
 *
 * @returns `true` for a call that may use an approval. @throws {QuaterError} The refusal of the call.
 */
export const foresee = async (context: ApprovalContext, terms: HandlerTerms, call: Authorized): Promise<true> => {
  const asked = askedOf(context, terms, call);
  const { reader, audit } = context.parts;
  const { approvalId } = call;
  const found = approvalId === undefined ? await reader.newest(asked.callKeys) : await named(context, asked, approvalId);
  if (found === undefined) throw await foreseenFiling(context, asked);
  const { record } = found;
  if (record.state === "pending") throw await required(context, found);
  if (record.state !== "approved")
    throw refusalBy(context, found, approvalId !== undefined) ?? (await foreseenFiling(context, asked));
  const outdated = outdatedIn(asked, record);
  if (outdated !== undefined) throw approvalOutdated(record.id, outdated);
  const preview = await previewText(call);
  if (preview !== record.preview) throw approvalStale(record.id, changedAt(record.preview, preview));
  if (doubtOf(await audit.evidence.standingOf(record.id), record) !== undefined) throw approvalUnproven(record.id);
  return true;
};

/**
 * Returns the error of a call for which Quater must file an approval request, without filing the approval request. The error is
 * `approval_required`, or the reason why Quater cannot file the approval request.
 */
const foreseenFiling = async (context: ApprovalContext, asked: Asked): Promise<Error> => {
  assertMayAsk(asked);
  const draft = await draftOf(asked);
  const { audit, reader, cooldownMs } = context.parts;
  const keys = likenessKeys((value) => audit.tagsOf(value), draft);
  const denied = await reader.deniedLike(keys.like, cooldownMs);
  if (denied !== undefined) return deniedLately(denied, cooldownMs);
  return (await limitOf(context, keys, requesterKeyOf(asked.requester))) ?? approvalNeeded();
};

/**
 * Makes the error that an explanation shows for a call without an approval request. For a real call, Quater files an approval
 * request, and the error contains its id.
 */
const approvalNeeded = (): QuaterError =>
  new QuaterError({
    code: "approval_required",
    kind: "approval_required",
    message: "People must approve this exact call before it runs. The call files an approval request",
  });
