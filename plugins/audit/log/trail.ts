// The trail of one process: its instance, its writer, its checkpoints. Opened on the first event, so that a command that
// writes none leaves nothing behind.

import { randomBytes } from "node:crypto";
import type { QuaterError } from "../../../core/index.ts";
import type { AttestedUse } from "../restore/attestation.ts";
import { Attestor } from "../restore/attestor.ts";
import { BehindEnd } from "./behind-end.ts";
import { Checkpoints } from "./checkpoints.ts";
import type { Draft, Entry, Receipt } from "./entry.ts";
import type { EventFields } from "./event.ts";
import type { Standing } from "./evidence.ts";
import { DamagedHead, SetBack } from "./head.ts";
import { instanceGone, leaseOf, leaseRow } from "./leases.ts";
import { Ledger } from "./ledger.ts";
import type { TrailOptions } from "./trail-options.ts";
import { meaningOf, textOf, unrecorded } from "./unrecorded.ts";
import { recordWithinMs, Writer } from "./writer.ts";

/** For how long a failed write says that the next one would fail, too. */
const troubleMs = 3_000;
export class Trail {
  /** Names this process in its events. */
  readonly instance = randomBytes(6).toString("hex");
  readonly writer: Writer;
  readonly #options: TrailOptions;
  #ledger: Promise<Ledger> | undefined;
  #opened: Ledger | undefined;
  #isAnnounced = false;
  #isRegistered = false;
  /** By this process's clock: until then nobody can have taken it for dead. */
  #aliveUntil = 0;
  /** When writing last failed; `undefined` once it succeeded again. */
  #troubleAt: number | undefined;
  /** The store may be another one than before, so compare it before the next write. */
  #mustCompare = false;
  #isAcknowledging = false;
  readonly #attestor: Attestor;
  readonly checkpoints: Checkpoints;
  readonly #behindEnd: BehindEnd;

  constructor(options: TrailOptions) {
    this.#options = options;
    this.#attestor = new Attestor(options);
    this.#behindEnd = new BehindEnd(options.log);
    options.store.whenLost(() => {
      this.#mustCompare = true;
    });
    this.writer = new Writer({
      ledger: () => this.open(),
      meaningOf: (error) => (options.store.isFenced ? "damage" : meaningOf(error)),
      onFatal: (error) => this.#fence(error),
      onTrouble: (error) => this.#onTrouble(error),
      onRefused: (error) => this.#options.log.error("An event cannot be written and is left out", { error: textOf(error) }),
      onWritten: () => this.#onWritten(),
    });
    this.checkpoints = new Checkpoints({ ...options, attestor: this.#attestor, writer: this.writer });
  }

  get ledger(): Ledger | undefined {
    return this.#opened;
  }

  /**
   * Opens the trail, and compares it with its sinks: the first time, and again after a connection to the store was lost.
   *
   * @throws {DamagedHead} when the store was changed or set back, or a sink cannot be read.
   */
  async open(): Promise<Ledger> {
    this.#ledger ??= this.#openFirst().catch((error: unknown) => {
      this.#ledger = undefined;
      throw error;
    });
    const ledger = await this.#ledger;
    if (this.#mustCompare) await this.#compareAgain(ledger);
    return ledger;
  }

  async #openFirst(): Promise<Ledger> {
    const { app, keys, store } = this.#options;
    const open = await store.open();
    this.#mustCompare = false;
    const ledger = await Ledger.open(open, { app, keys, instance: this.instance });
    this.#attestor.genesis = ledger.genesis;
    if (!this.#isAcknowledging) await this.#attestor.assertAgreement(open, ledger);
    if (ledger.head.seq === 0) this.#attestor.makeSinks();
    this.checkpoints.begin(ledger, await ledger.lastCheckpoint());
    await this.#behindEnd.look(open);
    this.#opened = ledger;
    return ledger;
  }

  /** A failover may have led to a server that lacks what this process wrote. */
  async #compareAgain(ledger: Ledger): Promise<void> {
    const open = await this.#options.store.open();
    this.#mustCompare = false;
    try {
      await ledger.look();
      await this.#attestor.assertStillAgreed(open, ledger);
    } catch (error) {
      this.#mustCompare = true;
      throw error;
    }
  }

  /** Lets this process write although the sinks attest more: for the command that acknowledges a restore. */
  acknowledgeRestore(): void {
    this.#isAcknowledging = true;
  }

