// The approve hook of the approval plugin. When a caller repeats a call, using.ts looks up the newest approval request for this
// call, and answers by the state of the approval request. Calls use approvals only in using.ts. A call uses its approval once,
// directly before the handler runs.

import type { QuaterError } from "../../../core/index.ts";
import type { ApprovalAnswer, Authorized, HookAnswer } from "../../../core/plugin-api.ts";

import { canonicalText } from "../../../core/schema/digest.ts";
import { type Standing, unchangedSince } from "../../audit/service.ts";
import {
  approvalDenied,
  approvalEnded,
  approvalMismatch,
  approvalNotFound,
  approvalOutdated,
  approvalStale,
  approvalUsed,
} from "../errors.ts";
import { type ApprovalRecord, outcomeOf } from "../record.ts";
import {
  type ApprovalContext,
  type Asked,
  askedOf,
  boundBy,
  eventOf,
  type HandlerTerms,
  madeBy,
  provenEvent,
  retried,
} from "./approval-context.ts";
import { consumed, ended, lost, voided } from "./changing.ts";
import { digestOf } from "./digest.ts";
import { file, previewText, required, usedBy } from "./filing.ts";
import { likeTagsOf } from "./likeness.ts";
import { changedAt } from "./preview-changes.ts";
import { isDenied, proven } from "./proving.ts";
import type { StoredRequest } from "./tables.ts";

/**
 * How often Quater tries again if another process changed the approval request first. After the last attempt, Quater refuses the
 * call with 503.
 */
const mostAttempts = 10;

export const approve = async (
  context: ApprovalContext,
  terms: HandlerTerms,
  call: Authorized,
): Promise<HookAnswer<ApprovalAnswer>> => {
  const asked = askedOf(context, terms, call);
  let found = await judged(context, asked);
  return {
    allow: true,
    // `consume` runs while the call has the handler's lock, so no other call with the same lock runs between the preview, the use
    // of the approval and the handler.
    consume: async (): Promise<true> => {
      return retried(mostAttempts, async () => {
        const usable = await previewed(context, asked, found);
        if (usable !== undefined && (await use(context, asked, usable))) return true;
        found = await judged(context, asked);
        return undefined;
      });
    },
  };
};

/**
 * Returns the verdict for surfaces that the exposure key `approval` does not list. On these surfaces, calls need no approval, but
 * Quater still records the start of each call.
 */
export const ungated = (context: ApprovalContext, { callId }: Authorized): HookAnswer<ApprovalAnswer> => ({
  allow: true,
  consume: async () => {
    await context.parts.audit.commitStart(callId, [], []);
    return true;
  },
});

/** An approved request whose digest matches the digest of the call. */
interface Usable {
  readonly record: ApprovalRecord;
  /** The digest of the call with the current policy, schema and preview. */
  readonly digest: string;
  /** The state of the approved request according to its events on the trail. */
  readonly standing: Standing;
}

/**
 * Finds the approved request that the call may use. The function checks everything except the preview. docs/guides/approvals.md
 * contains the table of states.
 *
 * @throws {QuaterError} if the call may not run: `approval_required`, `approval_denied` and so on.
 */
const judged = (context: ApprovalContext, asked: Asked): Promise<StoredRequest> => {
  const { approvalId } = asked.call;
  return retried(mostAttempts, async () => {
    const found =
      approvalId === undefined ? await context.parts.reader.newest(asked.callKeys) : await named(context, asked, approvalId);
    if (found?.record.state === "approved") return (await isCurrent(context, asked, found)) ? found : undefined;
    await refuse(context, asked, found, approvalId !== undefined);
    return undefined;
  });
};

/**
 * Finds the approval request with the given id, if the approval request belongs to the caller, surface and handler of the call.
 * For an unknown id and for an approval request of another caller, the error is the same.
 */
