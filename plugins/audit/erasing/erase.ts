// Runs `quater audit erase`: erases personal data from the trail and from the data of other plugins. The transaction of the
// erasure also writes the events that record the erasure. The hashes of the erased bodies stay in the chain, so the trail still
// verifies. `quater audit erase` counts rows of events that do not verify, and does not change such rows. Such a row may contain
// data of another person, and an erasure would copy a part of the row into a genuine event.

import { conflict } from "../../../core/index.ts";
import type { Catalog } from "../../../core/plugin-api.ts";
import type { OpenStore, Statement } from "../../store/service.ts";
import type { Draft } from "../log/entry.ts";
import { jsonText, type Who } from "../log/event.ts";
import { compiled, queriesOn } from "../log/queries.ts";
import { isSameName } from "../log/same-name.ts";
import { chain } from "../log/tables.ts";
import type { Trail } from "../log/trail.ts";
import { each, type ReadEvent, type TrailReader, trailIn, type Verified, verifiedRows } from "../verify/find.ts";
import { rangesOf } from "../verify/ranges.ts";
import { erasedBy, erasedRequests } from "../verify/verified.ts";
import { keptOf } from "./parts.ts";
import { type Eraser, type Erasure, type ErasureSubject, isBy, isSelected, type Selection } from "./subject.ts";

/** The most event numbers and the most bytes in one `audit.erased` event. */
const perEvent = { numbers: 300, bytes: 16 * 1024 } as const;
const perStatement = 500;
/**
 * How long `quater audit erase` waits for the commit of the erasure, milliseconds. Servers wait until this commit has ended
 * before the servers write to the trail.
 */
const withinMs = 60_000;
/** How often `quater audit erase` tries to erase, because another process may change an approval request during an attempt. */
const maxAttempts = 5;

export interface EraseParts {
  readonly trail: Trail;
  readonly store: OpenStore;
  /** The path of the key file, without which `quater audit erase` can verify no event. */
  readonly keyFile: string;
  readonly catalog: Catalog;
  readonly erasers: readonly Eraser[];
  /** Returns the keyed digest of a value, made with the current tag key. */
  readonly tagOf: (value: unknown) => string;
}

export interface EraseGiven extends Selection {
  /** Whether to erase the whole bodies of events, and not only `personal()` fields. */
  readonly isWhole: boolean;
  readonly reason: string;
  readonly principal: Who;
  /** The name of the operating system's user who runs `quater audit erase`. */
  readonly by: string;
}

/** How many rows of each kind `quater audit erase` has erased. */
export type Counts = Readonly<Record<string, number>>;

/**
 * Erases the data of a person, of a call, or of the events that a filter matches. @returns How many rows of each kind were
 * erased. @throws {QuaterError} `audit_unavailable`; `conflict` when other processes changed approval requests during each
 * attempt.
 */
export const erase = async (parts: EraseParts, given: EraseGiven): Promise<Counts> => {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const { bodies, keptWhole, erasures, unverified } = await found(parts, given);
    const counts = Object.assign({ erasedBodies: bodies.length }, ...erasures.map((each) => each.counts)) as Counts;
    const all = {
      ...counts,
      ...(keptWhole === 0 ? {} : { bodiesWithoutPersonalFields: keptWhole }),
      ...(unverified === 0 ? {} : { unverifiedEvents: unverified }),
    };
    const changes = [...statementsFor(parts.store, bodies), ...erasures.flatMap((each) => each.changes)];
    if (changes.length === 0) return all;
    const events = [...erasures.flatMap((each) => each.events), ...erasedEvents(parts, given, bodies, erasures)];
    const receipt = await parts.trail.record({ changes, events }, undefined, withinMs);
    if ("refusal" in receipt) continue;
    for (const { done } of erasures) done?.();
    return all;
  }
  return conflict("Other processes kept changing the events to erase. Nothing was erased. Repeat the command");
};

interface ErasedBody {
  readonly seq: number;
  /** The part of the event's body that the erasure keeps. */
  readonly kept: unknown;
}

const found = async (parts: EraseParts, given: EraseGiven) => {
  const { store, catalog, erasers, keyFile } = parts;
  const reader = trailIn(store, keyFile);
  const { person, filter, isWhole, principal } = given;
  const isPerson = person === undefined ? undefined : (name?: string) => name !== undefined && isSameName(name, person);
  const isAboutRequests = isPerson !== undefined || filter.call !== undefined;
  const approvalIds = {
    ofCall: filter.call === undefined ? [] : await requestsOfCall(reader, filter.call),
    voted: isPerson === undefined ? [] : await requestsBy(reader, "approval.voted", isPerson),
    revoked: isPerson === undefined ? [] : await requestsBy(reader, "approval.revoked", isPerson),
    erased: await erasedRequests(reader),
  };
  const subject: ErasureSubject = { isPerson, callId: filter.call, approvalIds, isWhole, principal };
  const erasures: Erasure[] = [];
  if (isAboutRequests) for (const eraser of erasers) erasures.push(await eraser(store, subject));
  // Find the person's requests by their events and not by their rows, because the erasure must also find the data of a request
  // whose row an attacker has deleted or changed.
  const filed = isPerson === undefined ? [] : await requestsBy(reader, "approval.filed", isPerson);
  const ids = new Set([...approvalIds.ofCall, ...filed]);
  const bodies = new Map<number, ErasedBody["kept"]>();
  let [keptWhole, unverified] = [0, 0];
  // Read one snapshot of the store, because a body that another command erases in the meantime would look like a body that
  // another program has restored.
  await store.snapshot(async (at) => {
    for await (const event of each({ ...reader, store: at }, {})) {
      if (event.unverified !== undefined) {
        unverified++;
        continue;
      }
      const { row, meta } = event;
      // If an earlier erasure names a body that exists, another program has restored the body.
      if (meta.type === "audit.erased") unverified += withoutRange(bodies, meta);
      const isOfRequest = meta.approvalId !== undefined && ids.has(meta.approvalId);
      if (row.body === null || meta.type === "audit.erased" || (!isOfRequest && !isSelected(meta, given))) continue;
      const kept = isWhole ? undefined : keptOf(catalog, meta, row.body);
      if (kept === "all") keptWhole++;
      else bodies.set(row.seq, kept);
    }
  });
  return { bodies: [...bodies].map(([seq, kept]) => ({ seq, kept })), keptWhole, erasures, unverified };
};

