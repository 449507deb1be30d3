// Writes batches of events: each batch is one transaction, which moves the head of the trail. Also reads the head of the trail.
// writer.ts decides when a batch is written.

import { isStoreFailure, type OpenStore, type Statement, type Transaction } from "../../store/service.ts";
import { type Batch, Batches, type BatchesOptions } from "./batch.ts";
import { genesisHash } from "./chain.ts";
import type { Entry, Receipt } from "./entry.ts";
import type { EventRow } from "./event.ts";
import type { Standing } from "./evidence.ts";
import {
  assertContinues,
  assertHonest,
  DamagedHead,
  firstHead,
  genesisOf,
  headOf,
  keyedOf,
  LostTrail,
  readHead,
} from "./head.ts";
import { BatchEvidence, LinkedEvents } from "./linked.ts";
import { queriesOn, type TrailQueries } from "./queries.ts";
import { type HeadBeside, type HeadRow, newestLinked } from "./tables.ts";

/** If the last checkpoint is more than this many events ago, a checkpoint is made when the ledger opens. */
const lookBack = 5_000;

export interface LedgerOptions extends BatchesOptions {
  readonly app: string;
}

export class Ledger {
  readonly queries: TrailQueries;
  readonly genesis: string;
  readonly #store: OpenStore;
  readonly #options: LedgerOptions;
  readonly #batches: Batches;
  readonly #linked: LinkedEvents;
  /** The head after the last batch of this process, while no other process is expected to move the head. */
  #known: HeadRow | undefined;
  #last: HeadRow;
  /** The newest head that this process has seen, written by this or another process. */
  #seen: HeadRow;
  /** The last batch that was sent in a transaction, until it is known whether it was written. */
  #attempt: Batch | undefined;

  private constructor(store: OpenStore, queries: TrailQueries, options: LedgerOptions, head: HeadRow) {
    this.#store = store;
    this.queries = queries;
    this.#options = options;
    this.#last = head;
    this.#seen = head;
    this.#batches = new Batches(queries, options);
    this.#linked = new LinkedEvents(queries, options.keys, newestLinked(head));
    this.genesis = genesisHash(keyedOf(options.keys, genesisOf(head).key), head.genesis);
  }

  /**
   * Opens the chain of events, and begins a new chain in an empty store.
   *
   * @throws {DamagedHead} when the head differs from the head that Quater wrote.
   * @throws {MissingKey} when the key file does not have the key that the head names.
   * @throws {LostTrail} when there is no trail although the key file records that a trail was begun.
   */
  static async open(store: OpenStore, options: LedgerOptions): Promise<Ledger> {
    const queries = queriesOn(store);
    const { keys } = options;
    let head = await headOf(store);
    if (head === undefined) {
      if (keys.trail !== undefined) throw new LostTrail("The store has no trail, but the key file says that a trail was started");
      await store.apply([queries.newHead(firstHead(options, await store.now()))]);
      head = await headOf(store);
    }
    if (head === undefined) throw new Error("Quater could not write the record of the trail's end (audit_head)");
    assertHonest(keys, head);
    const [newest] = await store.read<EventRow>(queries.after(head.seq - 1, 1));
    if (head.seq > head.floor_seq && newest?.hash !== head.hash)
      throw new DamagedHead(`The newest event ${head.seq} has another hash than the record of the trail's end (audit_head)`);
    const ledger = new Ledger(store, queries, options, head);
    keys.begun(ledger.genesis);
    return ledger;
  }

  /** The head after the last batch of this process. */
  get head(): Pick<HeadRow, "seq" | "hash"> {
    return this.#last;
  }

  /** The newest event that this process has seen. */
  get seen(): Pick<HeadRow, "seq" | "hash"> {
    return this.#seen;
  }

  /**
   * Reads the head, and keeps it as the newest head that this process has seen.
   *
   * @throws {SetBack} when the trail does not continue after the newest event that this process has seen.
   * @throws {DamagedHead | MissingKey | StoreFailure}
   */
  async look(): Promise<HeadRow> {
    const before = this.#seen;
    const [row] = await this.#store.read<HeadBeside>(this.queries.headBeside(before.seq));
    if (row === undefined) throw new DamagedHead("The record of the trail's end (audit_head) is missing");
    return this.#checked(row, before);
  }

