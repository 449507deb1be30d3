// Runs a function of the gate suite during a call, after the policy has allowed the call and before the handler starts.

import type { Awaitable } from "../../core/plugin-api.ts";

/**
 * How long a call of the gate suite waits after the function `act`, milliseconds. The gate checks a credential again when the
 * last check of this credential is more than 250 ms ago.
 */
const staleMs = 300;

export class Interlude {
  #act: (() => Awaitable<void>) | undefined;

  /**
   * @param act  The function that runs during the first call that `send` makes. After `act`, this call waits until the gate must
   *   check the credential of the call again.
   */
  async during<Answer>(act: () => Awaitable<void>, send: () => Promise<Answer>): Promise<Answer> {
    this.#act = act;
    try {
      return await send();
    } finally {
      this.#act = undefined; // The gate may have refused the call before `act` ran.
    }
  }

  /** The gate suite's own plugin calls this method in its hook `authorize`. @returns `undefined` when no `act` must run. */
  play(): Promise<void> | undefined {
    const act = this.#act;
    if (act === undefined) return undefined;
    this.#act = undefined;
    return Promise.resolve(act()).then(() => new Promise((resume) => setTimeout(resume, staleMs)));
  }
}
