// The queue of the calls of this process that want one lock. Only the first call asks the store. It hands the lock over to the next call in
// memory.

import type { QuaterError } from "../../../core/index.ts";
import { type Cancellation, cancelled } from "../../../core/plugin-api.ts";
import { type HeldLock, isPassing } from "../service.ts";
import { lockBusy, lockUnavailable } from "./errors.ts";
import type { Lease } from "./leases.ts";

/** How long a call waits. Docs say two seconds: the answer has to arrive within them. */
const waitMs = 1_900;
/** How often the store is asked while another process holds the lock. */
const ask = { firstMs: 4, mostMs: 40 } as const;
/** How long a process hands its lock over in memory. Then other processes get a chance. */
const turnMs = 250;
/** How long a process stays away from a lock after its turn. Longer than the others wait between two questions. */
const giveWayMs = 60;

/** What the queue needs of the store. */
export interface LeaseKeeper {
  acquire(key: string, name: string): Promise<Lease | undefined>;
  release(lease: Lease): Promise<void>;
  /** Asks the store. @throws {QuaterError} `lock_lost`. */
  confirm(lease: Lease): Promise<void>;
  /** Whether the lease cannot have run out yet. */
  isFresh(lease: Lease): boolean;
  /** The queue is not needed any more. */
  idle(key: string): void;
}

/** A lock in the hands of one call. */
export interface Held extends HeldLock {
  /** Asks the store only if the lease may have run out. @throws {QuaterError} `lock_lost`. */
  readonly confirm: () => Promise<void> | undefined;
  /** Safe to call twice. */
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
  /** A call has the lock, or this process is talking to the store about it. */
  #isTaken = false;
  #turnEndsAt = 0;
  /** Why the store could not be asked, the last time. */
  #trouble: unknown;

  constructor(keeper: LeaseKeeper, key: string, name: string) {
    this.#keeper = keeper;
    this.#key = key;
    this.#name = name;
  }

  /** @throws {QuaterError} `lock_busy` after two seconds, `cancelled`, or why the store cannot be asked. */
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

  /** Asks the store until it has given the lock, or until no call wants it any more. Never throws. */
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
      await pause(pauseMs * (0.75 + Math.random() / 2)); // random, so that two processes do not keep asking at the same moments
      pauseMs = Math.min(pauseMs * 2, ask.mostMs);
    }
    this.#free();
  }

  #hand(lease: Lease): void {
    const waiter = this.#waiters.shift();
    if (waiter === undefined) return void this.#giveBack(lease).catch(() => undefined); // it runs out
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

  /** If the release fails, the lease runs out, because it is not renewed any more. */
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
