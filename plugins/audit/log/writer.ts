// The queue of one process for the trail. The writer writes one batch at a time. While a batch is committed, the next batch
// collects entries. Callers that need a durable record wait for the commit, up to a time limit. Other callers continue.

import { isStoreFailure } from "../../store/service.ts";
import type { Entry, Receipt } from "./entry.ts";

/** The limits of a batch. An idle writer waits only for the current turn of the event loop. */
const batch = { events: 64, bytes: 256 * 1024 } as const;
/** The limits of the queue while the store cannot be written. Beyond them, entries that no caller waits for are dropped and counted. */
const backlog = { entries: 10_000, bytes: 16 * 1024 * 1024 } as const;
const retry = { firstMs: 50, mostMs: 500 } as const;
const lookMs = 50;
/** How long a call waits for its record, milliseconds. */
export const recordWithinMs = 2_000;

export interface Sink {
  /** Writes a batch. @throws {StoreFailure} */
  write(entries: readonly Entry[]): Promise<readonly Receipt[]>;
  /** Tests whether a write would succeed now. @throws when it would fail. */
  probe(): Promise<void>;
  settleAttempt(): Promise<readonly Receipt[] | undefined>;
}

/**
 * The meaning of a failed write. `damage`: nothing more may be written. `passing`: try again until it succeeds. `unknown`: the
 * store does not work, or does not accept the entry.
 */
export type Meaning = "damage" | "passing" | "unknown";

export interface WriterOptions {
  /** Returns the ledger, and opens it on first use. */
  readonly ledger: () => Promise<Sink>;
  readonly meaningOf: (error: unknown) => Meaning;
  /** Called when this process cannot write any more. */
  readonly onFatal: (error: unknown) => void;
  readonly onTrouble: (error: unknown) => void;
  /** Called when the store accepts other writes, but not this entry. The writer then gives up this entry. */
  readonly onRefused: (error: unknown) => void;
  /** Called when an entry is queued. */
  readonly onQueued: (entry: Entry) => void;
  /**
   * Called once for each queued entry when the writer knows whether the entry was written, before the caller of the entry gets
   * the answer. Without a receipt, the entry will never be written. Not called for entries that the writer still has when it
   * ends.
   */
  readonly onKnown: (entry: Entry, receipt: Receipt | undefined) => void;
  /** Called after each batch, with the number of its events. */
  readonly onWritten: (events: number) => void;
}

export interface Waiting {
  /** How long to wait for the commit, milliseconds. After this time, the wait is rejected. */
  readonly withinMs: number;
  /**
   * With `onLate`, the entry is withdrawn when the wait for it ends. If the entry was already sent to the store, `onLate` is
   * called after the entry is written.
   */
  readonly onLate?: () => void;
}

interface Queued {
  readonly entry: Entry;
  readonly bytes: number;
  readonly resolve?: ((receipt: Receipt) => void) | undefined;
  readonly reject?: ((error: Error) => void) | undefined;
  readonly deadline: number;
  readonly onLate?: (() => void) | undefined;
  isLate: boolean;
}

export class TooLate extends Error {
  constructor() {
    super("Writing to the trail took too long. Check the load and the disk of the database");
  }
}

export interface Dropped {
  count: number;
  first: number;
  last: number;
}

export class Writer {
  readonly #options: WriterOptions;
  #queue: Queued[] = [];
  #bytes = 0;
  #writing: Promise<void> | undefined;
  /** The batch that is being written. After a lost connection, Quater does not know whether the batch was written. */
  #current: readonly Queued[] = [];
  #isUncertain = false;
  /** How many entries are written one by one, to find the entry that the store refuses. */
  #alone = 0;
  #fatal: Error | undefined;
  #watch: NodeJS.Timeout | undefined;
  #dropped: Dropped | undefined;

  constructor(options: WriterOptions) {
    this.#options = options;
  }