/** Removes from `bodies` the bodies that an earlier erasure names. @returns How many of these bodies `bodies` contained. */
const withoutRange = (bodies: Map<number, unknown>, erasure: Verified["meta"]): number => {
  let removed = 0;
  for (const [first, last] of erasedBy(erasure)) for (let seq = first; seq <= last; seq++) if (bodies.delete(seq)) removed++;
  return removed;
};

const metasOf = (rows: readonly ReadEvent[]): readonly Verified["meta"][] =>
  rows.flatMap((found) => (found.unverified === undefined ? found.meta : []));

const perPage = 1_000;

const requestsOfCall = async (reader: TrailReader, callId: string): Promise<readonly string[]> => {
  const { page, previous } = queriesOn(reader.store);
  const rows = await verifiedRows(reader, page("after", 0, perPage).select(previous).where("call_id", "=", callId));
  return [...new Set(metasOf(rows).flatMap(({ approvalId }) => approvalId ?? []))];
};

/**
 * Returns the ids of the approval requests in a person's events. This function reads events, because the row of an approval
 * request does not contain who revoked the request, and an attacker may have changed the name in the row of a vote.
 */
const requestsBy = async (
  reader: TrailReader,
  type: "approval.filed" | "approval.voted" | "approval.revoked",
  isPerson: (name: string | undefined) => boolean,
): Promise<readonly string[]> => {
  const { page, previous } = queriesOn(reader.store);
  const ids: string[] = [];
  for (let after = 0; ; ) {
    const rows = await verifiedRows(reader, page("after", after, perPage).select(previous).where("type", "=", type));
    for (const meta of metasOf(rows)) if (isBy(meta, isPerson) && meta.approvalId !== undefined) ids.push(meta.approvalId);
    const last = rows.at(-1);
    if (last === undefined) return ids;
    after = last.row.seq;
  }
};

const statementsFor = (store: OpenStore, bodies: readonly ErasedBody[]): readonly Statement[] =>
  chunksOf(
    bodies.map(({ seq }) => seq),
    perStatement,
  ).map((seqs) => ({
    ...compiled(
      queriesOn(store)
        .db.updateTable("audit_event")
        .set({ body: null, salt: null })
        .where("chain", "=", chain)
        .where("seq", "in", seqs)
        .where("body", "is not", null),
    ),
    expects: seqs.length,
  }));

/**
 * Makes the `audit.erased` events of an erasure. The events contain the numbers of the events whose bodies are erased, the ids of
 * the erased approval requests, and the kept parts of the bodies. The events contain a keyed digest of the person's name, and not
 * the name.
 */
const erasedEvents = (
  { tagOf }: EraseParts,
  { person, filter, reason, principal, by, isWhole }: EraseGiven,
  bodies: readonly ErasedBody[],
  erasures: readonly Erasure[],
): readonly Draft[] => {
  const about = {
    by,
    reason,
    ...(isWhole ? { whole: true } : {}),
    ...(person === undefined ? {} : { personTag: tagOf(person) }),
    ...(filter.call === undefined ? {} : { call: filter.call }),
  };
  const event = (more: object, kept: Readonly<Record<string, unknown>> = {}): Draft => {
    const fields = { type: "audit.erased" as const, principal, detail: { ...about, ...more } };
    return Object.keys(kept).length === 0 ? { fields } : { fields, body: jsonText({ kept }) };
  };
  const requests = erasures.flatMap((each) => each.approvalIds);
  return [
    ...chunksOf(requests, perEvent.numbers).map((approvals) => event({ approvals })),
    ...bySize(bodies).map((some) =>
      event(
        { bodies: rangesOf(some.map(({ seq }) => seq)) },
        Object.fromEntries(some.flatMap(({ seq, kept }) => (kept === undefined ? [] : [[String(seq), kept]]))),
      ),
    ),
  ];
};

const bySize = (bodies: readonly ErasedBody[]): readonly (readonly ErasedBody[])[] => {
  const groups: ErasedBody[][] = [];
  let bytes = 0;
  for (const body of bodies) {
    const size = body.kept === undefined ? 0 : Buffer.byteLength(jsonText(body.kept)) + 20;
    const last = groups.at(-1);
    if (last === undefined || last.length >= perEvent.numbers || bytes + size > perEvent.bytes) {
      groups.push([body]);
      bytes = size;
    } else {
      last.push(body);
      bytes += size;
    }
  }
  return groups;
};

const chunksOf = <Item>(items: readonly Item[], size: number): readonly (readonly Item[])[] =>
  Array.from({ length: Math.ceil(items.length / size) }, (_, index) => items.slice(index * size, (index + 1) * size));
