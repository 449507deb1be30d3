// Lists the running calls in this process whose clients use the revisions of 2025.

import { Cancellation } from "../../../core/plugin-api.ts";
import { PrincipalCounts } from "../answering/principal-counts.ts";

/**
 * The most calls that may continue after their clients have left. Above a limit, a call aborts when its client leaves. Without
 * limits, one caller could run any number of calls over a few connections.
 */
const mostLeft = { ofPrincipal: 16, ofAll: 128 } as const;
/** How long a call may run after its client has left, milliseconds. Nobody gets the answer of such a call. */
const longestLeftMs = 600_000;

/** One running request of a client. */
export class ClientCall extends Cancellation {
  /** Whether the client cancelled the request. A cancelled request must not be answered (basic/utilities/cancellation). */
  isTakenBack = false;

  takeBack(): void {
    this.isTakenBack = true;
    this.cancel();
  }
}

/** The running calls in this process. */
export class Calls {
  /** Running calls by request key. If a client uses an id twice, two calls have the same key. */
  readonly #running = new Map<string, ClientCall[]>();
  /** The number of running calls of each principal whose client has left. */
  readonly #left = new PrincipalCounts();
  #allLeft = 0;

  get keys(): Iterable<string> {
    return this.#running.keys();
  }

  get isEmpty(): boolean {
    return this.#running.size === 0;
  }

  begin(key: string, call: ClientCall): void {
    const calls = this.#running.get(key);
    if (calls === undefined) this.#running.set(key, [call]);
    else calls.push(call);
  }

  end(key: string, call: ClientCall): void {
    const others = this.#running.get(key)?.filter((other) => other !== call) ?? [];
    if (others.length === 0) this.#running.delete(key);
    else this.#running.set(key, others);
  }

  /**
   * Cancels the calls with this request key, because their client cancelled them.
   *
   * @returns Whether such a call runs in this process.
   */
  takeBack(key: string): boolean {
    const calls = this.#running.get(key) ?? [];
    for (const call of calls) call.takeBack();
    return calls.length > 0;
  }

  /**
   * Records that the client of a running call has left.
   *
   * @param principal  From `principalKey`.
   * @returns A function to call when the call has ended.
   */
  leave(principal: string, call: ClientCall): () => void {
    const count = this.#left.add(principal);
    this.#allLeft++;
    if (count > mostLeft.ofPrincipal || this.#allLeft > mostLeft.ofAll) call.cancel();
    const timer = setTimeout(() => call.cancel(), longestLeftMs);
    timer.unref();
    return () => {
      clearTimeout(timer);
      this.#allLeft--;
      this.#left.remove(principal);
    };
  }
}
