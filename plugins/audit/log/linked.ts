// The linked events of the trail. This file reads linked events backward from the head, by the links of the events, and verifies
// each event. Each process keeps the newest linked events in memory. So before a decision about an approval, a process reads only
// the events that other processes have added.

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
 * The longest time for which an event can influence a decision, milliseconds. A request waits for votes for at most 7 days, and
 * its approval can be used for at most one more day. Younger linked events stay in memory, independent of `retentionDays`.
 */
export const reachMs = 9 * 86_400_000;
/**
 * The number of approval requests in memory from which Quater removes old requests from memory. The events of old requests are
 * older than `reachMs`.
 */
const forgetFrom = 10_000;

/** The linked events in memory: all linked events after `next`, up to and including `newest`. */
interface Known {
  readonly newest: EventLink;
  /**
   * The newest linked event that is not in memory yet. The next reading begins with this event and continues with older events.
   */
  readonly next: EventLink;
  /** Whether Quater cannot read earlier linked events, or earlier events can no longer influence a decision. */
  readonly isEnd: boolean;
  readonly byRequest: Map<string, Told[]>;
}

export class LinkedEvents {
  readonly #pages: LinkedPages;
  #known: Known;
  #forgetAt = forgetFrom;

  /**
   * @param ring  The keys of the trail. The key file may get more keys while the process runs.
   * @param newest  The newest linked event in the first head that this process has read. The links of later events must lead back
   * to `newest`.
   */
  constructor(queries: TrailQueries, ring: Pick<KeyRing, "current" | "reload">, newest: EventLink) {
    this.#pages = new LinkedPages(queries, ring);
    this.#known = since(newest);
  }

  /** Returns the state of an approval request according to the events in memory. */
  standing(approvalId: string): Standing | undefined {
    return standingOf(this.#known.byRequest.get(approvalId) ?? []);
  }

  /**
   * Reads the linked events that were written since the last call of this function. The links of the new events must lead back to
   * the newest event in memory. If the links do not lead back, the store was set back, and the store may have lost the event that
   * ended a request.
   *
   * @param isLocked  Whether the transaction has locked the head, so that no other process can write and `head` is the newest
   * head.
   * @throws {DamagedHead} when a linked event between the new events and the events in memory is missing or does not verify.
   * @throws {SetBack} when the links of new events do not lead back to the newest event in memory.
   * @throws {MissingKey} when an event names a key that the key file does not have.
   */
  async catchUp(rows: RowSource, head: HeadRow, isLocked: boolean): Promise<void> {
    const newest = newestLinked(head);
    const before = this.#known;
    if (isSame(before.newest, newest)) return;
    // This process has written events after `head` was read, so the events in memory are newer than `head`.
    if (!isLocked && newest.seq < before.newest.seq) return;
    const added: Told[] = [];
    let next = newest;
    while (next.seq > before.newest.seq && next.seq > head.floor_seq) {
      const page: Page = await this.#page(rows, head, next, before.newest.seq);
      added.push(...page.told);
      if (page.isBroken || page.told.length === 0) {
        // Without the lock, another process may prune events at this moment. Quater makes decisions that depend on these events
        // only with the lock.
        if (!isLocked) return;
        throw new DamagedHead(`The trail is damaged: the approval event ${page.next.seq} is missing or was changed`);
      }
      next = page.next;
    }
    if (this.#known !== before) {
      // Another call of this function has read events in the meantime, and perhaps fewer events. A decision inside the
      // transaction needs all linked events.
      if (isLocked) await this.catchUp(rows, head, isLocked);
      return;
    }
    // Retention has pruned the events in between, so nobody can use requests that are older than the pruned events.
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
   * Reads older linked events until this function finds the filing event of an approval request, or the linked events end. Call
   * this function outside of the writer's transaction.
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

  /** Adds the linked events of a batch that this process has written. */
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
  /** The events of an approval request, newest first. */
  readonly told: readonly Told[];
  readonly next: EventLink;
  readonly isBroken: boolean;
}

/** The evidence for an entry of a batch, which includes the earlier entries of the batch. */
export class BatchEvidence implements Evidence {
  readonly #linked: LinkedEvents;
  readonly #pending = new Map<string, number>();

  constructor(linked: LinkedEvents) {
    this.#linked = linked;
  }

  /**
   * Returns the state of an approval request. If an earlier entry of the batch changes the request, the state counts one more
   * event, so that the plugin approval repeats a decision that was based on the older state.
   */
  readonly standing = (approvalId: string): Standing | undefined => {
    const standing = this.#linked.standing(approvalId);
    const pending = this.#pending.get(approvalId) ?? 0;
    return standing === undefined || pending === 0 ? standing : { ...standing, events: standing.events + pending };
  };

  /**
   * @param at  The newest event before the batch, with the time of the batch. Quater uses only the ids of approval requests from
   * the events of the batch.
   */
  add(drafts: readonly Draft[], at: Position): void {
    for (const { fields } of drafts) {
      const { approvalId, type } = typeof fields === "function" ? fields(at) : fields;
      if (approvalId === undefined || !isLinked(type)) continue;
      this.#pending.set(approvalId, (this.#pending.get(approvalId) ?? 0) + 1);
    }
  }
}

/** Returns the linked events in memory before Quater has read any event. */
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
  // A restore voids every request that was filed before the restore, so remove the earlier requests from memory.
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
