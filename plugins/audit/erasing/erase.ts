// `quater audit erase`: takes personal data out of the trail and out of what other plugins keep, in one transaction with the
// events that say so. The hashes of the bodies stay in the chain, so the trail still verifies.

import { type Catalog, conflict } from "../../../core/index.ts";
import type { OpenStore, Statement } from "../../store/service.ts";
import { type EventMeta, type EventRow, jsonText, type Who } from "../event.ts";
import { pageOf, unchecked } from "../find.ts";
import type { Draft } from "../ledger.ts";
import { rangesOf } from "../ranges.ts";
import { isSameName } from "../same-name.ts";
import { chain, compiled, queriesOn } from "../tables.ts";
import type { Trail } from "../trail.ts";
import { keptOf } from "./parts.ts";
import { type Eraser, type Erasure, type ErasureSubject, isBy, isSelected, type Selection } from "./subject.ts";

/** Limits of one `audit.erased` event, so that it stays small. */
const perEvent = { numbers: 300, bytes: 16 * 1024 } as const;
const perStatement = 500;
/** How long the command waits for its commit. Servers wait as long for the trail's head. */
const withinMs = 60_000;
/** How often to start again when somebody changed a request meanwhile. */
const maxAttempts = 5;

export interface EraseParts {
  readonly trail: Trail;
  readonly store: OpenStore;
  readonly catalog: Catalog;
  readonly erasers: readonly Eraser[];
  /** Audit's keyed tag of a text. */
  readonly tagOf: (value: unknown) => string;
}

export interface EraseGiven extends Selection {
  /** Erase whole bodies, not only `personal()` fields. */
  readonly isWhole: boolean;
  readonly reason: string;
  readonly principal: Who;
  /** The operating system's user. */
  readonly by: string;
}

/** How many of each kind were erased. */
export type Counts = Readonly<Record<string, number>>;

/** @throws {QuaterError} `audit_unavailable`; `conflict` when requests change faster than they can be erased. */
export const erase = async (parts: EraseParts, given: EraseGiven): Promise<Counts> => {
  for (let attempt = 0; attempt < maxAttempts; attempt++) {
    const { bodies, keptWhole, erasures } = await found(parts, given);
    const counts = Object.assign({ erasedBodies: bodies.length }, ...erasures.map((each) => each.counts)) as Counts;
    const all = keptWhole === 0 ? counts : { ...counts, bodiesWithoutPersonalFields: keptWhole };
    const changes = [...statementsFor(parts.store, bodies), ...erasures.flatMap((each) => each.changes)];
    if (changes.length === 0) return all;
    const events = [...erasures.flatMap((each) => each.events), ...erasedEvents(parts, given, bodies, erasures)];
    const receipt = await parts.trail.record({ changes, events }, undefined, withinMs);
    if ("refusal" in receipt) continue;
    for (const { done } of erasures) done?.();
    return all;
  }
  return conflict("What is to be erased was changed again and again. Nothing was erased; repeat the command");
};

interface ErasedBody {
  readonly seq: number;
  /** What is kept of it. */
  readonly kept: unknown;
}

const found = async (parts: EraseParts, given: EraseGiven) => {
  const { store, catalog, erasers } = parts;
  const { person, filter, isWhole, principal } = given;
  const isPerson = person === undefined ? undefined : (name?: string) => name !== undefined && isSameName(name, person);
  const isAboutRequests = isPerson !== undefined || filter.call !== undefined;
  const approvalIds = {
    ofCall: filter.call === undefined ? [] : await requestsOfCall(store, filter.call),
    revoked: isPerson === undefined ? [] : await requestsRevokedBy(store, isPerson),
  };
  const subject: ErasureSubject = { isPerson, callId: filter.call, approvalIds, isWhole, principal };
  const erasures: Erasure[] = [];
  if (isAboutRequests) for (const eraser of erasers) erasures.push(await eraser(store, subject));
  const ids = new Set([...approvalIds.ofCall, ...erasures.flatMap((each) => each.approvalIds)]);
  const bodies: ErasedBody[] = [];
  let keptWhole = 0;
  for await (const { row, meta } of eachWithBody(store)) {
    const isOfRequest = meta.approvalId !== undefined && ids.has(meta.approvalId);
    if (meta.type === "audit.erased" || (!isOfRequest && !isSelected(meta, given))) continue;
    const kept = isWhole ? undefined : keptOf(catalog, meta, row.body);
    if (kept === "all") keptWhole++;
    else bodies.push({ seq: row.seq, kept });
  }
  return { bodies, keptWhole, erasures };
};

interface WithBody {
  readonly row: EventRow & { readonly body: string };
  readonly meta: EventMeta;
}

const eachWithBody = async function* (store: OpenStore): AsyncGenerator<WithBody> {
  for (let next: number | undefined = 0; next !== undefined; ) {
    const page: Awaited<ReturnType<typeof pageOf>> = await pageOf(unchecked(store), {}, "after", next);
    for (const found of page.found) {
      const { body } = found.row;
      if (body !== null && found.unverified === undefined) yield { row: { ...found.row, body }, meta: found.meta };
    }
    next = page.next;
  }
};

const requestsOfCall = async (store: OpenStore, callId: string): Promise<readonly string[]> => {
  const rows = await store.read<Pick<EventRow, "meta">>(queriesOn(store).ofCall(callId));
  const ids = rows.flatMap(({ meta }) => (JSON.parse(meta) as EventMeta).approvalId ?? []);
  return [...new Set(ids)];
};

/** The row of a request does not say who revoked it. */
const requestsRevokedBy = async (
  store: OpenStore,
  isPerson: (name: string | undefined) => boolean,
): Promise<readonly string[]> => {
  const rows = await store.read<Pick<EventRow, "meta">>(
    queriesOn(store).events.select("meta").where("type", "=", "approval.revoked"),
  );
  const metas = rows.map(({ meta }) => JSON.parse(meta) as EventMeta);
  return metas.filter((meta) => isBy(meta, isPerson)).flatMap(({ approvalId }) => approvalId ?? []);
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

/** They name the erased bodies and requests, and hold what is kept. The person is named by a keyed tag alone. */
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
