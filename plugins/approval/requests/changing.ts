// Every change of the tables, as statements that name in their WHERE all that must still hold and say how many rows must
// change. They are run by audit, in the transaction that writes the event which tells of them; nothing else writes here.

import type { OpenStore, Statement } from "../../store/service.ts";
import type { ApprovalOutcome, Filed, Vote } from "../record.ts";
import type { LikenessKeys } from "./likeness.ts";
import { database, deniedLike, filedWithinHour, isRequest, livePending, livePendingOf } from "./reading.ts";
import { erasedMark, type StoredRequest } from "./tables.ts";

interface Compilable {
  compile(): { readonly sql: string; readonly parameters: readonly unknown[] };
}

/** Changes exactly one row. Otherwise the whole transaction is refused. */
const one = (query: Compilable): Statement => {
  const { sql, parameters } = query.compile();
  return { sql, parameters, expects: 1 };
};

/** What is filed, as far as the caller knows it: the times are the store's. */
export type Draft = Omit<Filed, "filedAt" | "pendingUntil">;

export interface Filing {
  readonly draft: Draft;
  readonly nth: number;
  /** The draft's `callKey` and what the other keys in the key file make of it. */
  readonly callKeys: readonly string[];
  readonly keys: LikenessKeys;
  readonly requesterKey: string;
  readonly requesterText: string;
  readonly policyText: string;
  /** As they are stored: sealed where there are secrets among them. */
  readonly texts: Pick<Draft, "args" | "preview" | "nonce">;
  readonly maxPending: number;
  readonly maxFiledPerHour: number;
  readonly cooldownMs: number;
}

/**
 * Inserts nothing when a limit is reached, when people have just denied a call that looks the same, or when the call is
 * pending already. All of it is decided in this statement, so that two processes that file at once keep the limits together.
 */
export const filed = (open: OpenStore, filing: Filing): Statement => {
  const { draft, nth, callKeys, keys, requesterKey, requesterText, policyText, texts } = filing;
  const { maxPending, maxFiledPerHour, cooldownMs } = filing;
  const { clock, sql } = open;
  const db = database(open);
  const values = {
    id: draft.id,
    call_key: draft.callKey,
    digest: draft.digest,
    app: draft.app,
    handler: draft.handler,
    schema: draft.schema,
    args: texts.args,
    requester: requesterText,
    requester_key: requesterKey,
    person_key: keys.person[0] ?? "",
    like_key: keys.like[0] ?? "",
    surface: draft.surface,
    policy_name: draft.policyName,
    policy: policyText,
    nonce: texts.nonce,
    call_id: draft.callId,
    state: "pending",
  };
  const names = Object.keys(values) as (keyof typeof values)[];
  return one(
    db
      .insertInto("approval_request")
      .columns([...names, "preview", "nth", "version", "format", "filed_at", "pending_until"])
      .expression(
        db
          .selectNoFrom([
            ...names.map((name) => sql<string>`cast(${values[name]} as text)`.as(name)),
            sql<string | null>`cast(${texts.preview ?? null} as text)`.as("preview"),
            sql<number>`cast(${nth} as bigint)`.as("nth"),
            sql<number>`cast(1 as bigint)`.as("version"),
            sql<number>`cast(2 as bigint)`.as("format"),
            clock.as("filed_at"),
            sql<number>`${clock} + ${draft.policy.pendingForMs}`.as("pending_until"),
          ])
          .where(livePending(open, requesterKey), "<", maxPending)
          .where(filedWithinHour(open, keys.person), "<", maxFiledPerHour)
          .where(({ exists, not }) => not(exists(deniedLike(open, keys.like, cooldownMs).select("id"))))
          .where(({ exists, not }) => not(exists(livePendingOf(open, callKeys).select("id")))) as never,
      ),
  );
};

/** From exactly the version that was read. */
const ofVersion = (open: OpenStore, { record, version }: StoredRequest) =>
  database(open)
    .updateTable("approval_request")
    .set({ version: version + 1 })
    .where("id", "=", record.id)
    .where("version", "=", version);