  /**
   * Returns the newest checkpoint among the last events, made by any process. Without a checkpoint, returns the beginning of the
   * trail.
   */
  async lastCheckpoint(): Promise<{ readonly size: number; readonly at: number }> {
    const { seq, floor_seq } = this.#last;
    const newest = this.queries.events
      .select(["seq as size", "at"])
      .where("type", "=", "audit.checkpoint")
      .where("seq", ">", seq - lookBack)
      .where("seq", "<=", seq)
      .orderBy("seq", "desc")
      .limit(1);
    const [found] = await this.#store.read<{ size: number; at: number }>(newest);
    return found ?? { size: Math.max(floor_seq, seq - lookBack), at: genesisOf(this.#last).createdAt };
  }

  /**
   * Returns the state of an approval request by its events.
   *
   * @returns `undefined` when the trail does not prove that the request was filed.
   * @throws {DamagedHead | StoreFailure}
   */
  async standingOf(approvalId: string): Promise<Standing | undefined> {
    return this.#linked.reach(this.#store, await this.look(), approvalId);
  }

  /**
   * Writes a batch. @throws {StoreFailure} when the batch was not written. After a failure of the kind `lost`, `settleAttempt`
   * finds out whether the batch was written.
   */
  async write(entries: readonly Entry[]): Promise<readonly Receipt[]> {
    const isPlain = entries.every(({ changes, check }) => changes === undefined && check === undefined);
    // On SQLite, usually no other process writes. If no other process has written, the head is known, and one round trip to the
    // thread is enough. If this process has seen a newer event, it must read the head, because a store that was set back has the
    // older head again.
    if (isPlain && this.#known?.seq === this.#seen.seq && this.#store.dialect === "sqlite") {
      const from = this.#known;
      const batch = this.#batches.prepare(entries, from, Date.now(), noRefusals);
      this.#known = undefined;
      try {
        await this.#store.apply([this.queries.moveHead(from, batch.head), ...batch.statements]);
        return this.#done(batch);
      } catch (error) {
        if (!isStoreFailure(error) || error.kind !== "mismatch") throw damageOf(error);
      }
    }
    try {
      return this.#done(await this.#store.transaction((transaction) => this.#inTransaction(transaction, entries)));
    } catch (error) {
      throw damageOf(error);
    }
  }

  /**
   * Tests whether a write would succeed now: locks and checks the head like a write, and commits a small change.
   *
   * @throws {DamagedHead | MissingKey | StoreFailure} when a write would fail.
   */
  async probe(): Promise<void> {
    await this.#store.transaction(async (transaction) => {
      await this.#locked(transaction);
      await transaction.runLast(...this.queries.touch(`ready:${this.#options.instance}`));
    });
  }

  /** After a lost connection: returns the receipts of the last batch if it was committed, otherwise `undefined`. */
  async settleAttempt(): Promise<readonly Receipt[] | undefined> {
    const attempt = this.#attempt;
    if (attempt === undefined) return undefined;
    const [found] = await this.#store.transaction(async (transaction) => {
      // The statements may still run in the server, so wait for the lock of the head before looking.
      await transaction.run(this.queries.headForWriting(this.#seen.seq));
      return transaction.rows<EventRow>(this.queries.after(attempt.seq - 1, 1));
    });
    this.#attempt = undefined;
    return found?.seq === attempt.seq && found.hash === attempt.hash ? this.#done(attempt) : undefined;
  }

