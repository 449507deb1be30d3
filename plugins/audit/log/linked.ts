// The linked events of the trail. Linked events are read backward from the head, by their links, and each event is verified. Each
// process keeps the newest linked events in memory, so that a decision reads only the events that other processes have written
// since then.

import type { Draft, Position } from "./entry.ts";
import { type EventLink, type EventMeta, isLinked } from "./event.ts";
import { type Evidence, filedFields, type Standing, standingOf, type Told } from "./evidence.ts";
import { DamagedHead, otherHistory } from "./head.ts";
import type { KeyRing } from "./key-ring.ts";
import { LinkedPages } from "./linked-pages.ts";
import type { TrailQueries } from "./queries.ts";
import type { RowSource } from "./rows.ts";
import { type HeadRow, newestLinked } from "./tables.ts";

const pageRows = 200;
/**
 * The longest time that an event can matter, milliseconds: a request waits for people for at most 7 days, and its approval can be
 * used for at most one more day. Events about approvals that are younger than this time stay in memory. `retentionDays` has no influence on this.
 */
export const reachMs = 9 * 86_400_000;
/** Events older than `reachMs` are kept in memory only while there are fewer than this many. */
const forgetFrom = 10_000;

/** The linked events in memory: all events after `next`, up to and including `newest`. */
interface Known {
  readonly newest: EventLink;
  /** The newest linked event that is not in memory yet. Reading goes back from here. */
  readonly next: EventLink;
  /** Whether earlier events cannot be read, or can no longer matter. */
  readonly isEnd: boolean;
  readonly byRequest: Map<string, Told[]>;
}

export class LinkedEvents {
  readonly #pages: LinkedPages;
  #known: Known;
  #forgetAt = forgetFrom;

  /**
   * @param ring  The key file may get more keys while the process runs.
   * @param newest  The newest linked event in the first head that the process read. The links of later events must lead back to
   * `newest`.
   */
  constructor(queries: TrailQueries, ring: Pick<KeyRing, "current" | "reload">, newest: EventLink) {
    this.#pages = new LinkedPages(queries, ring);
    this.#known = since(newest);
  }

