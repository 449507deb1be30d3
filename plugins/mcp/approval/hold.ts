// Holds a repeated call of revision 2026-07-28 while people decide about it. SDK clients repeat a call at once when their user has
// opened the page, and give up after some repetitions. Each wait is short, and no call of the gate is open during the wait.

import { isQuaterError, type Principal } from "../../../core/index.ts";
import type { Arriving, Cancellation, Gate } from "../../../core/plugin-api.ts";
import type { Approvals, OwnStatus } from "../../offered.ts";

/** How many calls may be held in one process. Each held call needs a connection, and reads the store every two seconds. */
const mostHeld = { ofPrincipal: 16, ofAll: 128 } as const;

/** The caller of a repeated call. */
export interface HeldCaller {
  readonly principal: Principal;
  readonly entry: Arriving;
  readonly cancellation: Cancellation;
}

export interface Held {
  /** The caller with its current rights. */
  readonly principal: Principal;
  /** The last state of the approval request; `undefined` if the state could not be read. */
  readonly status?: OwnStatus;
  /** Whether the call was not held, because too many calls are held. */
  readonly isFull?: boolean;
}

export class ApprovalHold {
  readonly #gate: Gate;
  readonly #approvals: Pick<Approvals, "untilDecided">;
  readonly #mostMs: number;
  /** How many calls of each principal are held. */
  readonly #ofPrincipal = new Map<string, number>();
  /** The held calls, each with the function that ends its wait. */
  readonly #held = new Map<() => void, Promise<unknown>>();

  /** @param mostMs  The longest wait, milliseconds. */
  constructor(gate: Gate, approvals: Pick<Approvals, "untilDecided">, mostMs: number) {
    this.#gate = gate;
    this.#approvals = approvals;
    this.#mostMs = mostMs;
  }

  /**
   * Waits until people have decided, the client leaves, the server stops, or the longest wait is over.
   *
   * @throws {QuaterError} when the credential of the caller is no longer accepted.
   */
  async until(id: string, caller: HeldCaller): Promise<Held> {
    const { issuer, subject } = caller.principal;
    const key = JSON.stringify([issuer, subject]);
    const count = this.#ofPrincipal.get(key) ?? 0;
    if (count >= mostHeld.ofPrincipal || this.#held.size >= mostHeld.ofAll) return { principal: caller.principal, isFull: true };
    this.#ofPrincipal.set(key, count + 1);
    const leaving = new AbortController();
    const leave = () => leaving.abort();
    const timer = setTimeout(leave, this.#mostMs);
    const { signal } = caller.cancellation;
    signal.addEventListener("abort", leave);
    if (signal.aborted) leave();
    // A stopping server does not wait for held calls: it asks their clients to repeat the call, which another instance may answer.
    const asked = () => {
      if (this.#gate.isStopping) leave();
    };
    const reading = this.#read(id, caller, leaving.signal, asked);
    this.#held.set(leave, reading);
    try {
      return await reading;
    } finally {
      clearTimeout(timer);
      signal.removeEventListener("abort", leave);
      this.#held.delete(leave);
      const now = (this.#ofPrincipal.get(key) ?? 1) - 1;
      if (now === 0) this.#ofPrincipal.delete(key);
      else this.#ofPrincipal.set(key, now);
    }
  }

  /** Reads the state once. @throws {QuaterError} as `until`. */
  look(id: string, caller: HeldCaller): Promise<Held> {
    return this.#read(id, caller, AbortSignal.abort());
  }

  /** Ends all waits. */
  async stop(): Promise<void> {
    for (const leave of this.#held.keys()) leave();
    await Promise.allSettled(this.#held.values());
  }

  async #read(id: string, caller: HeldCaller, signal: AbortSignal, asked = () => {}): Promise<Held> {
    let { principal } = caller;
    let refused: unknown;
    const enter = async (): Promise<Principal> => {
      try {
        principal = await this.#gate.enterAgain(caller.entry, principal, Number.NEGATIVE_INFINITY);
        return principal;
      } catch (error) {
        refused = error;
        throw error;
      }
    };
    try {
      const status = await this.#approvals.untilDecided(enter, "mcp", id, { signal, asked });
      return { principal, status };
    } catch (error) {
      // Without the state, the gate decides. It answers with its own error if the store fails or the request was removed.
      if (refused === undefined && isQuaterError(error)) return { principal };
      throw error;
    }
  }
}
