// The queue of one process for the trail. The writer writes one batch at a time. While the store commits a batch, the next batch
// collects entries. Calls that need a durable record wait for the commit, up to a time limit. Other calls continue.

import { isStoreFailure } from "../../store/service.ts";
import type { Entry, Receipt } from "./entry.ts";

/** The limits of a batch. An idle writer collects entries only during the current turn of the event loop. */
const batch = { events: 64, bytes: 256 * 1024 } as const;
/**
 * The limits of the queue while the writer cannot write to the store. Above these limits, the writer drops and counts entries
 * that no call waits for.
 */
const backlog = { entries: 10_000, bytes: 16 * 1024 * 1024 } as const;
const retry = { firstMs: 50, mostMs: 500 } as const;
const lookMs = 50;
/** How long a call waits for the commit of its event, milliseconds. */
export const recordWithinMs = 2_000;

export interface Sink {
  /** Writes a batch of entries. @throws {StoreFailure} */
  write(entries: readonly Entry[]): Promise<readonly Receipt[]>;
  /** Tests whether a write to the trail would succeed now. @throws when a write would fail. */
  probe(): Promise<void>;
  settleAttempt(): Promise<readonly Receipt[] | undefined>;
}

/**
 * The meaning of a failed write to the trail. `damage`: the writer must write no more entries. `passing`: the writer repeats the
 * write until the write succeeds. `unknown`: the store does not work, or does not accept the entry.
 */
export type Meaning = "damage" | "passing" | "unknown";

export interface WriterOptions {
  /** Returns the ledger, and opens the ledger at the first call. */
  readonly ledger: () => Promise<Sink>;
  readonly meaningOf: (error: unknown) => Meaning;
  /** The writer calls this function when this process can write no more entries. */
  readonly onFatal: (error: unknown) => void;
  readonly onTrouble: (error: unknown) => void;
  /** The writer calls this function when the store accepts other writes but refuses an entry, which the writer then gives up. */
  readonly onRefused: (error: unknown) => void;
  /** The writer calls this function when an entry enters the queue. */
  readonly onQueued: (entry: Entry) => void;
  /**
   * The writer calls this function once for each queued entry when the writer knows whether the entry was written, before the
   * function that waits for the entry continues. If `receipt` is `undefined`, the entry will never be written. The writer does
   * not call this function for entries that are still queued when the writer ends.
   */
  readonly onKnown: (entry: Entry, receipt: Receipt | undefined) => void;
  /** The writer calls this function after each batch, with the number of the batch's events. */
  readonly onWritten: (events: number) => void;
}

export interface Waiting {
  /** How long `record` waits for the commit of the entry, milliseconds. After this time, `record` rejects. */
  readonly withinMs: number;
  /**
   * With `onLate`, the writer withdraws the entry when the wait for the commit ends. If the writer has already sent the entry to
   * the store, the writer calls `onLate` after the entry is written.
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
  /**
   * The entries of the batch that the writer is writing. After a lost connection, the writer does not know whether the store
   * committed the batch.
   */
  #current: readonly Queued[] = [];
  #isUncertain = false;
  /** How many entries the writer still writes one by one, to find the entry that the store refuses. */
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

  /**
   * @returns The number of events that the writer has dropped since the last call of this function, and when, so that Quater can
   * record the gap.
   */
  takeDropped(): Dropped | undefined {
    const dropped = this.#dropped;
    this.#dropped = undefined;
    return dropped;
  }

  /**
   * Queues an entry without waiting for the commit. While the queue is full, the writer drops the entry and counts its events.
   */
  note(entry: Entry): void {
    if (this.#fatal !== undefined || this.#queue.length >= backlog.entries || this.#bytes >= backlog.bytes) {
      this.#drop(entry);
      return;
    }
    this.#push({ entry, bytes: sizeOf(entry), deadline: Number.POSITIVE_INFINITY, isLate: false });
  }

  /**
   * Queues an entry and waits for the commit of the entry. @throws {TooLate | Error} when the entry is not committed in time, or
   * can never be committed.
   */
  record(entry: Entry, { withinMs, onLate }: Waiting): Promise<Receipt> {
    if (this.#fatal !== undefined) return Promise.reject(this.#fatal);
    return new Promise((resolve, reject) => {
      this.#push({ entry, bytes: sizeOf(entry), resolve, reject, deadline: Date.now() + withinMs, onLate, isLate: false });
      this.#watch ??= setInterval(() => this.#look(), lookMs);
    });
  }

  /** Waits until the writer has written or given up all queued entries, for at most `withinMs`. */
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
      // Another function may have queued an entry after the last check of the queue.
      if (this.#queue.length > 0 && this.#fatal === undefined) this.#start();
    });
  }

  async #run(): Promise<void> {
    // Wait for the end of this turn of the event loop, so that the first batch also gets entries that are queued later in this
    // turn.
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
      // If the store accepts this test write, the store will never accept the entry. Waiting would delay all later entries.
      await ledger.probe();
      this.#refuse(error);
    }
  }

  /** Gives up the first entry of the queue, because the store refuses this entry. */
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

  /**
   * Finds out after a lost connection whether the store committed the last batch. Before the writer knows the result, the writer
   * writes no other entry.
   */
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

  /** Puts the entries of an unwritten batch back into the queue, except the entries that were withdrawn in the meantime. */
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
   * Ends the waits of calls that have waited too long for a commit. All calls share one timer, because starting a timer for each
   * call would take more time than all other steps of recording the call.
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