  /** Returns the state of a request by the events in memory. */
  standing(approvalId: string): Standing | undefined {
    return standingOf(this.#known.byRequest.get(approvalId) ?? []);
  }

  /**
   * Reads the events that were written since the last call of this function. The links of the new events must lead back to the
   * newest event in memory. If the links do not lead back, the store was set back, and the event that ended a request may be
   * lost.
   *
   * @param isLocked  Whether the head is locked: no other process can write, so the head is the newest one.
   * @throws {DamagedHead} when an event in between is gone or does not verify.
   * @throws {SetBack} when the links lead past the events in memory.
   * @throws {MissingKey} when an event names a key that the key file does not have.
   */
  async catchUp(rows: RowSource, head: HeadRow, isLocked: boolean): Promise<void> {
    const newest = newestLinked(head);
    const before = this.#known;
    if (isSame(before.newest, newest)) return;
    // This head was read before this process wrote again, so the events in memory are newer.
    if (!isLocked && newest.seq < before.newest.seq) return;
    const added: Told[] = [];
    let next = newest;
    while (next.seq > before.newest.seq && next.seq > head.floor_seq) {
      const page: Page = await this.#page(rows, head, next, before.newest.seq);
      added.push(...page.told);
      if (page.isBroken || page.told.length === 0) {
        // Without the lock, events may be pruned at this moment. Decisions that depend on these events are made under the lock.
        if (!isLocked) return;
        throw new DamagedHead(`The trail is damaged: the approval event ${page.next.seq} is missing or was changed`);
      }
      next = page.next;
    }
    if (this.#known !== before) {
      // Another call read events in the meantime, and perhaps fewer. A decision inside the transaction needs all events.
      if (isLocked) await this.catchUp(rows, head, isLocked);
      return;
    }
    // The events in between were pruned, so requests that are older than the pruned events cannot be used any more.
    if (next.seq > before.newest.seq) {
      this.#known = since(newest);
      return;
    }
    if (!isSame(next, before.newest)) throw otherHistory(before.newest.seq);
    for (const told of added.reverse()) append(before.byRequest, told);
    this.#known = { ...before, newest };
    this.#forget(before.byRequest);
  }

  /**
   * Reads back until the filing event of a request is found, or the events end. Call this function outside of the writer's
   * transaction.
   *
   * @throws {MissingKey} when an event names a key that the key file does not have.
   */
  async reach(rows: RowSource, head: HeadRow, approvalId: string): Promise<Standing | undefined> {
    await this.catchUp(rows, head, false);
    for (;;) {
      const known = this.#known;
      const standing = this.standing(approvalId);
      if (standing !== undefined || known.isEnd) return standing;
      const page = await this.#page(rows, head, known.next, 0);
      if (this.#known !== known) continue;
      for (const told of page.told) prepend(known.byRequest, told);
      const oldest = page.told.at(-1);
      const isOld = oldest === undefined || oldest.at < Date.now() - reachMs || oldest.type === "store.restored";
      this.#known = { ...known, next: page.next, isEnd: page.isBroken || isOld || page.next.seq === 0 };
    }
  }

  /** Adds events that this process has written. */
  add(before: EventLink, metas: readonly EventMeta[], newest: EventLink): void {
    const known = this.#known;
    if (metas.length === 0 || !isSame(known.newest, before)) return;
    for (const meta of metas) append(known.byRequest, toldBy(meta));
    this.#known = { ...known, newest };
    this.#forget(known.byRequest);
  }

  #forget(byRequest: Map<string, Told[]>): void {
    if (byRequest.size < this.#forgetAt) return;
    const before = Date.now() - reachMs;
    for (const [id, told] of byRequest) if ((told.at(-1)?.at ?? 0) < before) byRequest.delete(id);
    this.#forgetAt = Math.max(forgetFrom, 2 * byRequest.size);
  }

  async #page(rows: RowSource, head: HeadRow, from: EventLink, above: number): Promise<Page> {
    const { metas, next, isBroken } = await this.#pages.before(rows, head, from, above, pageRows);
    return { told: metas.map(toldBy), next, isBroken };
  }
}

interface Page {
  /** The events of a request, newest first. */
  readonly told: readonly Told[];
  readonly next: EventLink;
  readonly isBroken: boolean;
}

/** Evidence that includes the earlier entries of the same batch. */
export class BatchEvidence implements Evidence {
  readonly #linked: LinkedEvents;
  readonly #pending = new Map<string, number>();

  constructor(linked: LinkedEvents) {
    this.#linked = linked;
  }

  /** Counts as one more event, so that a decision that was based on the state before is made again. */
  readonly standing = (approvalId: string): Standing | undefined => {
    const standing = this.#linked.standing(approvalId);
    const pending = this.#pending.get(approvalId) ?? 0;
    return standing === undefined || pending === 0 ? standing : { ...standing, events: standing.events + pending };
  };

  /** @param at  The beginning of the batch. Only the ids of requests are taken from its events. */
  add(drafts: readonly Draft[], at: Position): void {
    for (const { fields } of drafts) {
      const { approvalId, type } = typeof fields === "function" ? fields(at) : fields;
      if (approvalId === undefined || !isLinked(type)) continue;
      this.#pending.set(approvalId, (this.#pending.get(approvalId) ?? 0) + 1);
    }
  }
}

/** Returns the state before any event was read. */
const since = (newest: EventLink): Known => ({ newest, next: newest, isEnd: newest.seq === 0, byRequest: new Map() });

const isSame = (one: EventLink, other: EventLink): boolean => one.seq === other.seq && one.hash === other.hash;

const toldBy = ({ type, seq, at, approvalId, principal, detail, ...rest }: EventMeta): Told => ({
  ...(type === "approval.filed" ? filedFields(rest) : {}),
  type,
  seq,
  at,
  detail,
  ...(approvalId === undefined ? {} : { approvalId }),
  ...(principal === undefined ? {} : { principal }),
});

const append = (all: Map<string, Told[]>, told: Told): void => {
  const { approvalId } = told;
  // A restore voids every request that was filed before the restore, so remove these requests from memory.
  if (told.type === "store.restored") all.clear();
  if (approvalId === undefined) return;
  const known = all.get(approvalId);
  if (known === undefined) all.set(approvalId, [told]);
  else known.push(told);
};

const prepend = (all: Map<string, Told[]>, told: Told): void => {
  const { approvalId } = told;
  if (approvalId !== undefined) all.set(approvalId, [told, ...(all.get(approvalId) ?? [])]);
};
