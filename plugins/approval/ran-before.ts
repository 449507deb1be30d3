// "Did this already run?" Looks for used requests of the same person and handler, over all surfaces and credentials, and
// compares arguments. A deploy may have changed the input schema or the policy since, and the keys may have been rotated.

import { cut, visible } from "../../core/index.ts";
import { differing } from "./differing.ts";
import { digestOf } from "./digest.ts";
import type { Ground } from "./ground.ts";
import { likenessKeys } from "./likeness.ts";
import { mostCompared } from "./reading.ts";
import type { ApprovalRecord, Filed } from "./record.ts";

export type RanBefore =
  | {
      /**
       * `identical`: the same arguments. `similar`: the arguments that both input schemas have are the same, or look the same
       * to people; `fields` differ.
       */
      readonly match: "identical" | "similar";
      /** Of the approval request. */
      readonly id: string;
      readonly callId: string;
      /** Milliseconds since the epoch. */
      readonly at: number;
      readonly outcome: string;
      /** The arguments that differ, or that only one of the two calls has: see differing.ts. Printable. */
      readonly fields: readonly string[];
    }
  /** There are earlier calls that cannot be compared. */
  | { readonly match: "cannot_tell"; readonly reason: string };

export type Compared = Pick<Filed, "app" | "handler" | "schema" | "args" | "requester"> &
  Partial<Pick<ApprovalRecord, "id" | "use">>;

/** @returns `undefined` when no call of this person and handler with these arguments is known. */
export const ranBefore = async ({ parts }: Ground, call: Compared): Promise<RanBefore | undefined> => {
  const { audit, reader } = parts;
  const keys = likenessKeys((value) => audit.tagsOf(value), call);
  const asked = { handler: call.handler, except: call.id, before: call.use?.at };
  const likes = await reader.usedLike(keys.like, asked);
  const identical = likes.find(({ args }) => args === call.args);
  if (identical !== undefined && isAsFiled(identical)) return found("identical", identical, []);
  const others = await reader.usedUnderOtherSchemas(keys.person, call.schema, asked);
  let reason: string | undefined;
  for (const record of [...likes, ...others].sort((a, b) => (b.use?.at ?? 0) - (a.use?.at ?? 0))) {
    if (!isAsFiled(record)) {
      reason ??= record.isErased ? reasons.erased : reasons.unreadable;
      continue;
    }
    const fields = differing(call, record);
    if (fields === "unknown") reason ??= reasons.renamed;
    else if (fields !== undefined) return found(fields.length === 0 ? "identical" : "similar", record, fields);
  }
  if (others.length === mostCompared) reason ??= reasons.many;
  reason ??= (await reader.hasUsedOfUnknown(keys.person, asked)) ? reasons.unknown : undefined;
  return reason === undefined ? undefined : { match: "cannot_tell", reason };
};

const reasons = {
  erased: "an earlier request was erased",
  unreadable: "an earlier request cannot be read: it was changed, or the key that sealed it is gone",
  renamed: "an earlier call has no argument in common with this one",
  many: `only the newest ${mostCompared} calls under other input schemas were compared`,
  unknown: "the person of an earlier request is not known: it was erased, or its keys are gone",
} as const;

/** What was erased or changed, or cannot be opened any more, has another digest than the one that people agreed to. */
const isAsFiled = (record: ApprovalRecord): boolean =>
  !record.isErased && !record.isDamaged && digestOf(record) === record.digest;

const mostFields = 20;

const found = (match: "identical" | "similar", { id, use }: ApprovalRecord, fields: readonly string[]): RanBefore => ({
  match,
  id,
  callId: use?.callId ?? "",
  at: use?.at ?? 0,
  outcome: use?.outcome ?? "unknown",
  fields: fields.slice(0, mostFields).map((name) => cut(visible(name))),
});

/** One sentence without a full stop, for people and models. */
export const ranBeforeInWords = (before: RanBefore): string => {
  if (before.match === "cannot_tell") return `Whether this call ran before cannot be told: ${before.reason}`;
  const { match, id, callId, at, outcome, fields } = before;
  const which = match === "identical" ? "An identical call" : "A similar call";
  const how =
    outcome === "running" ? "and is still running" : outcome === "unknown" ? "and its outcome is unknown" : `and ${outcome}`;
  const names = match === "similar" ? `; these fields differ: ${fields.join(", ")}` : "";
  return `${which} ran before, at ${new Date(at).toISOString()}, ${how} (call ${callId}, approval ${id})${names}`;
};
