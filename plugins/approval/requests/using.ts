// The approve hook. What a repeated call is answered by the state of the newest request for it, and the one way in which
// an approved one is used up: as the last act before the handler, once.

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
  approvalUnavailable,
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
} from "./approval-context.ts";
import { consumed, ended, lost, voided } from "./changing.ts";
import { digestOf } from "./digest.ts";
import { file, previewText, required, usedBy } from "./filing.ts";
import { likeTagsOf } from "./likeness.ts";
import { changedAt } from "./preview-changes.ts";
import { isDenied, proven } from "./proving.ts";
import type { StoredRequest } from "./tables.ts";

/** How often to retry when another process changed the request first. Beyond this, give up with 503. */
const attempts = 10;

export const approve = async (
  context: ApprovalContext,
  plan: HandlerTerms,
  call: Authorized,
): Promise<HookAnswer<ApprovalAnswer>> => {
  const asked = askedOf(context, plan, call);
  let found = await judged(context, asked);
  return {
    allow: true,
    // Runs under the handler's lock: no other call of that lock runs between the preview, the use and the handler.
    consume: async (): Promise<true> => {
      for (let attempt = 0; attempt < attempts; attempt++) {
        const usable = await previewed(context, asked, found);
        if (usable !== undefined && (await use(context, asked, usable))) return true;
        found = await judged(context, asked);
      }
      throw approvalUnavailable(new Error("The approval was changed again and again"));
    },
  };
};

/** Over a surface that the exposure leaves out: nobody is asked, and the call's start is recorded all the same. */
export const ungated = (context: ApprovalContext, { callId }: Authorized): HookAnswer<ApprovalAnswer> => ({
  allow: true,
  consume: async () => {
    await context.parts.audit.commitStart(callId, [], []);
    return true;
  },
});

/** A request that is approved and still says what the call would do. */
interface Usable {
  readonly record: ApprovalRecord;
  /** Worked out from the call as it is now. */
  readonly digest: string;
  /** What the trail proves of it. */
  readonly standing: Standing;
}

/**
 * By the table of states in docs/guides/approvals.md. Checks everything but the preview.
 *
 * @throws {QuaterError} unless it may be used.
 */
const judged = async (context: ApprovalContext, asked: Asked): Promise<StoredRequest> => {
  const { approvalId } = asked.call;
  for (let attempt = 0; attempt < attempts; attempt++) {
    const found =
      approvalId === undefined ? await context.parts.reader.newest(asked.callKeys) : await named(context, asked, approvalId);
    if (found?.record.state === "approved") {
      if (await isCurrent(context, asked, found)) return found;
    } else {
      await answer(context, asked, found, approvalId !== undefined);
    }
  }
  throw approvalUnavailable(new Error("The approval was changed again and again"));
};

/** Finds the request with this id, if it belongs to this caller, surface and handler. The answer is the same for unknown ids. */
const named = async (context: ApprovalContext, { call, requesterText }: Asked, id: string): Promise<StoredRequest> => {
  const found = await context.parts.reader.byId(id);
  if (found === undefined) throw approvalNotFound();
  const { handler, requester, surface, policy, args } = found.record;
  const isOwn = handler === call.handler && canonicalText(requester) === requesterText;
  if (!isOwn || (surface !== call.surface && !policy.anySurface)) throw approvalNotFound();
  if (args !== call.inputText) throw approvalMismatch(id);
  return found;
};

