// The trail in one process, which records the events of the process. The first event opens the trail, so a command that records
// no event writes no row to the store.

import { randomBytes } from "node:crypto";
import type { AttestedUse } from "../restore/attestation.ts";
import { Attestor } from "../restore/attestor.ts";
import { Checkpoints } from "./checkpoints.ts";
import { ComparedLedger } from "./compared-ledger.ts";
import type { Draft, Entry, Receipt } from "./entry.ts";
import type { EventFields } from "./event.ts";
import type { Standing } from "./evidence.ts";
import { Lease } from "./leases.ts";
import type { Ledger } from "./ledger.ts";
import { OpenStarts } from "./open-starts.ts";
import type { TrailOptions } from "./trail-options.ts";
import { meaningOf, textOf, unrecorded } from "./unrecorded.ts";
import { recordWithinMs, Writer } from "./writer.ts";

/**
 * How long this process reports after a failed write that this process is not ready, milliseconds. During this time, the next
 * write would probably fail, too.
 */
const troubleMs = 3_000;

export class Trail {
  /** The name of this process in the events of this process. */
  readonly instance = randomBytes(6).toString("hex");
  readonly writer: Writer;
  readonly checkpoints: Checkpoints;
  readonly #options: TrailOptions;
  readonly #attestor: Attestor;
  readonly #compared: ComparedLedger;
  readonly #lease: Lease;
  readonly #openStarts = new OpenStarts();
  /** Whether the `runtime.started` of this process is written or queued. */
  #isAnnounced = false;
  /** When the last write to the trail failed; `undefined` if the last write succeeded. */
  #troubleAt: number | undefined;

  constructor(options: TrailOptions) {
    this.#options = options;
    const { instance } = this;
    const { leaseMs, log, store } = options;
    const attestor = new Attestor(options);
    this.#attestor = attestor;
    const compared = new ComparedLedger({
      ...options,
      instance,
      attestor,
      registration: (queries, before) => this.#lease.registration(queries, before),
      whenOpened: async (ledger) => this.checkpoints.begin(ledger, await ledger.lastCheckpoint()),
    });
    this.#compared = compared;
    const openStarts = this.#openStarts;
    this.#lease = new Lease({ instance, leaseMs, store, ledger: () => compared.opened, openStarts });
    this.writer = new Writer({
      ledger: () => compared.open(),
      meaningOf: (error) => (store.isFenced ? "damage" : meaningOf(error)),
      onFatal: (error) => compared.fence(error),
      onTrouble: (error) => this.#onTrouble(error),
      onRefused: (error) =>
        log.error("Quater could not write an event, so the event is missing on the trail", { error: textOf(error) }),
      onQueued: (entry) => openStarts.queued(entry, compared.opened?.head.seq),
      onKnown: (entry, receipt) => openStarts.settled(entry, receipt),
      onWritten: () => this.#onWritten(),
    });
    this.checkpoints = new Checkpoints({ ...options, attestor, writer: this.writer });
  }

  /** The ledger of this process; `undefined` before the ledger is open. */
  get ledger(): Ledger | undefined {
    return this.#compared.opened;
  }

  /** Opens the ledger: see `open` of ComparedLedger. @throws {DamagedHead | StoreFailure} */
  open(): Promise<Ledger> {
    return this.#compared.open();
  }

  /** Lets this process write events after an acknowledged restore: see `acknowledgeRestore` of ComparedLedger. */
  acknowledgeRestore(): void {
    this.#compared.acknowledgeRestore();
  }

  /** Compares the store with the sinks again after a lost connection: see `compareWhenDue` of ComparedLedger. */
  compareWhenDue(): Promise<void> {
    return this.#compared.compareWhenDue();
  }

  /** Compares the store with the sinks: see `compare` of ComparedLedger. */
  compare(): Promise<void> {
    return this.#compared.compare();
  }