export const named = async (context: ApprovalContext, { call, requesterText }: Asked, id: string): Promise<StoredRequest> => {
  const found = await context.parts.reader.byId(id);
  if (found === undefined) throw approvalNotFound();
  const { handler, requester, surface, policy, args } = found.record;
  const isOwn = handler === call.handler && canonicalText(requester) === requesterText;
  if (!isOwn || (surface !== call.surface && !policy.anySurface)) throw approvalNotFound();
  if (args !== call.inputText) throw approvalMismatch(id, found.record.state, usedBy(found.record));
  return found;
};

/**
 * Refuses a call whose approval request is not approved. Files a new approval request if there is no approval request for the
 * call, or if the old approval request has ended.
 *
 * @returns Returns only if another process changed the approval request first. @throws {QuaterError} in all other cases.
 */
const refuse = async (
  context: ApprovalContext,
  asked: Asked,
  found: StoredRequest | undefined,
  isNamed: boolean,
): Promise<void> => {
  if (found === undefined) return file(context, asked, undefined);
  const { state, use } = found.record;
  if (state === "pending") throw await required(context, found);
  if (state === "denied" && !(await isDenied(context, found))) return;
  // An operator may have killed the process that ran the call, and this process may be the only process that can record the lost
  // call.
  if (state === "consumed" && use?.outcome === "running" && (await context.parts.audit.sweepLost()) > 0) return;
  const refusal = refusalBy(context, found, isNamed);
  if (refusal !== undefined) throw refusal;
  return file(context, asked, found);
};

/** Returns the refusal by an approval request that has ended. `undefined` if Quater can file a new approval request. */
export const refusalBy = (
  { parts: { cooldownMs } }: ApprovalContext,
  { record, now }: StoredRequest,
  isNamed: boolean,
): QuaterError | undefined => {
  const { id, state, reason, decidedAt = 0 } = record;
  if (state === "denied") {
    const leftMs = decidedAt + cooldownMs - now;
    if (leftMs > 0) return approvalDenied(id, reason, Math.ceil(leftMs / 1000));
    return isNamed ? approvalDenied(id, reason) : undefined;
  }
  if (!isNamed || state === "pending" || state === "approved") return undefined;
  if (state !== "consumed") return approvalEnded(id, state, reason);
  const earlier = usedBy(record);
  return earlier && approvalUsed(earlier);
};

/**
 * Ends an approval that no call may use any longer. When the caller repeats the call, Quater files a new approval request.
 *
 * @returns `undefined` if another process changed the approval request first. @throws {Error} in all other cases: `error`, or
 * `approval_unproven`.
 */
const end = async (
  context: ApprovalContext,
  asked: Asked,
  found: StoredRequest,
  { reason, detail, error }: { readonly reason: string; readonly detail: object; readonly error: Error },
): Promise<undefined> => {
  const { record } = found;
  const standing = await proven(context, found);
  if (standing === undefined) return undefined;
  const about = { ...madeBy(asked.call), detail: { was: "approved", ...detail } };
  const event = { fields: provenEvent("approval.expired", record.id, standing.filed, about) };
  const check = unchangedSince(record.id, standing, Number.POSITIVE_INFINITY);
  if (!(await context.write([event], (open) => [voided(open, found, reason)], check))) return undefined;
  context.tell("approval.expired", record);
  throw error;
};

/**
 * Whether the current policy and input schema are the policy and input schema of the approval request. Quater ends an outdated
 * approval request, and refuses the call.
 */
const isCurrent = async (context: ApprovalContext, asked: Asked, found: StoredRequest): Promise<boolean> => {
  const { record } = found;
  const { id } = record;
  const what = outdatedIn(asked, record);
  if (what === undefined) return true;
  const reason = what === "schema" ? "the input schema has changed" : "the policy has changed";
  await end(context, asked, found, { reason, detail: { cause: what }, error: approvalOutdated(id, what) });
  return false;
};

/** Returns the part of an approval request that has changed since Quater filed the approval request. */
export const outdatedIn = (asked: Asked, record: ApprovalRecord): "policy" | "schema" | undefined => {
  if (record.policyName !== asked.policyName || canonicalText(record.policy) !== asked.policyText) return "policy";
  return record.schema === asked.schema ? undefined : "schema";
};

