// Records `call.unknown` for each open call of a dead process, because no other process can record how the call ended. This file
// first verifies the events since the start of the dead process. Without this verification, a forged `call.started` would lead to
// a genuine event about a call that never happened, and Quater would record a call as unknown if an attacker had hidden its
// `call.ended`.
//
// A database may commit a batch of a process long after the lease of the process has expired, because the process was paused, or
// was killed after the process had sent the commit. So the transaction that deletes the row of a process checks that the trail
// has no later events of the process than the events that the sweep read.

import type { ExpressionBuilder } from "kysely";
import { cut, visible } from "../../../core/diagnostics/text.ts";
import type { OpenStore, Statement } from "../../store/service.ts";
import type { LostCall } from "../service.ts";
import { readerOf, type TrailReader } from "../verify/find.ts";
import { Unverified, verifiedPages } from "../verify/verified.ts";
import type { Draft } from "./entry.ts";
import type { EventLink, EventMeta } from "./event.ts";
import { headOf } from "./head.ts";
import type { TrailKeys } from "./keys.ts";
import { compiled, queriesOn } from "./queries.ts";
import { readRows } from "./rows.ts";
import type { HeadRow, InstanceRow, Tables } from "./tables.ts";
import type { Trail } from "./trail.ts";

/** The most calls of one process that one sweep records. The next sweep records the remaining calls. */
const most = 500;

export interface SweepParts {
  readonly trail: Trail;
  readonly store: OpenStore;
  readonly keys: TrailKeys;
}

/**
 * @returns The number of calls that the sweep recorded as unknown.
 * @throws {Unverified} when events of a process do not verify. The sweep still records the calls of other processes whose events
 * verify.
 */
export const sweepUnknown = async (
  { trail, store, keys }: SweepParts,
  changesOf: (call: LostCall) => readonly Statement[] = () => [],
): Promise<number> => {
  const { db, ofInstance } = queriesOn(store);
  const gone = await store.read<InstanceRow>(
    db.selectFrom("audit_instance").selectAll().where("lease_until", "<", store.clock).where("instance", "<>", trail.instance),
  );
  const head = gone.length === 0 ? undefined : await headOf(store);
  if (head === undefined) return 0;
  const reader = readerOf(store, keys);
  let found = 0;
  let failure: unknown;
  for (const row of gone) {
    try {
      found += await sweepInstance(row, head.seq, isDamaged(row) ? [] : await openCalls(reader, head, row));
      if (isDamaged(row)) throw damaged(row);
    } catch (error) {
      // If retention has removed events in the meantime, the sweep cannot read these events. The next sweep tries again.
      if (((await headOf(store))?.floor_seq ?? 0) === head.floor_seq) failure ??= error;
    }
  }
  if (failure !== undefined) throw failure;
  return found;

  /** @param read  The number of the newest event that the sweep read to find `calls`. */
  async function sweepInstance({ instance, floor_seq }: InstanceRow, read: number, calls: readonly EventMeta[]): Promise<number> {
    if (typeof instance !== "string") return 0;
    // The condition compares the lease in the store and not the lease in JavaScript, because JavaScript rounds large numbers.
    const isGone = ({ and, eb, exists, not }: ExpressionBuilder<Tables, "audit_instance">) =>
      and([eb("instance", "=", instance), eb("lease_until", "<", store.clock), not(exists(ofInstance(instance, read)))]);
    // `expects` requires one changed row. If two processes sweep at the same time, the statement of the second process changes no
    // row, so the second process writes no event.
    const change =
      calls.length <= most
        ? db.deleteFrom("audit_instance").where(isGone)
        : db.updateTable("audit_instance").set({ floor_seq }).where(isGone);
    const metas = calls.slice(0, most);
    const receipt = await trail.record({
      changes: [{ ...compiled(change), expects: 1 }],
      events: metas.map(unknown),
      beside: () => metas.flatMap(lostCall).flatMap(changesOf),
    });
    return "seq" in receipt ? metas.length : 0;
  }
};

/**
 * Whether the row of a process is damaged. SQLite stores values of any type in a column, and SQLite and PostgreSQL store larger
 * numbers than Quater writes.
 */
const isDamaged = ({ instance, floor_seq }: InstanceRow): boolean =>
  typeof instance !== "string" || !Number.isSafeInteger(floor_seq);

const damaged = ({ instance, floor_seq }: InstanceRow): Unverified =>
  typeof instance === "string"
    ? new Unverified(
        `The row of process ${cut(visible(instance))} in audit_instance had the invalid floor_seq ${cut(visible(String(floor_seq)))}, so the calls of this process are not known. Quater deleted the row`,
      )
    : new Unverified("A row in audit_instance has a process name that is not text. Delete the row");

/** Returns the start events of a process's calls without an end event, in the order of the trail. */
const openCalls = async (
  reader: TrailReader,
  head: HeadRow,
  { instance, floor_seq }: InstanceRow,
): Promise<readonly EventMeta[]> => {
  const open = new Map<string, EventMeta>();
  for await (const page of verifiedPages(reader, await eventBefore(reader, head, floor_seq), head.seq))
    for (const { meta } of page) {
      const { type, callId } = meta;
      if (callId === undefined) continue;
      if (type === "call.started" && meta.instance === instance) open.set(callId, meta);
      else if (type === "call.ended" || type === "call.unknown") open.delete(callId);
    }
  return [...open.values()];
};

/**
 * Returns the event `seq`, or the newest event before `seq` if a restore lost event `seq`. The hash of the event after the
 * returned event covers the returned event.
 */
const eventBefore = async ({ store }: TrailReader, head: HeadRow, seq: number): Promise<EventLink> => {
  const [row] = seq <= head.floor_seq ? [] : await readRows(store, queriesOn(store).page("before", seq + 1, 1));
  return row === undefined ? { seq: head.floor_seq, hash: head.floor_hash } : { seq: row.seq, hash: row.hash };
};

const lostCall = ({ approvalId, callId }: EventMeta): LostCall[] =>
  approvalId === undefined || callId === undefined ? [] : [{ approvalId, callId }];

const unknown = ({ instance, ...started }: EventMeta): Draft => {
  const { approvalId, argsTag, callId, handler, principal, schema, surface, traceId } = started;
  const said = { approvalId, argsTag, callId, handler, principal, schema, surface, traceId };
  return { fields: { ...(said as object), type: "call.unknown", outcome: "unknown", detail: { startedBy: instance } } };
};
