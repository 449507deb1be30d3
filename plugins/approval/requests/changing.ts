// Every change of the tables of approvals, as a SQL statement. The WHERE clause of each statement repeats all conditions of the
// change, and `expects` is the number of rows that the statement must change. audit() runs each statement in the transaction that
// writes the event about the change. Two kinds of changes have no event: filling in keys (filling.ts) and removing old approval
// requests (sweeping.ts).

import type { OpenStore, Statement } from "../../store/service.ts";
import type { ApprovalOutcome, Filed, Vote } from "../record.ts";
import type { LikenessKeys } from "./likeness.ts";
import { deniedLike, filedWithinHour, livePending, livePendingOf } from "./reading.ts";
import { database, erasedMark, isRequest, type StoredRequest } from "./tables.ts";

interface Compilable {
  compile(): { readonly sql: string; readonly parameters: readonly unknown[] };
}

/** Returns a SQL statement that may change any number of rows. */
const uncounted = (query: Compilable): Statement => {
  const { sql, parameters } = query.compile();
  return { sql, parameters };
};

/**
 * Returns a SQL statement that must change exactly one row. If the statement changes no row or several rows, the store rolls back
 * the whole transaction.
 */
const one = (query: Compilable): Statement => ({ ...uncounted(query), expects: 1 });

const update = (open: OpenStore) => database(open).updateTable("approval_request");

const updateOf = (open: OpenStore, id: string) => update(open).where("id", "=", id);

/** An approval request before Quater files it. The store's clock adds the times of the approval request. */
export type Draft = Omit<Filed, "filedAt" | "pendingUntil">;

export interface Filing {
  readonly draft: Draft;
  readonly nth: number;
  /** The `callKey` of the draft, and the same value computed with each other key in the key file. */
  readonly callKeys: readonly string[];
  readonly keys: LikenessKeys;
  readonly requesterKey: string;
  readonly requesterText: string;
  readonly policyText: string;
  /** The texts of the draft as the store contains them. The texts are encrypted if some arguments are secret. */
  readonly texts: Pick<Draft, "args" | "preview" | "nonce">;
  readonly maxPending: number;
  readonly maxFiledPerHour: number;
  readonly cooldownMs: number;
}

/**
 * Files an approval request. The statement inserts no row if a limit is reached, if people have denied a similar call within the
 * cooldown, or if an approval request for the call is already pending. One statement checks all these conditions, so two
 * processes that file at the same time cannot exceed a limit.
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

/** Changes the row of an approval request only if the row still has the version that Quater read. */
const ofVersion = (open: OpenStore, { record, version }: StoredRequest) =>
  updateOf(open, record.id)
    .set({ version: version + 1 })
    .where("version", "=", version);

const stillPending = (open: OpenStore, found: StoredRequest) =>
  ofVersion(open, found).where("state", "=", "pending").where("pending_until", ">", open.clock);

const stillApproved = (open: OpenStore, found: StoredRequest) =>
  ofVersion(open, found).where("state", "=", "approved").where("usable_until", ">", open.clock);

/** Writes `expired` into the row of an expired approval request. */
export const expired = (open: OpenStore, found: StoredRequest): Statement => {
  const until = found.stored === "pending" ? "pending_until" : "usable_until";
  return one(ofVersion(open, found).set({ state: "expired" }).where("state", "=", found.stored).where(until, "<=", open.clock));
};

/** Ends an approval before the approval expires, because the approved call has changed. */
export const voided = (open: OpenStore, found: StoredRequest, reason: string): Statement =>
  one(stillApproved(open, found).set({ state: "expired", decided_at: open.clock, reason }));

/**
 * Returns the SQL expression for the next version of a row. If Quater did not write the version in the row, the next version is
 * 1, because PostgreSQL fails to add to its largest number.
 */
const nextVersion = ({ sql }: OpenStore) =>
  sql<number>`case when version between 0 and ${sql.lit(Number.MAX_SAFE_INTEGER - 1)} then version + 1 else 1 end`;

/** Ends an open approval request that the trail does not confirm, even if the version or the times in the row are damaged. */
export const voidedUnproven = (open: OpenStore, id: string, reason: string): Statement =>
  one(
    updateOf(open, id)
      .set({ state: "expired", version: nextVersion(open), decided_at: open.clock, reason })
      .where("state", "in", ["pending", "approved"]),
  );

/**
 * Ends a row that Quater cannot read. The statement may change any number of rows, so that the contents of a damaged row cannot
 * stop the transaction.
 */