const stillPending = (open: OpenStore, found: StoredRequest) =>
  ofVersion(open, found).where("state", "=", "pending").where("pending_until", ">", open.clock);

const stillApproved = (open: OpenStore, found: StoredRequest) =>
  ofVersion(open, found).where("state", "=", "approved").where("usable_until", ">", open.clock);

/** A row whose time has run out says so. */
export const expired = (open: OpenStore, found: StoredRequest): Statement => {
  const until = found.stored === "pending" ? "pending_until" : "usable_until";
  return one(ofVersion(open, found).set({ state: "expired" }).where("state", "=", found.stored).where(until, "<=", open.clock));
};

/** Ended before its time, because what was agreed to is no more. */
export const voided = (open: OpenStore, found: StoredRequest, reason: string): Statement =>
  one(stillApproved(open, found).set({ state: "expired", decided_at: open.clock, reason }));

/** One more; or 1 in place of a number that Quater did not write, because PostgreSQL refuses to add to its largest. */
const nextVersion = ({ sql }: OpenStore) =>
  sql<number>`case when version between 0 and ${sql.lit(Number.MAX_SAFE_INTEGER - 1)} then version + 1 else 1 end`;

/** Ended by Quater itself. Version and time of the row do not matter. */
export const voidedUnproven = (open: OpenStore, id: string, reason: string): Statement =>
  one(
    database(open)
      .updateTable("approval_request")
      .set({ state: "expired", version: nextVersion(open), decided_at: open.clock, reason })
      .where("id", "=", id)
      .where("state", "in", ["pending", "approved"]),
  );

/** Ends a row that cannot be read. Uncounted: nothing else may depend on what stands in it. */
export const closedDamaged = (open: OpenStore, { record: { id, callKey } }: StoredRequest): Statement => {
  const change = database(open)
    .updateTable("approval_request")
    .set({ state: "expired", version: 1 })
    .where("state", "in", ["pending", "approved"]);
  const unnamed = change.where("call_key", "=", callKey).where(({ not }) => not(isRequest(open)));
  const named = id === "" ? unnamed : change.where("id", "=", id);
  const { sql, parameters } = named.compile();
  return { sql, parameters };
};

export type CastVote = Omit<Vote, "at">;

export const voted = (
  open: OpenStore,
  found: StoredRequest,
  vote: CastVote,
  decision: "approved" | "denied" | undefined,
): Statement[] => {
  const { usableForMs } = found.record.policy;
  const pending = stillPending(open, found).where("digest", "=", found.record.digest);
  const change =
    decision === undefined
      ? pending
      : decision === "denied"
        ? pending.set({ state: "denied", decided_at: open.clock, reason: vote.reason ?? null })
        : pending.set((eb) => ({
            state: "approved" as const,
            decided_at: open.clock,
            usable_until: eb(open.clock, "+", usableForMs),
          }));
  const { person, roles, ...rest } = vote;
  const cast = { ...rest, roles: JSON.stringify(roles), reason: vote.reason ?? null, at: open.clock };
  return [
    one(change),
    // The trail decides who has voted. A row that is there already was written by something else than Quater.
    one(
      database(open)
        .insertInto("approval_vote")
        .values({ id: found.record.id, person, ...cast })
        .onConflict((conflict) => conflict.columns(["id", "person"]).doUpdateSet(cast)),
    ),
  ];
};

export const revoked = (open: OpenStore, found: StoredRequest, reason: string | undefined): Statement =>
  one(stillApproved(open, found).set({ state: "revoked", decided_at: open.clock, reason: reason ?? null }));

export const cancelled = (open: OpenStore, found: StoredRequest): Statement =>
  one(
    (found.stored === "pending" ? stillPending(open, found) : stillApproved(open, found)).set({
      state: "cancelled",
      decided_at: open.clock,
    }),
  );

/** What a call must match to use an approval up. */
export interface Use {
  readonly callId: string;
  readonly callKey: string;
  /** Worked out anew from the call, the policy, the schema and the preview as they are now. */
  readonly digest: string;
  readonly handler: string;
  readonly requesterText: string;
  /** Of the call; the policy may leave it open. */
  readonly surface: string | undefined;
}

