// The periodic work of a process that has opened the trail. The process writes the counts of refusals, reads a changed key file,
// compares the store with the sinks, renews the lease of the process, records lost calls, and removes events that are older than
// `retentionDays`.

import type { Log } from "../../core/plugin-api.ts";
import type { OpenStore, Statement, Store } from "../store/service.ts";
import type { KeyRing } from "./log/key-ring.ts";
import type { Refusals } from "./log/refusals.ts";
import type { Trail } from "./log/trail.ts";
import type { LostCall } from "./service.ts";
import { Unverified } from "./verify/verified.ts";

const tickMs = 1_000;
const pruneEveryMs = 3_600_000;
const dayMs = 86_400_000;

export interface UpkeepParts {
  readonly trail: Trail;
  readonly store: Store;
  readonly keys: KeyRing;
  readonly refusals: Refusals;
  readonly log: Log;
  readonly sinkFiles: readonly string[];
  readonly leaseMs: number;
  readonly retentionDays: number;
  /** Whether this process is a server, or another process that runs until somebody stops the process. */
  readonly stays: boolean;
}

export class Upkeep {
  readonly #parts: UpkeepParts;
  /** The functions by which other plugins add changes of their rows to the transaction that records a lost call. */
  readonly lostCallChanges: ((open: OpenStore, call: LostCall) => readonly Statement[])[] = [];
  /**
   * The last logged message of each kind of work. A damaged trail stays damaged until a person repairs the trail, so Quater logs
   * the message about the damage only once.
   */
  readonly #failures = new Map<string, string>();
  #timer: NodeJS.Timeout | undefined;
  #renewedAt = 0;
  #prunedAt = 0;

  constructor(parts: UpkeepParts) {
    this.#parts = parts;
  }

  start(): void {
    const { leaseMs, log } = this.#parts;
    const tick = () => {
      this.#tick().catch((error: unknown) =>
        log.warn("The regular maintenance of the trail failed. Quater tries again later", { error: String(error) }),
      );
    };
    this.#timer = setInterval(tick, Math.min(tickMs, leaseMs / 3));
    this.#timer.unref();
  }

  stop(): void {
    clearInterval(this.#timer);
  }

  /** @returns How many lost calls this process recorded as `unknown`. */
  async sweepLost(): Promise<number> {
    const { trail, store, keys } = this.#parts;
    const { sweepUnknown } = await import("./log/sweep.ts");
    await trail.open();
    const opened = await store.open();
    let found = 0;
    await this.#attempt("Quater could not record the calls of ended processes as lost", async () => {
      found = await sweepUnknown({ trail, store: opened, keys: keys.current }, (call) =>
        this.lostCallChanges.flatMap((changes) => changes(opened, call)),
      );
    });
    return found;
  }

  async #tick(): Promise<void> {
    const { trail, refusals, keys, leaseMs, stays } = this.#parts;
    refusals.sweep();
    keys.reload();
    await trail.compareWhenDue();
    if (stays) trail.checkpoints.makeWhenDue();
    if (Date.now() - this.#renewedAt < leaseMs / 3) return;
    this.#renewedAt = Date.now();
    await trail.renewLease();
    if (stays) await trail.compare();
    if (!stays || trail.ledger === undefined) return;
    await this.sweepLost();
    if (Date.now() - this.#prunedAt < pruneEveryMs) return;
    this.#prunedAt = Date.now();
    await this.#attempt("Quater could not remove old events", () => this.#removeOld());
  }

  async #removeOld(): Promise<void> {
    const { trail, store, keys, sinkFiles, retentionDays } = this.#parts;
    const opened = await store.open();
    const { prune } = await import("./log/prune.ts");
    await prune({ trail, store: opened, keys: keys.current, sinkFiles }, (await opened.now()) - retentionDays * dayMs);
  }

  /**
   * Runs one kind of periodic work. If an event does not verify, this function logs the problem and continues.
   *
   * @throws every other error.
   */
  async #attempt(failure: string, work: () => Promise<unknown>): Promise<void> {
    try {
      await work();
      this.#failures.delete(failure);
    } catch (error) {
      if (!(error instanceof Unverified)) throw error;
      if (this.#failures.get(failure) !== error.message) this.#parts.log.error(failure, { error: error.message });
      this.#failures.set(failure, error.message);
    }
  }
}