  get isIdle(): boolean {
    return this.#queue.length === 0 && this.#writing === undefined;
  }

  /** @returns The events that were dropped since the last call, so that the gap can be recorded. */
  takeDropped(): Dropped | undefined {
    const dropped = this.#dropped;
    this.#dropped = undefined;
    return dropped;
  }

  /** Queues an entry without waiting for it. While the queue is full, the entry is dropped and counted. */
  note(entry: Entry): void {
    if (this.#fatal !== undefined || this.#queue.length >= backlog.entries || this.#bytes >= backlog.bytes) {
      this.#drop(entry);
      return;
    }
    this.#push({ entry, bytes: sizeOf(entry), deadline: Number.POSITIVE_INFINITY, isLate: false });
  }

  /**
   * Queues an entry and waits for its commit. @throws {TooLate | Error} when the entry is not committed in time, or can never be
   * committed.
   */
  record(entry: Entry, { withinMs, onLate }: Waiting): Promise<Receipt> {
    if (this.#fatal !== undefined) return Promise.reject(this.#fatal);
    return new Promise((resolve, reject) => {
      this.#push({ entry, bytes: sizeOf(entry), resolve, reject, deadline: Date.now() + withinMs, onLate, isLate: false });
      this.#watch ??= setInterval(() => this.#look(), lookMs);
    });
  }

  /** Waits until all queued entries are written or given up, for at most `withinMs`. */
  async flush(withinMs: number): Promise<void> {
    const end = Date.now() + withinMs;
    while (!this.isIdle && this.#fatal === undefined && Date.now() < end) {
      await Promise.race([this.#writing, pause(Math.max(1, Math.min(50, end - Date.now())))]);
    }
  }

  close(): void {
    clearInterval(this.#watch);
    this.#watch = undefined;
    this.#end(new Error("The trail is closed"));
  }

  #push(queued: Queued): void {
    this.#options.onQueued(queued.entry);
    this.#queue.push(queued);
    this.#bytes += queued.bytes;
    this.#start();
  }

  #start(): void {
    this.#writing ??= this.#run().finally(() => {
      this.#writing = undefined;
      // An entry may have been queued after the last check of the queue.
      if (this.#queue.length > 0 && this.#fatal === undefined) this.#start();
    });
  }

  async #run(): Promise<void> {
    // Wait for the end of this turn of the event loop, so that its later entries go into the first batch, too.
    await new Promise(setImmediate);
    let waitMs: number = retry.firstMs;
    while (this.#fatal === undefined && (this.#queue.length > 0 || this.#isUncertain)) {
      try {
        const ledger = await this.#options.ledger();
        if (this.#isUncertain) await this.#ask(ledger);
        else await this.#writeNext(ledger);
        waitMs = retry.firstMs;
      } catch (error) {
        if (this.#options.meaningOf(error) === "damage") return this.#fail(error);
        this.#options.onTrouble(error);
        await pause(waitMs);
        waitMs = Math.min(waitMs * 2, retry.mostMs);
      }
    }
  }

  async #writeNext(ledger: Sink): Promise<void> {
    this.#current = this.#take();
    const { length } = this.#current;
    if (length === 0) return;
    try {
      this.#settle(await ledger.write(this.#current.map(({ entry }) => entry)));
      this.#alone = Math.max(0, this.#alone - length);
    } catch (error) {
      if (isStoreFailure(error) && error.kind === "lost") this.#isUncertain = true;
      else this.#giveBack();
      if (this.#isUncertain || this.#options.meaningOf(error) !== "unknown") throw error;
      if (length > 1) {
        this.#alone = length;
        return;
      }
      // If the store accepts this test write, it refuses the entry for good. Waiting would delay all later entries.
      await ledger.probe();
      this.#refuse(error);
    }
  }

  /** Gives up the first entry of the queue. */
  #refuse(error: unknown): void {
    const [refused] = this.#queue.splice(0, 1);
    if (refused === undefined) return;
    this.#bytes -= refused.bytes;
    this.#alone = Math.max(0, this.#alone - 1);
    this.#options.onKnown(refused.entry, undefined);
    this.#options.onRefused(error);
    if (refused.reject === undefined) this.#drop(refused.entry);
    else if (!refused.isLate) refused.reject(error instanceof Error ? error : new Error(String(error)));
  }