/** The only way from approved to consumed. It has every condition, also those that were checked before. */
export const consumed = (open: OpenStore, id: string, use: Use): Statement => {
  const { callId, callKey, digest, handler, requesterText, surface } = use;
  const approved = database(open)
    .updateTable("approval_request")
    .set({
      state: "consumed",
      version: nextVersion(open),
      used_call: callId,
      used_at: open.clock,
      outcome: "running",
    })
    .where("id", "=", id)
    .where("state", "=", "approved")
    .where("usable_until", ">", open.clock)
    .where("digest", "=", digest)
    .where("call_key", "=", callKey)
    .where("handler", "=", handler)
    .where("requester", "=", requesterText);
  return one(surface === undefined ? approved : approved.where("surface", "=", surface));
};

/** How the call ended that used it. Uncounted: the end is recorded for any state of the row. */
export const ended = (open: OpenStore, id: string, callId: string, outcome: Exclude<ApprovalOutcome, "running">): Statement => {
  const change = database(open)
    .updateTable("approval_request")
    .set({ outcome, ended_at: open.clock })
    .where("id", "=", id)
    .where("used_call", "=", callId)
    .where("outcome", "in", ["running", "unknown"]);
  const { sql, parameters } = change.compile();
  return { sql, parameters };
};

/** Nobody waits for the call any more while it runs on. */
export const lost = (open: OpenStore, id: string, callId: string): Statement =>
  one(
    database(open)
      .updateTable("approval_request")
      .set({ outcome: "unknown" })
      .where("id", "=", id)
      .where("used_call", "=", callId)
      .where("outcome", "=", "running"),
  );

/** What replaces the personal data of a request. */
export interface ErasedTexts {
  /** As they are stored: sealed where there are secrets among them. */
  readonly args: string;
  readonly requester: string;
}

/** Erases personal data from exactly the version that was read, and ends a request that was still open. */
export const erased = (open: OpenStore, found: StoredRequest, { args, requester }: ErasedTexts): Statement => {
  const change = ofVersion(open, found).set({
    args,
    requester,
    requester_key: erasedMark,
    like_key: null,
    nonce: erasedMark,
    preview: null,
    reason: null,
  });
  const isOpen = found.stored === "pending" || found.stored === "approved";
  return one(isOpen ? change.set({ state: "cancelled", decided_at: open.clock }) : change);
};

/**
 * Erases the reasons of all people who voted on a request, or of one. Uncounted: rows of votes that cannot be read are not counted
 * with the others, and must not stop it.
 */
export const reasonsErased = (open: OpenStore, id: string, person?: string): Statement => {
  const change = database(open)
    .updateTable("approval_vote")
    .set({ reason: null })
    .where("id", "=", id)
    .where("reason", "is not", null);
  const { sql, parameters } = (person === undefined ? change : change.where("person", "=", person)).compile();
  return { sql, parameters };
};

/** Erases the reason why a request was denied or revoked. */
export const reasonErased = (open: OpenStore, found: StoredRequest): Statement =>
  one(ofVersion(open, found).set({ reason: null }));

/** Ends a row that says "denied" although the trail does not. Its version may be damaged. */
export const denialUnproven = (open: OpenStore, { record }: StoredRequest): Statement =>
  one(
    database(open)
      .updateTable("approval_request")
      .set({ state: "expired", version: nextVersion(open), reason: "the trail does not prove its denial" })
      .where("id", "=", record.id)
      .where("state", "=", "denied"),
  );

/** Ends a request that was open when the store was dumped. */
export const voidedByRestore = (open: OpenStore, found: StoredRequest): Statement =>
  one(ofVersion(open, found).set({ state: "expired", decided_at: open.clock, reason: "the store was restored" }));

/** Records the use of an approval that the store lost and a sink attests. How the call ended is not known. */
export const usedBefore = (
  open: OpenStore,
  found: StoredRequest,
  { callId, at }: { readonly callId: string; readonly at: number },
): Statement => one(ofVersion(open, found).set({ state: "consumed", used_call: callId, used_at: at, outcome: "unknown" }));
