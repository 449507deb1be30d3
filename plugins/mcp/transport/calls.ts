// Stores the running calls in this process whose clients use the revisions of 2025.

import { Cancellation } from "../../../core/plugin-api.ts";
import { PrincipalCounts } from "../answering/principal-counts.ts";

/**
 * The most calls that may continue after their clients have left. Above a limit, Quater aborts a call when the client of the call
 * leaves. Without limits, one caller could run any number of calls over a few connections.
 */
const mostLeft = { ofPrincipal: 16, ofAll: 128 } as const;
/** How long a call may run after its client has left, milliseconds. Nobody gets the answer of such a call. */
const longestLeftMs = 600_000;

/** The call of one running request of a client. */
export class ClientCall extends Cancellation {
  /** Whether the client has cancelled the request. Quater must not answer a cancelled request (basic/utilities/cancellation). */
  isTakenBack = false;

  takeBack(): void {
    this.isTakenBack = true;
    this.cancel();
  }
}

/** The running calls in this process. */
export class Calls {
  /** The running calls by request key. If a client uses a request id twice, two calls have the same key. */
  readonly #running = new Map<string, ClientCall[]>();
  /** For each principal, the number of running calls whose client has left. */
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
   * Cancels the calls with a request key, because the client has cancelled the request.
   *
   * @returns Whether a call with this request key runs in this process.
   */
  takeBack(key: string): boolean {
    const calls = this.#running.get(key) ?? [];
    for (const call of calls) call.takeBack();
    return calls.length > 0;
  }

  /**
   * Records that the client of a running call has left.
   *
   * @param principal  The key of the principal that `principalKey` returns.
   * @returns A function that the transport calls when the call has ended.
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
