// Lets a repeated call of revision 2026-07-28 wait until the approvers have decided. SDK clients repeat a call immediately after
// their user has opened the approvals page, and give up after some repetitions. Each wait of a repeated call is short, and the
// call does not enter the gate before the end of the wait.

import { isQuaterError, type Principal } from "../../../core/index.ts";
import type { Arriving, Cancellation, Gate } from "../../../core/plugin-api.ts";
import type { Approvals, OwnStatus } from "../../offered.ts";
import { PrincipalCounts, principalKey } from "../answering/principal-counts.ts";

/**
 * How many calls may wait at the same time in one process. Each waiting call needs a connection, and Quater reads the store for
 * each waiting call every two seconds.
 */
const mostHeld = { ofPrincipal: 16, ofAll: 128 } as const;

/** The caller of a call that the client repeats. */
export interface HeldCaller {
  readonly principal: Principal;
  readonly entry: Arriving;
  readonly cancellation: Cancellation;
}

export interface Held {
  /** The principal of the caller, with the current rights of the credential. */
  readonly principal: Principal;
  /** The last state of the approval request; `undefined` if Quater could not read the state. */
  readonly status?: OwnStatus;
  /** Whether the call did not wait, because too many other calls already wait. */
  readonly isFull?: boolean;
}

export class ApprovalHold {
  readonly #gate: Gate;
  readonly #approvals: Pick<Approvals, "untilDecided">;
  readonly #mostMs: number;
  /** The number of waiting calls of each principal. */
  readonly #ofPrincipal = new PrincipalCounts();
  /** The waits of calls. Each key is the function that ends the wait of one call. */
  readonly #held = new Map<() => void, Promise<unknown>>();

  /** @param mostMs  The longest wait of a repeated call, milliseconds. */
  constructor(gate: Gate, approvals: Pick<Approvals, "untilDecided">, mostMs: number) {
    this.#gate = gate;
    this.#approvals = approvals;
    this.#mostMs = mostMs;
  }

  /**
   * Waits until the approvers have decided, the client leaves, the server stops, or the time of the longest wait has passed.
   *
   * @throws {QuaterError} when the credential of the caller is no longer accepted.
   */
  async until(id: string, caller: HeldCaller): Promise<Held> {
    const key = principalKey(caller.principal);
    if (this.#ofPrincipal.of(key) >= mostHeld.ofPrincipal || this.#held.size >= mostHeld.ofAll)
      return { principal: caller.principal, isFull: true };
    this.#ofPrincipal.add(key);
    const leaving = new AbortController();
    const leave = () => leaving.abort();
    const timer = setTimeout(leave, this.#mostMs);
    const { signal } = caller.cancellation;
    signal.addEventListener("abort", leave);
    if (signal.aborted) leave();
    // When the server stops, Quater ends all waits and asks the clients to repeat their calls, which another instance may answer.
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
      this.#ofPrincipal.remove(key);
    }
  }

  /** Reads the state of an approval request once. @throws {QuaterError} in the same case as `until`. */
  look(id: string, caller: HeldCaller): Promise<Held> {
    return this.#read(id, caller, AbortSignal.abort());
  }

  /** Ends the waits of all calls. */
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
      // If Quater cannot read the state, the call goes to the gate. The gate answers with its own error if the store fails or the
      // store no longer has the approval request.
      if (refused === undefined && isQuaterError(error)) return { principal };
      throw error;
    }
  }
}