  /** Compares the store again if a connection to it was lost. Fences the store when it was set back. */
  async compareWhenDue(): Promise<void> {
    if (this.#mustCompare) await this.compare();
  }

  /**
   * Compares the store with what this process has seen of it, and with what was added to the sinks. A process that has no calls
   * learns from this, too. Fences the store when it was set back.
   */
  async compare(): Promise<void> {
    if (this.#opened === undefined) return;
    try {
      await this.#look();
      await this.#behindEnd.look(await this.#options.store.open());
    } catch (error) {
      if (error instanceof DamagedHead) this.#fence(error);
      else throw error;
    }
  }

  /** Compares the store with the lines that were added to the sinks, and with what this process has seen. */
  async #look(): Promise<void> {
    const ledger = await this.open();
    await this.#attestor.assertAdded(await this.#options.store.open(), ledger);
    await ledger.look();
  }

  /** What this process has seen and the store lost is attested at once, so that its numbers are not used again. */
  #fence(error: unknown): void {
    const { store } = this.#options;
    const seen = this.#opened?.seen;
    if (error instanceof SetBack && seen !== undefined && !store.isFenced)
      this.#attestor.send(this.#attestor.signed({ seq: seen.seq, hash: seen.hash, at: Date.now() }));
    store.fence(error);
  }

