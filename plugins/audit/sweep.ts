// Calls whose end nobody will record any more, because the process that ran them is gone: how they ended is unknown, and
// the trail says so.

import type { OpenStore, Statement } from "../store/service.ts";
import type { EventMeta, EventRow } from "./event.ts";
import type { Draft } from "./ledger.ts";
import type { LostCall } from "./service.ts";
import { chain, compiled, type InstanceRow, queriesOn } from "./tables.ts";
import type { Trail } from "./trail.ts";
import { metaOf } from "./verify-row.ts";

/** Calls per process and sweep; more are left for the next. */
const most = 500;

/** @returns How many calls were found. */
export const sweepUnknown = async (
  trail: Trail,
  store: OpenStore,
  changesOf: (call: LostCall) => readonly Statement[] = () => [],
): Promise<number> => {
  const { db, events } = queriesOn(store);
  const gone = await store.read<InstanceRow>(
    db.selectFrom("audit_instance").selectAll().where("lease_until", "<", store.clock).where("instance", "<>", trail.instance),
  );
  let found = 0;
  for (const { instance, lease_until, floor_seq } of gone) {
    const open = await store.read<Pick<EventRow, "meta">>(
      events
        .select("meta")
        .where("seq", ">", floor_seq)
        .where("type", "=", "call.started")
        .where("meta", "like", `%"instance":"${instance}"%`)
        .where(({ not, exists, selectFrom }) =>
          not(
            exists(
              selectFrom("audit_event as later")
                .select("later.seq")
                .where("later.chain", "=", chain)
                .whereRef("later.call_id", "=", "audit_event.call_id")
                .where("later.type", "in", ["call.ended", "call.unknown"]),
            ),
          ),
        )
        .orderBy("seq")
        .limit(most),
    );
    const isLast = open.length < most;
    const row = db.deleteFrom("audit_instance").where("instance", "=", instance).where("lease_until", "=", lease_until);
    // With the row goes the right to say it: of two that sweep at once, one finds it gone and writes nothing.
    const change = isLast
      ? row
      : db
          .updateTable("audit_instance")
          .set({ floor_seq })
          .where("instance", "=", instance)
          .where("lease_until", "=", lease_until);
    const metas = open.flatMap(({ meta }) => metaOf(meta) ?? []);
    const receipt = await trail.record({
      changes: [{ ...compiled(change), expects: 1 }],
      events: metas.map(unknown),
      beside: () => metas.flatMap(lostCall).flatMap(changesOf),
    });
    if ("seq" in receipt) found += open.length;
  }
  return found;
};

const lostCall = ({ approvalId, callId }: EventMeta): LostCall[] =>
  approvalId === undefined || callId === undefined ? [] : [{ approvalId, callId }];

const unknown = ({ instance, ...started }: EventMeta): Draft => {
  const { approvalId, argsTag, callId, handler, principal, schema, surface, traceId } = started;
  const said = { approvalId, argsTag, callId, handler, principal, schema, surface, traceId };
  return { fields: { ...(said as object), type: "call.unknown", outcome: "unknown", detail: { startedBy: instance } } };
};