export const closedDamaged = (open: OpenStore, { record: { id, callKey } }: StoredRequest): Statement => {
  const change = update(open).set({ state: "expired", version: 1 }).where("state", "in", ["pending", "approved"]);
  const unnamed = change.where("call_key", "=", callKey).where(({ not }) => not(isRequest(open)));
  return uncounted(id === "" ? unnamed : change.where("id", "=", id));
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
    // Replace an existing row with a vote of the voter. According to the trail, the voter has not voted, so Quater did not write
    // this row.
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

/** The values that the row of an approval must have, so that a call may use the approval. */
export interface Use {
  readonly callId: string;
  readonly callKey: string;
  /** The digest of the call with the current policy, schema and preview. */
  readonly digest: string;
  readonly handler: string;
  readonly requesterText: string;
  /** The surface of the call; `undefined` if the approval policy allows any surface. */
  readonly surface: string | undefined;
}

/**
 * The only change of an approval from `approved` to `consumed`. The SQL statement repeats every condition for the use of an
 * approval, also the conditions that Quater checked before.
 */
export const consumed = (open: OpenStore, id: string, use: Use): Statement => {
  const { callId, callKey, digest, handler, requesterText, surface } = use;
  const approved = updateOf(open, id)
    .set({
      state: "consumed",
      version: nextVersion(open),
      used_call: callId,
      used_at: open.clock,
      outcome: "running",
    })
    .where("state", "=", "approved")
    .where("usable_until", ">", open.clock)
    .where("digest", "=", digest)
    .where("call_key", "=", callKey)
    .where("handler", "=", handler)
    .where("requester", "=", requesterText);
  return one(surface === undefined ? approved : approved.where("surface", "=", surface));
};

/**
 * Records the outcome of a call that used an approval. The statement may change any number of rows, because Quater must write the
 * event about the end of the call in every state of the row.
 */
export const ended = (open: OpenStore, id: string, callId: string, outcome: Exclude<ApprovalOutcome, "running">): Statement =>
  uncounted(
    updateOf(open, id)
      .set({ outcome, ended_at: open.clock })
      .where("used_call", "=", callId)
      .where("outcome", "in", ["running", "unknown"]),
  );

/** Records that the caller stopped waiting, although the approved call still runs. */
export const lost = (open: OpenStore, id: string, callId: string): Statement =>
  one(updateOf(open, id).set({ outcome: "unknown" }).where("used_call", "=", callId).where("outcome", "=", "running"));

/** The replacements for the personal data of an approval request. */
export interface ErasedTexts {
  /** The arguments as the store contains them. The arguments are encrypted if some arguments are secret. */
  readonly args: string;
  readonly requester: string;
}

/**
 * Erases personal data of an approval request, if the row still has the version that Quater read. The statement also cancels an
 * approval request that is still open.
 */
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
 * Erases the reasons of all people who voted on an approval request, or of one person. The statement may change any number of
 * rows, because some rows of votes may be damaged and must not stop the transaction.
 */
export const reasonsErased = (open: OpenStore, id: string, person?: string): Statement => {
  const change = database(open)
    .updateTable("approval_vote")
    .set({ reason: null })
    .where("id", "=", id)
    .where("reason", "is not", null);
  return uncounted(person === undefined ? change : change.where("person", "=", person));
};

/** Erases the reason why an approval request was denied or revoked. */
export const reasonErased = (open: OpenStore, found: StoredRequest): Statement =>
  one(ofVersion(open, found).set({ reason: null }));

/** Ends a row with the state "denied" that the trail does not confirm. The version in this row may be damaged. */
export const denialUnproven = (open: OpenStore, { record }: StoredRequest): Statement =>
  one(
    updateOf(open, record.id)
      .set({ state: "expired", version: nextVersion(open), reason: "the trail does not prove the denial" })
      .where("state", "=", "denied"),
  );

/** Ends an approval request that was open in the restored backup. */
export const voidedByRestore = (open: OpenStore, found: StoredRequest): Statement =>
  one(ofVersion(open, found).set({ state: "expired", decided_at: open.clock, reason: "the store was restored" }));

/**
 * Records the use of an approval that the store has lost and that a sink attests. The outcome of the call that used the lost
 * approval is unknown.
 */
export const usedBefore = (
  open: OpenStore,
  found: StoredRequest,
  { callId, at }: { readonly callId: string; readonly at: number },
): Statement => one(ofVersion(open, found).set({ state: "consumed", used_call: callId, used_at: at, outcome: "unknown" }));
