// What must hold of requests, votes, trail and effects together, also after their processes were killed.

import { join } from "node:path";
import { expect } from "vitest";
import type { RequestRow, Tables, VoteRow } from "../../../plugins/approval/requests/tables.ts";
import type { EventMeta } from "../../../plugins/audit/log/event.ts";
import { queriesOn } from "../../../plugins/audit/log/queries.ts";
import { storeSource } from "../../../plugins/audit/verify/source.ts";
import { verifySource } from "../../../plugins/audit/verify/verify-source.ts";
import { type Crowd, type Effect, effectsIn } from "./crowd.ts";

export interface Whole {
  readonly requests: readonly RequestRow[];
  readonly votes: readonly VoteRow[];
  readonly effects: readonly Effect[];
  /** Of all types. */
  readonly events: number;
}

/** At most one effect per approval (I1), none without a record (I2), one event per change (I7), and the chain verifies. */
export const expectConsistent = async (crowd: Crowd, root: string): Promise<Whole> => {
  const store = await crowd.open();
  const report = await verifySource(storeSource(store), { keyFile: join(root, ".quater/trail-keys.json") });
  expect(report?.damage).toEqual([]);
  const db = store.queries<Tables>();
  const requests = await store.read<RequestRow>(db.selectFrom("approval_request").selectAll());
  const votes = await store.read<VoteRow>(db.selectFrom("approval_vote").selectAll());
  const told = await eventsById(crowd);
  const effects = effectsIn(root);
  const users = new Map(requests.flatMap((row) => (row.used_call === null ? [] : [[row.used_call, row] as const])));

  // I1: a call uses one approval, and a handler starts once for it.
  expect(users.size).toBe(requests.filter(({ state }) => state === "consumed").length);
  expect(twice(effects.map(({ callId }) => callId))).toEqual([]);
  // Only one request of each payment was ever agreed to.
  expect(twice(effects.map(({ key }) => key))).toEqual([]);
  const odd: unknown[] = [];
  for (const { callId, key } of effects) {
    const row = users.get(callId);
    const types = (told.get(row?.id ?? "") ?? []).filter((event) => event.callId === callId).map(({ type }) => type);
    // I2: what the approval was used for is on record, and that before the call's start.
    const isRecorded = types[types.indexOf("approval.used") + 1] === "call.started" && types.includes("approval.used");
    if (!isRecorded || (JSON.parse(row?.args ?? "{}") as { key?: string }).key !== key) odd.push({ callId, key, row, types });
  }
  expect(odd).toEqual([]);

  const voteCount = new Map<string, number>();
  for (const { id } of votes) voteCount.set(id, (voteCount.get(id) ?? 0) + 1);
  const ran = new Set(effects.map(({ callId }) => callId));
  for (const row of requests) {
    const lines = (told.get(row.id) ?? []).map(said);
    const [ofCall, changes] = [true, false].map((is) => lines.filter((line) => line.startsWith("call.") === is).join(", "));
    if (changes !== changesOf(row, voteCount.get(row.id) ?? 0).join(", ")) odd.push({ row, changes });
    if (!endsOf(row, ran).includes(ofCall ?? "")) odd.push({ row, ofCall });
  }
  expect(odd).toEqual([]);
  return { requests, votes, effects, events: report?.events ?? 0 };
};

/** I7: the one way there is to each state, an event a step. */
const changesOf = ({ state }: RequestRow, votes: number): readonly string[] => [
  "approval.filed",
  ...Array.from({ length: votes }, () => "approval.voted"),
  ...(state === "approved" || state === "consumed" ? ["approval.approved"] : []),
  ...(state === "denied" ? ["approval.denied"] : []),
  ...(state === "consumed" ? ["approval.used"] : []),
];

const neverRan = "call.ended refused audit_unavailable";

/**
 * What may stand on the trail of the call that used it. A process that stood still for longer than its lease is taken for
 * dead, and ends the call all the same; a use that was committed after the two seconds that a call waits has run nothing.
 */
const endsOf = ({ outcome, used_call }: RequestRow, ran: ReadonlySet<string>): readonly string[] => {
  if (used_call === null) return [""];
  const ended = (how: string) => [`call.started, ${how}`, `call.started, call.unknown unknown, ${how}`];
  if (outcome === "unknown") return ["call.started, call.unknown unknown"];
  if (outcome === "succeeded" && ran.has(used_call)) return ended("call.ended succeeded");
  if (outcome === "failed" && !ran.has(used_call)) return ended(neverRan);
  return [];
};

const said = ({ type, outcome, errorCode }: EventMeta): string => [type, outcome, errorCode].filter(Boolean).join(" ");

/** Events that name a request, by its id, in order. */
const eventsById = async (crowd: Crowd): Promise<ReadonlyMap<string, readonly EventMeta[]>> => {
  const store = await crowd.open();
  const { events } = queriesOn(store);
  const rows = await store.read<{ meta: string }>(events.select("meta").where("meta", "like", '{"approvalId":%').orderBy("seq"));
  const found = new Map<string, EventMeta[]>();
  for (const { meta } of rows) {
    const event = JSON.parse(meta) as EventMeta;
    const before = found.get(event.approvalId ?? "");
    if (before === undefined) found.set(event.approvalId ?? "", [event]);
    else before.push(event);
  }
  return found;
};

const twice = (values: readonly string[]): readonly string[] => {
  const seen = new Set<string>();
  return values.filter((value) => seen.size === seen.add(value).size);
};
