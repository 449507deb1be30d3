// The hook that waits for the lock of a handler. This file also renews the leases of this process while handlers run.

import { randomUUID } from "node:crypto";
import { errorText, type HookChoice, type Log } from "../../../core/plugin-api.ts";
import type { HeldLock, OpenStore } from "../service.ts";
import { lockLost } from "./errors.ts";
import { lockKeyOf, lockOf } from "./exposure.ts";
import { acquired, elapsedSince, type Lease, pruned, renewed } from "./leases.ts";
import { type LeaseKeeper, LockQueue } from "./queue.ts";

const pruneEveryMs = 3_600_000;

export interface LocksOptions {
  readonly open: () => Promise<OpenStore>;
  readonly leaseMs: number;
  readonly log: Log;
}

export class Locks {
  readonly #options: LocksOptions;
  readonly #holder = randomUUID();
  /** The queues of the locks that calls of this process have or wait for, by the key of the lock. */
  readonly #queues = new Map<string, LockQueue>();
  readonly #leases = new Set<Lease>();
  readonly #byCall = new Map<string, HeldLock>();
  #renewing: NodeJS.Timeout | undefined;
  #prunedAt = 0;

  constructor(options: LocksOptions) {
    this.#options = options;
  }

  /**
   * Returns the lock that a call has. A call has its lock from before Quater uses its approval until Quater has recorded its end.
   */
  heldBy(callId: string): HeldLock | undefined {
    return this.#byCall.get(callId);
  }

  readonly hooks: HookChoice = (operation) => {
    const lock = operation === undefined ? undefined : lockOf(operation);
    if (lock === undefined) return undefined;
    return {
      hold: async ({ callId, input, cancellation }, keep) => {
        const { confirm, release, guard, assertHeld } = await this.#queueOf(lockKeyOf(lock, input), lock.name).take(cancellation);
        this.#byCall.set(callId, { guard, assertHeld });
        keep({
          confirm,
          release: () => {
            this.#byCall.delete(callId);
            return release();
          },
        });
        return true;
      },
    };
  };

  /** Stops renewing the leases. The leases of handlers that still run stay in the store until these leases expire. */
  stop(): void {
    clearInterval(this.#renewing);
    this.#leases.clear();
  }

  #queueOf(key: string, name: string): LockQueue {
    const queue = this.#queues.get(key) ?? new LockQueue(this.#keeper, key, name);
    this.#queues.set(key, queue);
    return queue;
  }

  readonly #keeper: LeaseKeeper = {
    acquire: async (key, name) => {
      const store = await this.#options.open();
      const { leaseMs } = this.#options;
      const lease = await acquired(store, { key, name, holder: this.#holder, leaseMs });
      if (lease === undefined) return undefined;
      if (this.#leases.size === 0) this.#renewing = setInterval(() => void this.#renew(), leaseMs / 3).unref();
      this.#leases.add(lease);
      if (Date.now() - this.#prunedAt > pruneEveryMs) {
        this.#prunedAt = Date.now();
        await pruned(store).catch((error: unknown) =>
          this.#warn("The store could not delete old locks of ended processes", error),
        );
      }
      return lease;
    },
    release: async (lease) => {
      this.#leases.delete(lease);
      if (this.#leases.size === 0) clearInterval(this.#renewing);
      const [ended] = await (await this.#options.open()).apply([lease.end]);
      if (ended?.changes !== 1 && !lease.isLost) this.#tellLost(lease);
    },
    confirm: async (lease) => {
      if (!lease.isLost) await renewed(await this.#options.open(), [lease]);
      if (lease.isLost) throw lockLost(lease.name);
    },
    isFresh: (lease) => !lease.isLost && elapsedSince(lease.confirmedAt) < this.#options.leaseMs,
    idle: (key) => void this.#queues.delete(key),
  };

  /**
   * Renews the leases of this process. If this process cannot renew a lease, the next renewal tries again, because the lease is
   * valid until another process gets the lock.
   */
  async #renew(): Promise<void> {
    const held = [...this.#leases].filter(({ isLost }) => !isLost);
    try {
      await renewed(await this.#options.open(), held);
    } catch (error) {
      this.#warn("The store could not renew its locks", error);
    }
    for (const lease of held) if (lease.isLost && this.#leases.has(lease)) this.#tellLost(lease);
  }

  #tellLost({ name }: Lease): void {
    this.#options.log.error(
      `The lock ${name} was lost while its handler may have been running, so another call may have run at the same time`,
      {
        hint: "Either the process did not run for longer than store({ lockLeaseMs }), or somebody changed the row of the lock in quater_lock",
      },
    );
  }

  #warn(message: string, error: unknown): void {
    this.#options.log.warn(message, { error: errorText(error) });
  }
}