/**
 * Computes the preview of a call again, and compares the new preview with the approved preview. If the previews differ, Quater
 * ends the approval request and refuses the call.
 *
 * @returns `undefined` if another process changed the approval request in the meantime.
 */
const previewed = async (context: ApprovalContext, asked: Asked, found: StoredRequest): Promise<Usable | undefined> => {
  const { record } = found;
  const { id, surface, nonce } = record;
  const preview = await previewText(asked.call);
  if (preview !== record.preview) {
    const changed = changedAt(record.preview, preview);
    const reason = `the preview has changed: ${changed.join(", ")}`;
    return end(context, asked, found, { reason, detail: { cause: "preview", changed }, error: approvalStale(id, changed) });
  }
  const digest = digestOf(boundBy(asked, { surface, preview, nonce }));
  // If the digests or the call keys differ, another program changed the row, so people approved another call than the current
  // call.
  if (digest !== record.digest || !asked.callKeys.includes(record.callKey)) throw approvalMismatch(id);
  const standing = await proven(context, found);
  if (standing === undefined) return undefined;
  // The row of an approval may contain any time, so read from the trail the time until which the approval is valid.
  if ((standing.usableUntil ?? 0) <= found.now)
    return end(context, asked, found, {
      reason: "the approval has expired",
      detail: { cause: "time" },
      error: approvalEnded(id, "expired", undefined),
    });
  return { record, digest, standing };
};

/**
 * Uses an approval and records the start of the call, in one transaction. @returns Whether the store committed the transaction.
 */
const use = async (context: ApprovalContext, asked: Asked, usable: Usable): Promise<boolean> => {
  const { call, requester, requesterText, policy } = asked;
  const { audit, store } = context.parts;
  const { record, digest, standing } = usable;
  const { callId, handler } = call;
  const open = await context.open();
  const tags = likeTagsOf((value) => audit.tagsOf(value), { ...asked, handler, args: call.inputText });
  const detail = { digest, tags: { person: tags.person, like: tags.like } };
  const event = { fields: eventOf("approval.used", record, { ...madeBy(call), principal: requester, detail }) };
  const surface = policy.anySurface ? undefined : call.surface;
  const statement = consumed(open, record.id, { callId, callKey: record.callKey, digest, handler, requesterText, surface });
  // The transaction that uses the approval also checks the lock of the call. If the operating system suspended the process after
  // the new preview, the process may have lost this lock.
  const lock = store.lockOf(callId);
  const receipt = await audit.commitStart(callId, [event], lock === undefined ? [statement] : [lock.guard, statement], {
    approvalId: record.id,
    tags,
    check: unchangedSince(record.id, standing, standing.usableUntil ?? 0),
    changesAtEnd: (outcome) => [ended(open, record.id, callId, outcomeOf(outcome))],
  });
  if ("refused" in receipt) {
    await lock?.assertHeld();
    return false;
  }
  context.tell("approval.used", record);
  const abandoned = () => void recordAbandoned(context, asked, record.id);
  if (call.cancellation.isCancelled) abandoned();
  else call.cancellation.signal.addEventListener("abort", abandoned);
  return true;
};

/**
 * Records that the caller no longer waits for the approved call. If the handler ends later, Quater also records the end of the
 * call. The function never rejects.
 */
const recordAbandoned = async (context: ApprovalContext, { call, requester }: Asked, approvalId: string): Promise<void> => {
  const { callId, handler, surface } = call;
  const fields = {
    type: "call.unknown",
    callId,
    approvalId,
    handler,
    principal: requester,
    outcome: "unknown",
    surface,
  } as const;
  try {
    await context.write([{ fields }], (open) => [lost(open, approvalId, callId)]);
  } catch (error) {
    context.parts.log.warn("The caller of an approved call disconnected, and Quater could not record this", {
      callId,
      error: String(error),
    });
  }
};