  async #inTransaction(transaction: Transaction, entries: readonly Entry[]): Promise<Batch> {
    const { now, head } = await this.#locked(transaction);
    const refusals = new Map<Entry, Error>();
    const evidence = entries.some(({ check }) => check !== undefined) ? await this.#evidence(transaction, head) : undefined;
    for (const [index, entry] of entries.entries()) {
      const { changes, check } = entry;
      let refusal = floorRefusal(entry, head) ?? (evidence === undefined ? undefined : check?.(evidence, now));
      if (refusal === undefined && changes !== undefined) refusal = await tried(transaction, `change_${index}`, changes);
      if (refusal !== undefined) refusals.set(entry, refusal);
      else evidence?.add(entry.events, { seq: head.seq, hash: head.hash, at: now });
    }
    const batch = this.#batches.prepare(entries, head, now, refusals);
    // Store the batch before it is sent. If the connection breaks at the commit, `settleAttempt` finds out whether the batch was
    // written.
    this.#attempt = batch;
    await transaction.runLast(...batch.statements, withoutCount(this.queries.moveHead(head, batch.head)));
    return batch;
  }

  /** Locks the head. No other process can write until the transaction ends. */
  async #locked(transaction: Transaction): Promise<{ readonly now: number; readonly head: HeadRow }> {
    const before = this.#seen;
    const [row] = await transaction.rows<HeadBeside & { readonly now: number }>(this.queries.headForWriting(before.seq));
    if (row === undefined) throw new DamagedHead("The record of the trail's end (audit_head) is missing");
    const { now, ...beside } = row;
    return { now, head: this.#checked(beside, before) };
  }

  /** Checks the head that was read with the lock. @throws {DamagedHead | MissingKey} */
  #checked(beside: HeadBeside, before: HeadRow): HeadRow {
    const { held, ...head } = readHead(beside);
    assertHonest(this.#options.keys, head);
    assertContinues(before, head, held);
    if (head.seq >= this.#seen.seq) this.#seen = head;
    return head;
  }

  async #evidence(transaction: Transaction, head: HeadRow): Promise<BatchEvidence> {
    const { dialect } = this.#store;
    await this.#linked.catchUp({ dialect, read: (query) => transaction.rows(query) }, head, true);
    return new BatchEvidence(this.#linked);
  }

  /** Updates this object after a batch was written. @returns The receipts. */
  #done(batch: Batch): readonly Receipt[] {
    this.#attempt = undefined;
    this.#known = batch.head;
    this.#last = batch.head;
    if (batch.head.seq >= this.#seen.seq) this.#seen = batch.head;
    this.#linked.add(batch.linked.before, batch.linked.metas, newestLinked(batch.head));
    return batch.receipts;
  }
}

const noRefusals: ReadonlyMap<Entry, Error> = new Map();

/**
 * The row of the head is locked, so the number of changed rows is known. Without an expected number all statements can be sent
 * together.
 */
const withoutCount = ({ sql, parameters }: Statement): Statement => ({ sql, parameters });

const plain = (sql: string): Statement => ({ sql, parameters: [] });

/** Whether the error is about one entry only: a wrong number of rows, a constraint, or a statement that the database refuses. */
const isOfEntry = (error: unknown): error is Error =>
  isStoreFailure(error) && (error.kind === "mismatch" || error.kind === "conflict" || error.kind === "other");

/**
 * Converts a conflict on the number of an event to damage, because the head was set back, or another program inserted an event
 * behind the head.
 */
const damageOf = (error: unknown): unknown =>
  isStoreFailure(error) && error.kind === "conflict" && error.message.includes("audit_event")
    ? new DamagedHead("The table audit_event already has an event with the next number of the trail")
    : error;

/** Refuses to move the beginning of the trail back. Another instance may have moved it forward in the meantime. */
const floorRefusal = ({ floor }: Entry, { floor_seq, floor_hash }: HeadRow): Error | undefined =>
  floor === undefined || (floor.from.seq === floor_seq && floor.from.hash === floor_hash)
    ? undefined
    : new Error(`The trail begins after event ${floor_seq}, but it must begin after event ${floor.from.seq}`);

/**
 * Runs the changes of an entry under a savepoint. @returns Why the changes were refused and rolled back; `undefined` on success.
 */
const tried = async (transaction: Transaction, savepoint: string, changes: readonly Statement[]): Promise<Error | undefined> => {
  await transaction.run(plain(`savepoint ${savepoint}`));
  try {
    for (const change of changes) await transaction.run(change);
    await transaction.run(plain(`release savepoint ${savepoint}`));
    return undefined;
  } catch (error) {
    if (!isOfEntry(error)) throw error;
    await transaction.run(plain(`rollback to savepoint ${savepoint}`), plain(`release savepoint ${savepoint}`));
    return error;
  }
};
