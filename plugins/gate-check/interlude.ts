// Runs a function during a call, after the policy has allowed the call and before the handler starts.

import type { Awaitable } from "../../core/plugin-api.ts";

/**
 * How long the call waits after the function, milliseconds. The gate checks a credential again when the last check is older than
 * 250 ms.
 */
const staleMs = 300;

export class Interlude {
  #act: (() => Awaitable<void>) | undefined;

  /**
   * @param act  Runs during the first call that `send` makes. After `act`, the first call waits until the gate must check its
   * credential again.
   */
  async during<Answer>(act: () => Awaitable<void>, send: () => Promise<Answer>): Promise<Answer> {
    this.#act = act;
    try {
      return await send();
    } finally {
      this.#act = undefined; // The call may have been refused before `act` ran.
    }
  }

  /** The suite's plugin calls this method in its hook `authorize`. @returns `undefined` when no function must run. */
  play(): Promise<void> | undefined {
    const act = this.#act;
    if (act === undefined) return undefined;
    this.#act = undefined;
    return Promise.resolve(act()).then(() => new Promise((resume) => setTimeout(resume, staleMs)));
  }
}