  #drop({ events }: Entry): void {
    const now = Date.now();
    this.#dropped ??= { count: 0, first: now, last: now };
    this.#dropped.count += events.length;
    this.#dropped.last = now;
  }

  /** Finds out after a lost connection whether the last batch was written. No other entry is written before that. */
  async #ask(ledger: Sink): Promise<void> {
    const receipts = await ledger.settleAttempt();
    this.#isUncertain = false;
    if (receipts !== undefined) this.#settle(receipts);
    else this.#giveBack();
  }

  #settle(receipts: readonly Receipt[]): void {
    const written = this.#current;
    this.#current = [];
    let events = 0;
    for (const [index, queued] of written.entries()) {
      const receipt = receipts[index];
      if (receipt === undefined) continue;
      this.#options.onKnown(queued.entry, receipt);
      if ("seq" in receipt) events += queued.entry.events.length;
      if (!queued.isLate) queued.resolve?.(receipt);
      else if ("seq" in receipt) queued.onLate?.(); // a refused entry was not written
    }
    this.#options.onWritten(events);
  }

  /** Puts a batch that was not written back into the queue, without the entries that were withdrawn in the meantime. */
  #giveBack(): void {
    const isWithdrawn = ({ isLate, onLate }: Queued) => isLate && onLate !== undefined;
    const back = this.#current.filter((queued) => !isWithdrawn(queued));
    for (const queued of this.#current) if (isWithdrawn(queued)) this.#options.onKnown(queued.entry, undefined);
    this.#current = [];
    this.#queue.unshift(...back);
    for (const { bytes } of back) this.#bytes += bytes;
  }

  #take(): readonly Queued[] {
    let events = 0;
    let bytes = 0;
    let end = 0;
    for (const { entry, bytes: size } of this.#queue) {
      if (end > 0 && this.#alone > 0) break;
      if (end > 0 && (events + entry.events.length > batch.events || bytes + size > batch.bytes)) break;
      events += entry.events.length;
      bytes += size;
      end++;
    }
    this.#bytes -= bytes;
    return this.#queue.splice(0, end);
  }

  /**
   * Ends waits that took too long. All calls share one timer, because starting a timer for each call would take more time than
   * all other steps of recording the call.
   */
  #look(): void {
    const now = Date.now();
    let isAnyWaiting = false;
    const late = (queued: Queued): boolean => {
      if (queued.reject === undefined || queued.isLate) return false;
      if (queued.deadline > now) {
        isAnyWaiting = true;
        return false;
      }
      queued.isLate = true;
      queued.reject(new TooLate());
      return queued.onLate !== undefined;
    };
    for (const queued of this.#current) late(queued);
    this.#queue = this.#queue.filter((queued) => {
      if (!late(queued)) return true;
      this.#options.onKnown(queued.entry, undefined);
      this.#bytes -= queued.bytes;
      return false;
    });
    if (isAnyWaiting) return;
    clearInterval(this.#watch);
    this.#watch = undefined;
  }

  #fail(error: unknown): void {
    this.#options.onFatal(error);
    this.#end(error instanceof Error ? error : new Error(String(error)));
  }

  #end(error: Error): void {
    this.#fatal ??= error;
    for (const { reject } of [...this.#current, ...this.#queue]) reject?.(this.#fatal);
    this.#current = [];
    this.#queue = [];
    this.#bytes = 0;
  }
}

const sizeOf = ({ events }: Entry): number => events.reduce((sum, { body }) => sum + 600 + (body?.length ?? 0), 0);

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