  /**
   * Checks that the store is not fenced. Quater also refuses to read a fenced store.
   *
   * @throws {QuaterError} `audit_unavailable`
   */
  assertOpen(): void {
    if (this.#options.store.isFenced) throw unrecorded(undefined);
  }

  /**
   * Tests whether a write to the trail would succeed now.
   *
   * @throws The reason why a write would fail.
   */
  async probe(): Promise<void> {
    try {
      await (await this.open()).probe();
    } catch (error) {
      if (meaningOf(error) === "damage") this.#compared.fence(error);
      throw error;
    }
    // A probe writes only a few bytes, for which even a full disk may have room. So this function also considers the result of
    // the last write of an event.
    const since = Date.now() - (this.#troubleAt ?? 0);
    if (since < troubleMs) throw new Error("The last write to the trail failed less than a second ago");
  }

  /** Queues an event, and does not wait for the commit of the event. */
  note(fields: EventFields, body?: string): void {
    this.announce();
    this.writer.note({ events: [body === undefined ? { fields } : { fields, body }] });
  }

  /** Queues an event like `note`. The transaction that writes the event also runs the statements that `beside` returns. */
  noteBeside(fields: EventFields, beside: Pick<Entry, "beside">): void {
    this.announce();
    this.writer.note({ events: [{ fields }], ...beside });
  }

  /**
   * Records an entry, and waits until the entry is committed.
   *
   * @param onLate  Quater calls this function if the entry was committed after the wait for the commit had ended with an error.
   * Without `onLate`, Quater still writes a late entry. With `onLate`, Quater withdraws a late entry that was not sent to the
   * store yet.
   * @param withinMs  How long `record` waits for the commit, milliseconds. Default 2,000.
   * @throws {QuaterError} `audit_unavailable`.
   */
  async record(entry: Entry, onLate?: () => void, withinMs = recordWithinMs): Promise<Receipt> {
    this.announce();
    try {
      return await this.writer.record(this.#lease.registering(entry), {
        withinMs,
        ...(onLate === undefined ? {} : { onLate }),
      });
    } catch (error) {
      throw unrecorded(error);
    }
  }

  /**
   * Records an entry like `record`. The first event of the entry comes before all other events of this process, including
   * `runtime.started`.
   *
   * @throws {Error} when this process has already written an event.
   */
  recordFirst({ events: [first, ...events], ...entry }: Entry, withinMs: number): Promise<Receipt> {
    if (this.#isAnnounced || first === undefined) throw new Error("The first event of this process is already written");
    this.#isAnnounced = true;
    return this.record({ ...entry, events: [first, this.#start(), ...events] }, undefined, withinMs);
  }

  /**
   * Makes a checkpoint event, which signs the trail up to and including this event. Entries of many events contain such an event.
   */
  checkpointDraft(): Draft {
    return { fields: (before) => ({ type: "audit.checkpoint", detail: this.#attestor.signed(before) }) };
  }

  /**
   * Queues `runtime.started` once, before every other event of this process.
   *
   * @param stays  Whether this process registers immediately. Servers register immediately, because `quater store restored` must
   * see every running server.
   */
  announce(stays = false): void {
    if (this.#isAnnounced) return;
    this.#isAnnounced = true;
    const entry: Entry = { events: [this.#start()] };
    this.writer.note(stays ? this.#lease.registering(entry) : entry);
  }

  #start(): Draft {
    return { fields: { type: "runtime.started", detail: this.#options.started() } };
  }

  /** Renews the lease of this process. */
  renewLease(): Promise<void> {
    return this.#lease.renew();
  }

  /**
   * Writes the queued entries, `runtime.stopped`, and a checkpoint after these events. If calls may have started and not ended,
   * this process stays registered, so that another process records that the ends of these calls are unknown.
   *
   * @param isSigned  Whether to make the checkpoint in any case. If false, Quater makes the checkpoint if this process has
   * registered, or if a checkpoint is due.
   */
  async stop(isSigned: boolean): Promise<void> {
    if (!this.#isAnnounced) return;
    const { mayHaveRow } = this.#lease;
    // The ledger runs `fields` and `beside` when the ledger writes `runtime.stopped`, because the ledger may first write a
    // `call.started` that was queued earlier.
    const fields = (): EventFields => ({
      type: "runtime.stopped",
      ...(this.#openStarts.size > 0 ? { detail: { hasOpenCalls: true } } : {}),
    });
    this.writer.note({ events: [{ fields }], ...(mayHaveRow ? { beside: () => this.#lease.ending() } : {}) });
    if (isSigned || mayHaveRow) this.checkpoints.make();
    else {
      await this.writer.flush(recordWithinMs);
      this.checkpoints.makeWhenDue();
    }
    await this.writer.flush(recordWithinMs);
    this.writer.close();
  }

  /** Computes the state of an approval request from the events of the request. @throws {QuaterError} `audit_unavailable`. */
  async standingOf(approvalId: string): Promise<Standing | undefined> {
    return this.#refusing(async () => (await this.open()).standingOf(approvalId));
  }

  /**
   * Checks that an approval may be used. Call this function before you record the use of the approval.
   *
   * @throws {QuaterError} `audit_unavailable` when the sinks did not accept earlier uses, when this process cannot read a sink,
   * or when a sink attests an event that the store lacks. In the last case, this process fences the store.
   */
  assertUsable(): Promise<void> {
    return this.#refusing(async () => {
      await this.#attestor.assertUsesTaken();
      await this.#attestor.assertAdded(await this.#options.store.open(), await this.open());
    });
  }

  /**
   * Before the handler runs, this function writes the use of an approval to every sink, reads the sink lines of other processes,
   * and checks that the store still has the use. While the sinks were written, somebody may have set the store back, and another
   * process may have used the same approval.
   *
   * @param place  The number and hash of the event `approval.used`.
   * @throws {QuaterError} `audit_unavailable` when a sink does not accept the line, or attests an event that the store lacks.
   */
  async sendUse(place: { readonly seq: number; readonly hash: string }, use: AttestedUse): Promise<void> {
    const { log, sinks } = this.#options;
    if (sinks.length === 0) return;
    try {
      await this.#attestor.sendUse(place, use);
    } catch (error) {
      log.error("Quater could not write the use of an approval to a sink, so it refused the call", { error: String(error) });
      throw unrecorded(error);
    }
    await this.#refusing(() => this.#compared.look());
  }

  async #refusing<Value>(work: () => Promise<Value>): Promise<Value> {
    try {
      return await work();
    } catch (error) {
      throw this.#compared.refusalOf(error);
    }
  }

  #onTrouble(error: unknown): void {
    if (this.#troubleAt === undefined)
      this.#options.log.error("Quater cannot write the trail, so it refuses calls that must be recorded", {
        error: textOf(error),
      });
    this.#troubleAt = Date.now();
  }

  #onWritten(): void {
    if (this.#troubleAt !== undefined) this.#options.log.info("Quater can write the trail again");
    this.#troubleAt = undefined;
    const dropped = this.writer.takeDropped();
    if (dropped !== undefined) this.writer.note({ events: [{ fields: { type: "audit.gap", ...dropped } }] });
    this.checkpoints.makeWhenGrown();
  }
}
