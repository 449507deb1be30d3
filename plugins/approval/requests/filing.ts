// Files an approval request for a call that needs approval. filing.ts checks that the requester may make the call and that people
// can see the arguments. Quater writes only one row, even if several processes file an approval request for the same call at the
// same time.

import { randomBytes } from "node:crypto";
import type { QuaterError } from "../../../core/index.ts";
import { type Authorized, previewOf } from "../../../core/plugin-api.ts";
import { canonicalText } from "../../../core/schema/digest.ts";
import { type AuditEvent, auditKey } from "../../audit/service.ts";
import {
  approvalBacklog,
  approvalDamaged,
  approvalDenied,
  approvalFilingLimit,
  approvalRequired,
  approvalUnattributed,
  approvalUnrenderable,
  type EarlierUse,
} from "../errors.ts";
import type { ApprovalRecord } from "../record.ts";
import { unrenderableAt } from "../shown/index.ts";
import { type ApprovalContext, type Asked, boundBy, eventOf, madeBy, requesterKeyOf } from "./approval-context.ts";
import { type Draft, filed } from "./changing.ts";
import { digestOf } from "./digest.ts";
import { type LikenessKeys, likenessKeys } from "./likeness.ts";
import { isDenied, proven } from "./proving.ts";
import { ranBefore } from "./ran-before.ts";
import { mostFiled } from "./reading.ts";
import { expiryOf } from "./sweeping.ts";
import type { StoredRequest } from "./tables.ts";

/**
 * Files an approval request, and refuses the call with an error that contains the id of the approval request.
 *
 * @param after  The newest approval request for the same call. The approval request `after` has ended.
 * @returns Returns only if another process filed an approval request for the same call first. After a return, look up the
 * approval request again.
 * @throws {QuaterError} `approval_required`, or the reason why Quater cannot file the approval request.
 */
export const file = async (context: ApprovalContext, asked: Asked, after: StoredRequest | undefined): Promise<void> => {
  const { callKeys, requester, requesterText, policyText } = asked;
  assertMayAsk(asked);
  const nth = (after?.nth ?? 0) + 1;
  if (after !== undefined && nth > mostFiled)
    throw approvalDamaged(after.record.id, `the column nth has the invalid value ${after.nth}`);
  const { audit, maxPending, maxFiledPerHour, cooldownMs } = context.parts;
  const draft = await draftOf(asked);
  const requesterKey = requesterKeyOf(requester);
  const keys = likenessKeys((value) => audit.tagsOf(value), draft);
  const limits = { maxPending, maxFiledPerHour, cooldownMs };
  const texts = asked.hasSecrets ? sealedTexts(context, draft) : draft;
  // The row of the ended approval request may still contain "pending", and each call may have only one pending row. So the
  // transaction that files the new approval request also ends the old row.
  const over = after?.stored === "pending" ? await expiryOf(context, after) : undefined;
  const isWritten = await context.write(
    [...(over?.events ?? []), filedEvent(context, asked, draft)],
    (open) => [
      ...(over?.changes(open) ?? []),
      filed(open, {
        draft,
        nth,
        callKeys,
        keys,
        requesterKey,
        requesterText,
        policyText,
        texts,
        ...limits,
      }),
    ],
    over?.check,
  );
  if (!isWritten) return assertMayFile(context, asked, after, keys, requesterKey);
  context.tell("approval.filed", draft);
  const written = await context.parts.reader.byId(draft.id);
  if (written !== undefined) throw await required(context, written);
};

/** Makes the approval request for a call. @throws {QuaterError} `approval_unrenderable`. */
export const draftOf = async (asked: Asked): Promise<Draft> => {
  const { call, callKeys } = asked;
  const [callKey = ""] = callKeys;
  const preview = await previewText(call);
  const unrenderable = unrenderableAt({ args: call.inputText, preview });
  if (unrenderable !== undefined) throw approvalUnrenderable(unrenderable.path, `${unrenderable.in}: ${unrenderable.reason}`);
  const bound = boundBy(asked, { surface: call.surface, preview, nonce: freshNonce() });
  return { ...bound, id: freshId(), callKey, digest: digestOf(bound), callId: call.callId };
};

export const deniedLately = ({ record, now }: StoredRequest, cooldownMs: number): QuaterError => {
  const { id, reason, decidedAt = 0 } = record;
  return approvalDenied(id, reason, Math.max(1, Math.ceil((decidedAt + cooldownMs - now) / 1000)));
};

/** Returns the error for a requester who has too many approval requests. */
export const limitOf = async (
  { parts: { reader, maxPending, maxFiledPerHour } }: ApprovalContext,
  keys: LikenessKeys,
  requesterKey: string,
): Promise<QuaterError | undefined> => {
  if ((await reader.pendingOf(requesterKey)) >= maxPending) return approvalBacklog(maxPending);
  const waitMs = await reader.filingWaitMs(keys.person, maxFiledPerHour);
  return waitMs > 0 ? approvalFilingLimit(maxFiledPerHour, Math.ceil(waitMs / 1000)) : undefined;
};

/**
 * Finds out why Quater filed no approval request.
 *
 * @returns Returns only if another process filed an approval request for the same call first.
 * @throws {QuaterError} `approval_denied`, `approval_backlog`, `approval_filing_limit`.
 */
