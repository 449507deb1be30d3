// Reads the head of the trail, and writes batches of events. Each batch is one transaction, which moves the head of the trail.
// writer.ts decides when the ledger writes a batch.

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

/**
 * How many of the newest events the ledger searches for the last checkpoint, when the ledger opens. If none of these events is a
 * checkpoint, Quater makes a checkpoint.
 */
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
  /** The head of the trail after the last batch of this process; `undefined` if another process may have moved the head. */
  #known: HeadRow | undefined;
  #last: HeadRow;
  /** The newest head of the trail that this process has seen. This process or another process wrote this head. */
  #seen: HeadRow;
  /**
   * The last batch that the ledger sent to the store, until the ledger knows whether the transaction of the batch was committed.
   */
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
   * Opens the trail of the store, and begins a new trail in an empty store.
   *
   * @throws {DamagedHead} when the head differs from the head that Quater wrote.
   * @throws {MissingKey} when the key file does not have the key that the head names.
   * @throws {LostTrail} when the store has no trail although the key file records that a trail was begun.
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

  /** The number and hash of the newest event after the last batch of this process. */
  get head(): Pick<HeadRow, "seq" | "hash"> {
    return this.#last;
  }

  /** The number and hash of the newest event that this process has seen. */
  get seen(): Pick<HeadRow, "seq" | "hash"> {
    return this.#seen;
  }

  /**
   * Reads the head of the trail, and stores this head in memory as the newest head that this process has seen.
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
   * Returns the size and time of the newest checkpoint among the last events. Any process may have made this checkpoint. Without
   * a checkpoint, returns the beginning of the trail.
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
   * Returns the state of an approval request according to the events of the request.
   *
   * @returns The state of the request; `undefined` when the trail does not prove that the request was filed.
   * @throws {DamagedHead | StoreFailure}
   */
  async standingOf(approvalId: string): Promise<Standing | undefined> {
    return this.#linked.reach(this.#store, await this.look(), approvalId);
  }

  /**
   * Writes a batch of events. @throws {StoreFailure} when the batch was not written. After a failure of the kind `lost`,
   * `settleAttempt` finds out whether the batch was written.
   */
  async write(entries: readonly Entry[]): Promise<readonly Receipt[]> {
    const isPlain = entries.every(({ changes, check }) => changes === undefined && check === undefined);
    // On SQLite, usually no other process writes. If no other process has written, the ledger knows the head, and one round trip
    // to the database thread is enough. If the ledger has seen a newer event, the ledger must read the head, because a store that
    // was set back has the older head again.
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
   * Tests whether the ledger could write a batch now. The test locks and checks the head like a write, and commits a small
   * change.
   *
   * @throws {DamagedHead | MissingKey | StoreFailure} when a write would fail.
   */
  async probe(): Promise<void> {
    await this.#store.transaction(async (transaction) => {
      await this.#locked(transaction);
      await transaction.runLast(...this.queries.touch(`ready:${this.#options.instance}`));
    });
  }

  /**
   * Finds out the result of the last batch after a lost connection. Returns the receipts of the batch if the batch was committed,
   * otherwise `undefined`.
   */
  async settleAttempt(): Promise<readonly Receipt[] | undefined> {
    const attempt = this.#attempt;
    if (attempt === undefined) return undefined;
    const [found] = await this.#store.transaction(async (transaction) => {
      // The statements of the batch may still run in the database server, so wait for the lock of the head before you look for
      // the batch.
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
    // Set `#attempt` before the ledger sends the commit. If the connection to the store breaks at the commit of a batch,
    // `settleAttempt` finds out whether the batch was written.
    this.#attempt = batch;
    await transaction.runLast(...batch.statements, withoutCount(this.queries.moveHead(head, batch.head)));
    return batch;
  }

  /** Locks the head, so that no other process can write events until the transaction ends. */
  async #locked(transaction: Transaction): Promise<{ readonly now: number; readonly head: HeadRow }> {
    const before = this.#seen;
    const [row] = await transaction.rows<HeadBeside & { readonly now: number }>(this.queries.headForWriting(before.seq));
    if (row === undefined) throw new DamagedHead("The record of the trail's end (audit_head) is missing");
    const { now, ...beside } = row;
    return { now, head: this.#checked(beside, before) };
  }

  /** Checks the head that the ledger has read with the lock. @throws {DamagedHead | MissingKey} */
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

  /** Updates this object after a batch was written. @returns The receipts of the batch. */
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
 * Returns the statement without the number of rows that the statement must change. The transaction has locked the head, so the
 * number of changed rows is known. Quater can send statements without an expected number together.
 */
const withoutCount = ({ sql, parameters }: Statement): Statement => ({ sql, parameters });

const plain = (sql: string): Statement => ({ sql, parameters: [] });

/**
 * Whether the error is about one entry only. The cause is a wrong number of changed rows, a constraint, or a statement that the
 * database refuses.
 */
const isOfEntry = (error: unknown): error is Error =>
  isStoreFailure(error) && (error.kind === "mismatch" || error.kind === "conflict" || error.kind === "other");

/**
 * Converts the error of two events with the same number to damage. In this case the head was set back, or another program has
 * inserted an event behind the head.
 */
const damageOf = (error: unknown): unknown =>
  isStoreFailure(error) && error.kind === "conflict" && error.message.includes("audit_event")
    ? new DamagedHead("The table audit_event already has an event with the next number of the trail")
    : error;

/**
 * Returns an error if an entry would move the beginning of the trail back. Another instance may have moved the beginning forward
 * after this process read the head.
 */
const floorRefusal = ({ floor }: Entry, { floor_seq, floor_hash }: HeadRow): Error | undefined =>
  floor === undefined || (floor.from.seq === floor_seq && floor.from.hash === floor_hash)
    ? undefined
    : new Error(`The trail begins after event ${floor_seq}, but it must begin after event ${floor.from.seq}`);

/**
 * Runs the changes of an entry under a savepoint. @returns The error because of which the changes were rolled back; `undefined`
 * if all changes succeeded.
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
