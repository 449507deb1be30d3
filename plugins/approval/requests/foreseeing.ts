// The foresee hook, which answers like the approve hook without an effect. Only explanations of calls load this file.

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
 * Finds out how `approve` would answer this call now, without an effect: files no request, and ends none.
 *
 * @returns `true` for a call that may use an approval. @throws {QuaterError} The refusal.
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
 * Returns the error of a call for which a request must be filed, without filing the request: `approval_required`, or the reason why
 * the request cannot be filed.
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

/** The error that an explanation shows for a call without a request. A real call files the request and gets its id. */
const approvalNeeded = (): QuaterError =>
  new QuaterError({
    code: "approval_required",
    kind: "approval_required",
    message: "People must approve this exact call before it runs. The call files an approval request",
  });