/** Everything but approved. @returns When somebody else was faster. */
const answer = async (
  context: ApprovalContext,
  asked: Asked,
  found: StoredRequest | undefined,
  isNamed: boolean,
): Promise<void> => {
  if (found === undefined) return file(context, asked, undefined);
  const { record, now } = found;
  const { id, state, reason, decidedAt = 0 } = record;
  switch (state) {
    case "pending":
      throw await required(context, found);
    case "denied": {
      if (!(await isDenied(context, found))) return;
      const leftMs = decidedAt + context.parts.cooldownMs - now;
      if (leftMs > 0) throw approvalDenied(id, reason, Math.ceil(leftMs / 1000));
      if (isNamed) throw approvalDenied(id, reason);
      break;
    }
    case "consumed": {
      // Of a process that ran one call and was killed: nobody may be left but this one to say so.
      if (record.use?.outcome === "running" && (await context.parts.audit.sweepLost()) > 0) return;
      const earlier = usedBy(record);
      if (isNamed && earlier !== undefined) throw approvalUsed(earlier);
      break;
    }
    case "expired":
    case "cancelled":
    case "revoked":
      if (isNamed) throw approvalEnded(id, state, reason);
  }
  return file(context, asked, found);
};

/**
 * Ends an approval that must not be used any more, so that the next repeat files a new request.
 *
 * @returns `undefined` when another process changed it first. @throws {Error} otherwise: `error`, or `approval_unproven`.
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

/** Whether policy and input schema are those of the request. An outdated request is ended, and the call is refused. */
const isCurrent = async (context: ApprovalContext, asked: Asked, found: StoredRequest): Promise<boolean> => {
  const { record } = found;
  const { id } = record;
  const isPolicySame = record.policyName === asked.policyName && canonicalText(record.policy) === asked.policyText;
  if (isPolicySame && record.schema === asked.schema) return true;
  const what = isPolicySame ? "schema" : "policy";
  const reason = isPolicySame ? "the input schema has changed" : "the policy has changed";
  await end(context, asked, found, { reason, detail: { cause: what }, error: approvalOutdated(id, what) });
  return false;
};

/**
 * Computes the preview again and compares it with the approved one. A stale request is ended, and the call is refused.
 *
 * @returns `undefined` when another process changed the request meanwhile.
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
  // The row was written to by something else than Quater: it is not what people were shown.
  if (digest !== record.digest || !asked.callKeys.includes(record.callKey)) throw approvalMismatch(id);
  const standing = await proven(context, found);
  if (standing === undefined) return undefined;
  // A row may name any time. The trail names the time until which the approval was given.
  if ((standing.usableUntil ?? 0) <= found.now)
    return end(context, asked, found, {
      reason: "its time has run out",
      detail: { cause: "time" },
      error: approvalEnded(id, "expired", undefined),
    });
  return { record, digest, standing };
};

/** @returns Whether the approval is used up now, and the call's start is on record with it. */
const use = async (context: ApprovalContext, asked: Asked, usable: Usable): Promise<boolean> => {
  const { call, requester, requesterText, policy } = asked;
  const { audit, log, store } = context.parts;
  const { record, digest, standing } = usable;
  const { callId, handler } = call;
  const open = await context.open();
  const tags = likeTagsOf((value) => audit.tagsOf(value), { ...asked, handler, args: call.inputText });
  const detail = { digest, tags: { person: tags.person, like: tags.like } };
  const event = { fields: eventOf("approval.used", record, { ...madeBy(call), principal: requester, detail }) };
  const surface = policy.anySurface ? undefined : call.surface;
  const statement = consumed(open, record.id, { callId, callKey: record.callKey, digest, handler, requesterText, surface });
  // In the same transaction: a process that stood still may have lost the lock since it computed the preview.
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
  const abandoned = () => {
    // Its end is still recorded when it comes; until then nobody knows.
    const fields = {
      type: "call.unknown" as const,
      callId,
      approvalId: record.id,
      handler,
      principal: requester,
      outcome: "unknown" as const,
    };
    context
      .write([{ fields: { ...fields, surface: call.surface } }], () => [lost(open, record.id, callId)])
      .catch((error: unknown) =>
        log.warn("That nobody waits for a call any more could not be recorded", { callId, error: String(error) }),
      );
  };
  if (call.cancellation.isCancelled) abandoned();
  else call.cancellation.signal.addEventListener("abort", abandoned);
  return true;
};