const assertMayFile = async (
  context: ApprovalContext,
  { callKeys }: Asked,
  after: StoredRequest | undefined,
  keys: LikenessKeys,
  requesterKey: string,
): Promise<void> => {
  const { reader, cooldownMs } = context.parts;
  if ((await reader.newest(callKeys))?.nth !== after?.nth) return;
  const denied = await reader.deniedLike(keys.like, cooldownMs);
  if (denied !== undefined) {
    if (!(await isDenied(context, denied))) return;
    throw deniedLately(denied, cooldownMs);
  }
  const limit = await limitOf(context, keys, requesterKey);
  if (limit !== undefined) throw limit;
  const pending = await reader.pendingOfCall(callKeys);
  if (pending !== undefined) await assertProven(context, pending);
};

/**
 * Ends a pending approval request that blocks a new approval request and is not the newest approval request for its call. Quater
 * itself never leaves a row in this state.
 *
 * @throws {QuaterError} `approval_unproven` if the trail does not confirm the row; `approval_required` if the trail confirms the
 * row.
 */
const assertProven = async (context: ApprovalContext, pending: StoredRequest): Promise<void> => {
  if (pending.record.state === "pending") {
    if ((await proven(context, pending)) !== undefined) throw await required(context, pending);
    return;
  }
  const { events, changes, check } = await expiryOf(context, pending);
  await context.write(events, changes, check);
};

/** Makes the error with the id of the pending approval request, and with the earlier call if the call ran before. */
export const required = async (context: ApprovalContext, { record }: StoredRequest): Promise<Error> => {
  const url = context.parts.urlOf(record.id);
  return approvalRequired(
    { id: record.id, ...(url === undefined ? {} : { url }), expiresAt: new Date(record.pendingUntil).toISOString() },
    await ranBefore(context, record),
  );
};

/** Returns the call that used the approval, and how this call ended. */
export const usedBy = ({ id, use }: ApprovalRecord): EarlierUse | undefined =>
  use === undefined ? undefined : { id, callId: use.callId, outcome: use.outcome, endedAt: use.endedAt };

/** Returns the handler's preview of a call as RFC 8785 text; `undefined` for a handler without a preview. */
export const previewText = async (call: Authorized): Promise<string | undefined> => {
  const text = JSON.stringify(await previewOf(call));
  if (text === undefined) return undefined;
  try {
    return canonicalText(JSON.parse(text));
  } catch (error) {
    if (!(error instanceof TypeError)) throw error;
    // The preview is parsed JSON. If parsed JSON has no canonical text, the JSON always contains half of a surrogate pair.
    throw approvalUnrenderable("", "preview: contains half of a surrogate pair");
  }
};

/** Refuses a call of a requester without a person, because Quater could not check that the approver is another person. */
export const assertMayAsk = ({ requester: { person, actsFor }, policy, policyName }: Asked): void => {
  if (policy.kind === "confirm" && actsFor === undefined)
    throw approvalUnattributed(
      `The policy ${policyName} needs the person for whom the caller acts, but this credential has no actsFor. Create a key with actsFor`,
    );
  if (person === undefined && actsFor === undefined && !policy.unattributed)
    throw approvalUnattributed(
      `The policy ${policyName} needs the person who makes the request, but this credential has no person and no actsFor. Create a key with a person or with actsFor`,
    );
};

/**
 * Makes the event about a filed approval request. The body of the event contains the arguments if the trail stores arguments of
 * the handler. An operator can erase the body of the event.
 */
const filedEvent = (context: ApprovalContext, asked: Asked, draft: Draft): AuditEvent => {
  const { call, requester } = asked;
  const { audit } = context.parts;
  const fields = eventOf("approval.filed", draft, {
    ...madeBy(call),
    principal: requester,
    argsTag: audit.tagOf(call.input),
    detail: { digest: draft.digest, policy: draft.policyName, rules: draft.policy },
  });
  const timed = (now: number) => ({ pendingUntil: now + draft.policy.pendingForMs });
  if (auditKey.of(call.operation) === "metadata") return { fields, timed };
  // A preview may repeat secret arguments, and no schema marks the secrets in a preview.
  const isStorable = draft.preview !== undefined && !asked.hasSecrets;
  const preview = isStorable ? { preview: audit.storable(undefined, JSON.parse(draft.preview)) } : {};
  return { fields, timed, body: { args: audit.storable(call.operation.input, call.input), ...preview } };
};

const sealedTexts = (context: ApprovalContext, { args, preview, nonce }: Draft) => {
  const { secrecy } = context.parts;
  return {
    args: secrecy.closed(args),
    preview: preview === undefined ? undefined : secrecy.closed(preview),
    nonce: secrecy.closed(nonce),
  };
};

const alphabet = "abcdefghijklmnopqrstuvwxyz234567";

/** Makes an id of 100 random bits for an approval request. The id gives no rights, but nobody should be able to guess the id. */
const freshId = (): string => `apr_${Array.from(randomBytes(20), (byte) => alphabet[byte & 31]).join("")}`;

const freshNonce = (): string => randomBytes(16).toString("hex");
