// The trail of one process: all events that the process records. The first event opens the trail, so a command that records no
// event writes nothing to the store.

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
 * How long the process reports that it is not ready after a failed write, milliseconds. The next write would probably fail, too.
 */
const troubleMs = 3_000;

export class Trail {
  /** The name of this process in its events. */
  readonly instance = randomBytes(6).toString("hex");
  readonly writer: Writer;
  readonly checkpoints: Checkpoints;
  readonly #options: TrailOptions;
  readonly #attestor: Attestor;
  readonly #compared: ComparedLedger;
  readonly #lease: Lease;
  readonly #openStarts = new OpenStarts();
  /** Whether `runtime.started` is written or queued. */
  #isAnnounced = false;
  /** When the last write failed; `undefined` after a write succeeded. */
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

  /** The ledger; `undefined` before it is open. */
  get ledger(): Ledger | undefined {
    return this.#compared.opened;
  }

  /** Opens the ledger: see `open` of ComparedLedger. @throws {DamagedHead | StoreFailure} */
  open(): Promise<Ledger> {
    return this.#compared.open();
  }

  /** Lets this process write after an acknowledged restore: see `acknowledgeRestore` of ComparedLedger. */
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

  /** Checks that the store is not fenced. A fenced store refuses reads, too. @throws {QuaterError} `audit_unavailable` */
  assertOpen(): void {
    if (this.#options.store.isFenced) throw unrecorded(undefined);
  }

  /**
   * Tests whether a write would succeed now.
   *
   * @throws The reason why it would fail.
   */
  async probe(): Promise<void> {
    try {
      await (await this.open()).probe();
    } catch (error) {
      if (meaningOf(error) === "damage") this.#compared.fence(error);
      throw error;
    }
    // A probe writes only a few bytes, for which even a full disk may have room. So the result of the last real write counts,
    // too.
    const since = Date.now() - (this.#troubleAt ?? 0);
    if (since < troubleMs) throw new Error("The last write to the trail failed less than a second ago");
  }

  /** Queues an event, and does not wait until the event is committed. */
  note(fields: EventFields, body?: string): void {
    this.announce();
    this.writer.note({ events: [body === undefined ? { fields } : { fields, body }] });
  }

  /** Queues an event like `note`. The transaction of the event also makes changes of state. */
  noteBeside(fields: EventFields, beside: Pick<Entry, "beside">): void {
    this.announce();
    this.writer.note({ events: [{ fields }], ...beside });
  }

  /**
   * Records an entry, and waits until the entry is committed.
   *
   * @param onLate  Called when the entry was committed after the wait for the commit had ended with an error. Without `onLate`, a
   * late entry is still written. With `onLate`, a late entry is withdrawn if it was not sent to the store yet.
   * @param withinMs  How long to wait for the commit. Default 2 seconds.
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
   * Records an entry like `record`. The first event of the entry comes before all other events of this process, also before
   * `runtime.started`.
   *
   * @throws {Error} when this process has written already.
   */
  recordFirst({ events: [first, ...events], ...entry }: Entry, withinMs: number): Promise<Receipt> {
    if (this.#isAnnounced || first === undefined) throw new Error("The first event of this process is already written");
    this.#isAnnounced = true;
    return this.record({ ...entry, events: [first, this.#start(), ...events] }, undefined, withinMs);
  }

  /** Makes an event that signs the trail up to and including itself. Entries of many events contain such an event. */
  checkpointDraft(): Draft {
    return { fields: (before) => ({ type: "audit.checkpoint", detail: this.#attestor.signed(before) }) };
  }

  /**
   * Queues `runtime.started` once, before every other event of this process.
   *
   * @param stays  Whether the process registers immediately. Servers do, because `quater store restored` must see every running
   * server.
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
   * the process stays registered, so that another process records that the ends of these calls are unknown.
   *
   * @param isSigned  Whether to make the checkpoint in any case. If false, the checkpoint is made if this process has registered,
   *   or if a checkpoint is due.
   */
  async stop(isSigned: boolean): Promise<void> {
    if (!this.#isAnnounced) return;
    const { mayHaveRow } = this.#lease;
    // `fields` and `beside` run when `runtime.stopped` is written, because a `call.started` that was queued earlier may be
    // written until then.
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

  /** Computes the state of an approval request from its events. @throws {QuaterError} `audit_unavailable`. */
  async standingOf(approvalId: string): Promise<Standing | undefined> {
    return this.#refusing(async () => (await this.open()).standingOf(approvalId));
  }

  /**
   * Checks that an approval may be used. Call this function before you record the use.
   *
   * @throws {QuaterError} `audit_unavailable` when the sinks did not accept earlier uses, cannot be read, or attest an event that
   * the store lacks. An event that the store lacks fences the store.
   */
  assertUsable(): Promise<void> {
    return this.#refusing(async () => {
      await this.#attestor.assertUsesTaken();
      await this.#attestor.assertAdded(await this.#options.store.open(), await this.open());
    });
  }

  /**
   * Before the handler runs, this function writes the use of an approval to every sink, reads the lines of other processes, and
   * checks that the store still has the use. During the write, the store may have been set back, and another process may have
   * used the same approval.
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
