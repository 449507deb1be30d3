// The queue of the calls of this process that wait for the same lock. Only the first call queries the store for the lock. Each
// call passes the lock in memory to the next call.

import type { QuaterError } from "../../../core/index.ts";
import { type Cancellation, cancelled } from "../../../core/plugin-api.ts";
import { type HeldLock, isPassing } from "../service.ts";
import { lockBusy, lockUnavailable } from "./errors.ts";
import type { Lease } from "./leases.ts";

/**
 * How long a call waits for its lock, milliseconds. The documentation promises at most two seconds, and the caller must get the
 * answer within this time.
 */
const waitMs = 1_900;
/** How long this process waits between two queries of the store while another process has the lock, milliseconds. */
const ask = { firstMs: 4, mostMs: 40 } as const;
/**
 * How long a process passes a lock in memory to its next call, milliseconds. After this time, the process releases the lock for
 * other processes.
 */
const turnMs = 250;
/**
 * How long a process does not try to get a lock after the process has released the lock for other processes, milliseconds. The
 * time `giveWayMs` is longer than other processes wait between two queries of the store.
 */
const giveWayMs = 60;

/** The functions of the store that the queue needs. */
export interface LeaseKeeper {
  acquire(key: string, name: string): Promise<Lease | undefined>;
  release(lease: Lease): Promise<void>;
  /** Checks the lease in the store. @throws {QuaterError} `lock_lost` when another process has got the lock. */
  confirm(lease: Lease): Promise<void>;
  /** Whether the lease has certainly not expired yet. */
  isFresh(lease: Lease): boolean;
  /** The queue calls this function when no call needs the queue any more. */
  idle(key: string): void;
}

/** A lock that one call has. */
export interface Held extends HeldLock {
  /**
   * Queries the store only if the lease may have expired. @throws {QuaterError} `lock_lost` when another process has got the
   * lock.
   */
  readonly confirm: () => Promise<void> | undefined;
  /** Releases the lock. The caller may call this function twice. */
  readonly release: () => Promise<void>;
}

interface Waiter {
  readonly resolve: (held: Held) => void;
  readonly reject: (error: QuaterError) => void;
}

export class LockQueue {
  readonly #keeper: LeaseKeeper;
  readonly #key: string;
  readonly #name: string;
  readonly #waiters: Waiter[] = [];
  /** Whether a call of this process has the lock, or this process is querying the store for the lock. */
  #isTaken = false;
  #turnEndsAt = 0;
  /** The error of the last query of the store, if this query failed. */
  #trouble: unknown;

  constructor(keeper: LeaseKeeper, key: string, name: string) {
    this.#keeper = keeper;
    this.#key = key;
    this.#name = name;
  }

  /**
   * Waits for the lock. @throws {QuaterError} `lock_busy` after two seconds, `cancelled`, or the error of the query of the store.
   */
  take(cancellation: Cancellation): Promise<Held> {
    return new Promise((resolve, reject) => {
      const leave = (error: QuaterError): void => {
        const at = this.#waiters.indexOf(waiter);
        if (at < 0) return;
        this.#waiters.splice(at, 1);
        settle();
        reject(error);
      };
      const onAbort = (): void => leave(cancelled());
      const timer = setTimeout(
        () => leave(this.#trouble === undefined ? lockBusy(this.#name) : lockUnavailable(this.#name, this.#trouble)),
        waitMs,
      );
      const settle = (): void => {
        clearTimeout(timer);
        cancellation.signal.removeEventListener("abort", onAbort);
      };
      const waiter: Waiter = {
        resolve: (held) => {
          settle();
          resolve(held);
        },
        reject: (error) => {
          settle();
          reject(error);
        },
      };
      this.#waiters.push(waiter);
      cancellation.signal.addEventListener("abort", onAbort);
      if (cancellation.isCancelled) return onAbort();
      if (!this.#isTaken) void this.#ask(0);
    });
  }

  /** Queries the store until this process gets the lock, or until no call waits for the lock any more. Never throws. */
  async #ask(afterMs: number): Promise<void> {
    this.#isTaken = true;
    let pauseMs: number = ask.firstMs;
    if (afterMs > 0) await pause(afterMs);
    while (this.#waiters.length > 0) {
      try {
        const lease = await this.#keeper.acquire(this.#key, this.#name);
        this.#trouble = undefined;
        if (lease !== undefined) {
          this.#turnEndsAt = Date.now() + turnMs;
          return this.#hand(lease);
        }
      } catch (error) {
        this.#trouble = error;
        if (!isPassing(error)) for (const { reject } of this.#waiters.splice(0)) reject(lockUnavailable(this.#name, error));
      }
      // The pause is random, so that two processes do not always query the store at the same moments.
      await pause(pauseMs * (0.75 + Math.random() / 2));
      pauseMs = Math.min(pauseMs * 2, ask.mostMs);
    }
    this.#free();
  }

  #hand(lease: Lease): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) return void this.#giveBack(lease).catch(() => undefined); // After a failure, the lease expires.
    const { confirm, isFresh } = this.#keeper;
    let isReleased = false;
    waiter.resolve({
      guard: { ...lease.extension, expects: 1 },
      assertHeld: () => confirm(lease),
      confirm: () => (isFresh(lease) ? undefined : confirm(lease)),
      release: async () => {
        if (isReleased) return;
        isReleased = true;
        const isNext = this.#waiters.length > 0 && !lease.isLost && isFresh(lease) && Date.now() < this.#turnEndsAt;
        if (isNext) this.#hand(lease);
        else await this.#giveBack(lease);
      },
    });
  }

  /** Releases a lease. If the release fails, the lease expires, because this process no longer renews the lease. */
  async #giveBack(lease: Lease): Promise<void> {
    const hasHadItsTurn = this.#waiters.length > 0;
    try {
      await this.#keeper.release(lease);
    } finally {
      if (this.#waiters.length > 0) void this.#ask(hasHadItsTurn ? giveWayMs : 0);
      else this.#free();
    }
  }

  #free(): void {
    this.#isTaken = false;
    this.#keeper.idle(this.#key);
  }
}

const pause = (milliseconds: number): Promise<void> => new Promise((resolve) => setTimeout(resolve, milliseconds));
