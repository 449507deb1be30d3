// Opens the ledger of this process, and compares the store with the sinks and with the events that this process has seen. This
// process fences a store that was changed or set back to an older state, and then writes no more events.

import type { QuaterError } from "../../../core/index.ts";
import type { Attestor } from "../restore/attestor.ts";
import type { BatchesOptions } from "./batch.ts";
import { BehindEnd } from "./behind-end.ts";
import { DamagedHead, SetBack } from "./head.ts";
import { Ledger } from "./ledger.ts";
import type { TrailOptions } from "./trail-options.ts";
import { meaningOf, unrecorded } from "./unrecorded.ts";

export interface ComparedLedgerOptions extends TrailOptions {
  readonly instance: string;
  readonly attestor: Attestor;
  /** Makes the statement that registers this process: see `registration` of BatchesOptions. */
  readonly registration: NonNullable<BatchesOptions["registration"]>;
  /** Quater calls this function after the ledger is open, and before the first write of the ledger. */
  readonly whenOpened: (ledger: Ledger) => Promise<void>;
}

export class ComparedLedger {
  readonly #options: ComparedLedgerOptions;
  readonly #behindEnd: BehindEnd;
  #opening: Promise<Ledger> | undefined;
  #opened: Ledger | undefined;
  /**
   * Whether this process has lost a connection to the store. The next connection may lead to another database server, so this
   * process compares the store with the sinks before its next write.
   */
  #mustCompare = false;
  #isAcknowledging = false;

  constructor(options: ComparedLedgerOptions) {
    this.#options = options;
    this.#behindEnd = new BehindEnd(options.log);
    options.store.whenLost(() => {
      this.#mustCompare = true;
    });
  }

  /** The ledger of this process, or `undefined` before the ledger is open. */
  get opened(): Ledger | undefined {
    return this.#opened;
  }

  /**
   * Opens the ledger and compares the store with the sinks at the first call of this function, and at the first call of this
   * function after a lost connection.
   *
   * @throws {DamagedHead} when the store was changed or set back, or when Quater cannot read a sink.
   */
  async open(): Promise<Ledger> {
    this.#opening ??= this.#openFirst().catch((error: unknown) => {
      this.#opening = undefined;
      throw error;
    });
    const ledger = await this.#opening;
    if (this.#mustCompare) await this.#compareAgain(ledger);
    return ledger;
  }

  async #openFirst(): Promise<Ledger> {
    const { app, attestor, instance, keys, registration, store, whenOpened } = this.#options;
    const open = await store.open();
    this.#mustCompare = false;
    const ledger = await Ledger.open(open, { app, keys, instance, registration });
    attestor.genesis = ledger.genesis;
    if (!this.#isAcknowledging) await attestor.assertAgreement(open, ledger);
    if (ledger.head.seq === 0) attestor.makeSinks();
    await whenOpened(ledger);
    await this.#behindEnd.look(open);
    this.#opened = ledger;
    return ledger;
  }

  /**
   * Compares the store with the sinks again after a failover of the database, because the new database server may lack events
   * that this process wrote.
   */
  async #compareAgain(ledger: Ledger): Promise<void> {
    const open = await this.#options.store.open();
    this.#mustCompare = false;
    try {
      await ledger.look();
      await this.#options.attestor.assertStillAgreed(open, ledger);
    } catch (error) {
      this.#mustCompare = true;
      throw error;
    }
  }

  /**
   * Lets this process write events although the sinks attest more events than the store has. Only `quater store restored` calls
   * this function.
   */
  acknowledgeRestore(): void {
    this.#isAcknowledging = true;
  }

  /**
   * Compares the store with the sinks if this process has lost a connection to the store. Fences the store if the store was set
   * back.
   */
  async compareWhenDue(): Promise<void> {
    if (this.#mustCompare) await this.compare();
  }

  /**
   * Compares the store with the events that this process has seen, and with new lines in the sinks. So a process without calls
   * also notices that the store was set back. Fences the store if the store was changed or set back.
   */
  async compare(): Promise<void> {
    if (this.#opened === undefined) return;
    try {
      await this.look();
      await this.#behindEnd.look(await this.#options.store.open());
    } catch (error) {
      if (error instanceof DamagedHead) this.fence(error);
      else throw error;
    }
  }

  /** Compares like `compare`, but does not fence the store. @throws {DamagedHead | StoreFailure} */
  async look(): Promise<void> {
    const ledger = await this.open();
    await this.#options.attestor.assertAdded(await this.#options.store.open(), ledger);
    await ledger.look();
  }

  /**
   * Fences the store. If the store was set back, this function writes to the sinks a line about the newest event that this
   * process has seen, so that no process gives the numbers of lost events to new events.
   */
  fence(error: unknown): void {
    const { attestor, store } = this.#options;
    const seen = this.#opened?.seen;
    if (error instanceof SetBack && seen !== undefined && !store.isFenced)
      attestor.send(attestor.signed({ seq: seen.seq, hash: seen.hash, at: Date.now() }));
    store.fence(error);
  }

  /**
   * Fences the store if an error means damage of the store.
   *
   * @returns The error for the caller whose call Quater cannot record.
   */
  refusalOf(error: unknown): QuaterError {
    if (meaningOf(error) === "damage") this.fence(error);
    return unrecorded(error);
  }
}
