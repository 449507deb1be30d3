// Gives numbers and links to the events of a batch, and makes the SQL statements that write the events.

import type { Statement } from "../../store/service.ts";
import { bodyHashOf, headMac, Keyed, noBody, trailFormat } from "./chain.ts";
import type { Draft, Entry, Position, Receipt } from "./entry.ts";
import { type EventLink, type EventMeta, type EventRow, isLinked, metaText } from "./event.ts";
import type { KeyRing } from "./key-ring.ts";
import type { TrailQueries } from "./queries.ts";
import { freshSalt } from "./salt.ts";
import { chain, type HeadRow, newestLinked } from "./tables.ts";

/** A batch of events that is ready to be written. */
export interface Batch {
  /**
   * The SQL statements that write the events and the other changes of the batch's entries. The statement that moves the head is
   * not in this list.
   */
  readonly statements: readonly Statement[];
  /** The number and hash of the first event in the batch. The number is -1 in a batch without events. */
  readonly seq: number;
  readonly hash: string;
  /** The receipts, one for each entry of the batch. */
  readonly receipts: readonly Receipt[];
  /** The head of the trail after the batch. */
  readonly head: HeadRow;
  /** The linked events of the batch, and the newest linked event before the batch. */
  readonly linked: { readonly before: EventLink; readonly metas: readonly EventMeta[] };
}

export interface BatchesOptions {
  readonly keys: KeyRing;
  /** The name of this process in the events of this process. */
  readonly instance: string;
  /** Makes the SQL statement that registers this process. `before` is the newest event before the batch. */
  readonly registration?: (queries: TrailQueries, before: Position) => Statement;
}

export class Batches {
  readonly #queries: TrailQueries;
  readonly #options: BatchesOptions;
  #keyed: { readonly id: string; readonly keyed: Keyed } | undefined;

  constructor(queries: TrailQueries, options: BatchesOptions) {
    this.#queries = queries;
    this.#options = options;
  }

  /**
   * @param head  The head of the trail before the batch.
   * @param at  The time of the events by the store's clock, milliseconds since the epoch.
   * @param refusals  The refused entries, each with the error because of which the ledger refuses the entry.
   */
  prepare(entries: readonly Entry[], head: HeadRow, at: number, refusals: ReadonlyMap<Entry, Error>): Batch {
    const rows: EventRow[] = [];
    const beside: Statement[] = [];
    const receipts: Receipt[] = [];
    const metas: EventMeta[] = [];
    const before = newestLinked(head);
    let { seq, hash, floor_seq, floor_hash } = head;
    let linked = before;
    let registers = false;
    for (const entry of entries) {
      const refusal = refusals.get(entry);
      if (refusal !== undefined) {
        receipts.push({ refusal });
        continue;
      }
      registers ||= entry.registers === true;
      if (entry.above !== undefined) seq = Math.max(seq, entry.above);
      const begin = rows.length;
      if (entry.floor !== undefined) [floor_seq, floor_hash] = [entry.floor.to.seq, entry.floor.to.hash];
      if (entry.beside !== undefined) beside.push(...entry.beside({ seq, hash, at }));
      for (const draft of entry.events) {
        const row = this.#row(draft, { seq, hash, at }, linked);
        ({ seq, hash } = row);
        if (isLinked(row.type)) {
          linked = { hash, seq };
          metas.push(JSON.parse(row.meta) as EventMeta);
        }
        rows.push(row);
      }
      receipts.push({ seq: rows[begin]?.seq ?? seq + 1, hash: rows[begin]?.hash ?? "" });
    }
    // The registration of this process is the last statement of the batch, because an entry of the batch may end the registration
    // before another entry starts a call.
    const registration = registers
      ? this.#options.registration?.(this.#queries, { seq: head.seq, hash: head.hash, at })
      : undefined;
    if (registration !== undefined) beside.push(registration);
    const approval = { approval_seq: linked.seq, approval_hash: linked.hash };
    const { id, keyed } = this.#chainKey();
    const moved = { ...head, ...approval, format: trailFormat, seq, hash, floor_seq, floor_hash };
    const [first] = rows;
    return {
      statements: [...this.#queries.inserts(rows), ...beside],
      seq: first?.seq ?? -1,
      hash: first?.hash ?? "",
      receipts,
      linked: { before, metas },
      head: { ...moved, mac: `${id}:${headMac(keyed, moved)}` },
    };
  }

  #row({ fields, body }: Draft, before: Position, linked: EventLink): EventRow {
    const seq = before.seq + 1;
    const given = typeof fields === "function" ? fields(before) : fields;
    const { id, keyed } = this.#chainKey();
    const numbered = { at: before.at, instance: this.#options.instance, key: id, seq };
    const meta = metaText(given, isLinked(given.type) ? { ...numbered, link: linked } : numbered);
    const salt = body === undefined ? null : freshSalt();
    const bodyHash = body === undefined || salt === null ? noBody : bodyHashOf(salt, body);
    return {
      seq,
      at: before.at,
      type: given.type,
      call_id: given.callId ?? "",
      meta,
      body: body ?? null,
      salt,
      body_hash: bodyHash,
      hash: keyed.ofEvent(chain, seq, before.hash, meta, bodyHash),
    };
  }

  /** Returns the chain key for new events. After `audit rotate --activate`, the ledger writes events with a new chain key. */
  #chainKey(): { readonly id: string; readonly keyed: Keyed } {
    const { id, secret } = this.#options.keys.current.chain;
    if (this.#keyed?.id !== id) this.#keyed = { id, keyed: new Keyed(secret) };
    return this.#keyed;
  }
}