  /** @returns The refusal of a call. Damage fences the store. */
  #refusalOf(error: unknown): QuaterError {
    if (meaningOf(error) === "damage") this.#fence(error);
    return unrecorded(error);
  }

  /** @throws {QuaterError} `audit_unavailable` once the store is fenced: then not even reads go on. */
  assertOpen(): void {
    if (this.#options.store.isFenced) throw unrecorded(undefined);
  }

  /**
   * Tries whether a write would be taken now.
   *
   * @throws when not, with the reason.
   */
  async probe(): Promise<void> {
    try {
      await (await this.open()).probe();
    } catch (error) {
      if (meaningOf(error) === "damage") this.#fence(error);
      throw error;
    }
    // What a probe cannot try out (room for a larger write, for one) shows in the writes themselves.
    const since = Date.now() - (this.#troubleAt ?? 0);
    if (since < troubleMs) throw new Error("The last write failed a moment ago");
  }

  /** Soon, and not waited for. */
  note(fields: EventFields, body?: string): void {
    this.announce();
    this.writer.note({ events: [body === undefined ? { fields } : { fields, body }] });
  }

  /** As `note`, with changes of state in the same transaction. */
  noteBeside(fields: EventFields, beside: Pick<Entry, "beside">): void {
    this.announce();
    this.writer.note({ events: [{ fields }], ...beside });
  }

  /**
   * Durable when it resolves.
   *
   * @param onLate  The record is void when it comes too late: withdrawn, or, when it was written all the same, told here.
   * @param withinMs  How long to wait for the commit. Default 2 seconds.
   * @throws {QuaterError} `audit_unavailable`.
   */
  async record(entry: Entry, onLate?: () => void, withinMs = recordWithinMs): Promise<Receipt> {
    this.announce();
    try {
      const receipt = await this.writer.record(this.#withInstance(entry), {
        withinMs,
        ...(onLate === undefined ? {} : { onLate }),
      });
      this.#isRegistered = true;
      return receipt;
    } catch (error) {
      throw unrecorded(error);
    }
  }

  /** @throws {QuaterError} `audit_unavailable`. */
  async standingOf(approvalId: string): Promise<Standing | undefined> {
    try {
      return await (await this.open()).standingOf(approvalId);
    } catch (error) {
      throw this.#refusalOf(error);
    }
  }

  /**
   * As `record`, with the entry's first event before everything that this process writes, its start included.
   *
   * @throws {Error} when this process has written already.
   */
  recordFirst({ events: [first, ...events], ...entry }: Entry, withinMs: number): Promise<Receipt> {
    if (this.#isAnnounced || first === undefined) throw new Error("This process has written events already");
    this.#isAnnounced = true;
    return this.record({ ...entry, events: [first, this.#start(), ...events] }, undefined, withinMs);
  }

  /** Makes an event that signs the trail up to itself, for entries of many events. */
  checkpointDraft(): Draft {
    return { fields: (before) => ({ type: "audit.checkpoint", detail: this.#attestor.signed(before) }) };
  }

  #start(): Draft {
    return { fields: { type: "runtime.started", detail: this.#options.started() } };
  }

  /** Before anything else that this process writes. */
  announce(stays = false): void {
    if (this.#isAnnounced) return;
    this.#isAnnounced = true;
    const entry: Entry = { events: [this.#start()] };
    // A process that stays is known from its start: `quater store restored` must see it.
    this.writer.note(stays ? this.#withInstance(entry) : entry);
    if (stays) this.#isRegistered = true;
  }

  /** @param openSince  The first event that a call which has not ended may have left. */
  async renewLease(openSince: number | undefined): Promise<void> {
    const ledger = this.#opened;
    if (!this.#isRegistered || ledger === undefined) return;
    // While something is being written, a start may be on its way that `openSince` does not know of yet.
    const floor = this.writer.isIdle ? (openSince ?? ledger.head.seq) : undefined;
    const store = await this.#options.store.open();
    const aliveUntil = Date.now() + this.#options.leaseMs;
    const [renewed] = await store.apply([leaseOf(store, ledger, this.instance, this.#options.leaseMs, floor)]);
    // Taken for dead, after standing still for too long: the next call registers it anew.
    if (renewed?.changes === 0) this.#isRegistered = false;
    else this.#aliveUntil = aliveUntil;
  }

  /**
   * The last words: what is queued, the end of the instance, a checkpoint over all of it.
   *
   * @param isSigned  Otherwise only what this process recorded for good is signed at once; a command that merely read
   *   something signs when a checkpoint is due.
   * @param hasOpenCalls  Calls were started and have not ended: the process stays registered, so that another one records that
   *   their ends are unknown.
   */
  async stop(isSigned: boolean, hasOpenCalls = false): Promise<void> {
    if (!this.#isAnnounced) return;
    const isLeaving = this.#isRegistered && !hasOpenCalls;
    const beside = isLeaving ? () => [instanceGone(this.#opened, this.instance)].flat() : undefined;
    const fields = { type: "runtime.stopped" as const, ...(hasOpenCalls ? { detail: { hasOpenCalls } } : {}) };
    this.writer.note({ events: [{ fields }], ...(beside === undefined ? {} : { beside }) });
    if (isSigned || this.#isRegistered) this.checkpoints.make();
    else {
      await this.writer.flush(recordWithinMs);
      this.checkpoints.makeWhenDue();
    }
    await this.writer.flush(recordWithinMs);
    this.writer.close();
  }

  /** Decides when the entry is written: a process that stood still and was taken for dead must be found when it really dies. */
  #withInstance(entry: Entry): Entry {
    return {
      ...entry,
      beside: (before) => {
        const ledger = this.#opened;
        const isKnown = ledger === undefined || (this.#isRegistered && Date.now() < this.#aliveUntil);
        const lease = isKnown ? [] : [leaseRow(ledger, this.instance, this.#options.leaseMs, before)];
        return [...lease, ...(entry.beside?.(before) ?? [])];
      },
    };
  }

  /**
   * Call it before an approval is used up.
   *
   * @throws {QuaterError} `audit_unavailable` when the sinks did not take the uses before, cannot be read, or attest an event that
   *   the store lacks. The last one fences the store.
   */
  assertUsable(): Promise<void> {
    return this.#refusing(async () => {
      await this.#attestor.assertUsesTaken();
      await this.#attestor.assertAdded(await this.#options.store.open(), await this.open());
    });
  }

  /**
   * Writes the use of an approval to every sink, before the handler runs. Then reads what others wrote there, and whether the
   * store still holds the use: the store may have been set back meanwhile, and another instance may have used the same approval.
   *
   * @param place  Of the event `approval.used`.
   * @throws {QuaterError} `audit_unavailable` when a sink does not take it, or attests an event that the store lacks.
   */
  async sendUse(place: { readonly seq: number; readonly hash: string }, use: AttestedUse): Promise<void> {
    const { log, sinks } = this.#options;
    if (sinks.length === 0) return;
    try {
      await this.#attestor.sendUse(place, use);
    } catch (error) {
      log.error("The use of an approval did not reach a sink, so the call does not run", { error: String(error) });
      throw unrecorded(error);
    }
    await this.#refusing(() => this.#look());
  }

  async #refusing(work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      throw this.#refusalOf(error);
    }
  }

  #onTrouble(error: unknown): void {
    if (this.#troubleAt === undefined)
      this.#options.log.error("The trail cannot be written; calls that need a record are refused", { error: textOf(error) });
    this.#troubleAt = Date.now();
  }

  #onWritten(): void {
    if (this.#troubleAt !== undefined) this.#options.log.info("The trail is written again");
    this.#troubleAt = undefined;
    const dropped = this.writer.takeDropped();
    if (dropped !== undefined) this.writer.note({ events: [{ fields: { type: "audit.gap", ...dropped } }] });
    this.checkpoints.makeWhenGrown();
  }
}
