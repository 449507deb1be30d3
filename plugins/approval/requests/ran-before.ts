// Finds out whether the same call or a similar call ran before. ran-before.ts reads the used approval requests of the same person
// and handler, on all surfaces and with all credentials, and compares their arguments. Since the earlier call, a deploy may have
// changed the input schema or the approval policy, and an operator may have rotated the keys. An attacker who can write to the
// store can also forge and delete rows of approval requests. So an earlier call counts only if the trail proves that the earlier
// call used an approval.

import { cut, visible } from "../../../core/diagnostics/text.ts";
import type { Audit } from "../../audit/service.ts";
import type { RanBefore } from "../earlier-call.ts";
import { type ApprovalRecord, type Filed, outcomeOf } from "../record.ts";
import type { ApprovalContext } from "./approval-context.ts";
import { differing } from "./differing.ts";
import { digestOf } from "./digest.ts";
import { hiddenUse } from "./hidden-uses.ts";
import { likenessKeys } from "./likeness.ts";
import { mostCompared } from "./reading.ts";

export type Compared = Pick<Filed, "app" | "handler" | "schema" | "args" | "requester"> &
  Partial<Pick<ApprovalRecord, "id" | "use">>;

/**
 * The most unproven rows for which Quater looks up the use on the trail. Each lookup is a query, and an attacker may have forged
 * many rows, so the number of lookups is limited.
 */
const mostUnproven = 20;

/**
 * @returns The earlier call, or `undefined` if Quater knows no call of the same person and handler with the same or similar
 * arguments.
 * @throws {QuaterError} if Quater cannot read the store or the trail.
 */
export const ranBefore = async ({ parts }: ApprovalContext, call: Compared): Promise<RanBefore | undefined> => {
  const { audit, reader } = parts;
  const keys = likenessKeys((value) => audit.tagsOf(value), call);
  const asked = { handler: call.handler, except: call.id, before: call.use?.at };
  // Read the trail before the rows. One transaction writes an event and its row, so each use that Quater finds on the trail now
  // also has its row.
  const known = await audit.evidence.knownUses();
  const likes = await reader.usedLike(keys.like, asked);
  const others = await reader.usedUnderOtherSchemas(keys.person, call.schema, asked);
  const identical = likes.filter(({ args }) => args === call.args);
  const newest = [...likes, ...others].sort((a, b) => (b.use?.at ?? 0) - (a.use?.at ?? 0));
  const erasedIds = newest.some(({ isErased }) => isErased) ? await audit.evidence.erasedRequests() : new Set<string>();
  const isErased = (id: string) => newest.some((record) => record.id === id && record.isErased && erasedIds.has(id));
  let unproven = 0;
  let reason: string | undefined;
  for (const record of new Set([...identical, ...newest])) {
    if (isErased(record.id)) {
      reason ??= reasons.erased;
      continue;
    }
    const fields = isAsFiled(record) ? differing(call, record) : "unreadable";
    if (fields === "unreadable") reason ??= reasons.unreadable;
    else if (fields === "unknown") reason ??= reasons.renamed;
    else if (fields !== undefined && unproven < mostUnproven) {
      const use = await provenUse(audit, record);
      if (use !== undefined) return found(fields.length === 0 ? "identical" : "similar", record.id, use, fields);
      reason ??= reasons.unproven;
      unproven++;
    }
  }
  if (others.length === mostCompared) reason ??= reasons.many;
  const isLoaded = (id: string) => newest.some((record) => record.id === id);
  const hidden = hiddenUse(known, { ...asked, schema: call.schema, keys, isLoaded, isErased });
  if (hidden !== undefined) reason = hidden.isAlike ? hidden.reason : (reason ?? hidden.reason);
  reason ??= (await reader.hasUsedOfUnknown(keys.person, asked)) ? reasons.unknown : undefined;
  return reason === undefined ? undefined : { match: "cannot_tell", reason };
};

const reasons = {
  erased: "an earlier request was erased",
  unreadable: "an earlier request cannot be read, because it was changed or its encryption key is missing",
  unproven: "the store has an earlier call that the trail does not prove",
  renamed: "an earlier call has no argument in common with this call",
  many: `only the newest ${mostCompared} calls under other input schemas were compared`,
  unknown: "the person of an earlier request is not known, because it was erased or its keys are missing",
} as const;

/**
 * Whether the row of an approval request still has the digest that people approved. The digest differs if the row was erased or
 * changed, or if Quater cannot decrypt the row.
 */
const isAsFiled = (record: ApprovalRecord): boolean => !record.isDamaged && digestOf(record) === record.digest;

type Use = NonNullable<ApprovalRecord["use"]>;

/** @returns The use of an approval according to the trail; `undefined` if row and trail disagree. */
const provenUse = async (audit: Audit, record: ApprovalRecord): Promise<Use | undefined> => {
  const { id, digest, use } = record;
  const proof = use === undefined ? undefined : await audit.evidence.proofOfUse(id, use.callId);
  if (use === undefined || proof === undefined) return undefined;
  const { tags, isLost } = proof.use;
  const isSame = isLost
    ? likenessKeys((value) => audit.tagsOf(value), record).like.includes(tags?.like ?? "")
    : proof.use.digest === digest;
  if (!isSame) return undefined;
  const outcome = proof.outcome === undefined ? "running" : outcomeOf(proof.outcome);
  // The call may have ended since Quater read the row. An outcome other than running or unknown never changes.
  if (use.outcome !== outcome && use.outcome !== "running" && use.outcome !== "unknown") return undefined;
  return { ...use, at: proof.use.at, outcome, endedAt: proof.endedAt };
};

const mostFields = 20;

const found = (match: "identical" | "similar", id: string, use: Use, fields: readonly string[]): RanBefore => ({
  match,
  id,
  callId: use.callId,
  at: use.at,
  outcome: use.outcome,
  ...(use.endedAt === undefined ? {} : { endedAt: use.endedAt }),
  fields: fields.slice(0, mostFields).map((name) => cut(visible(name))),
});
