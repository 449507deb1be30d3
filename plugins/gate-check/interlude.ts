// Runs a function during a call: after its policy allowed the call, and before its handler starts.

import type { Awaitable } from "../../core/plugin-api.ts";

/** How long the call waits, milliseconds. The gate checks a credential again when the last check is older than 250 ms. */
const staleMs = 300;

export class Interlude {
  #act: (() => Awaitable<void>) | undefined;

  /** @param act  Happens during the first call that `send` makes. Then that call waits until its credential must be checked again. */
  async during<Answer>(act: () => Awaitable<void>, send: () => Promise<Answer>): Promise<Answer> {
    this.#act = act;
    try {
      return await send();
    } finally {
      this.#act = undefined; // The call may have been refused before `act` ran.
    }
  }

  /** Called by the suite's plugin in `authorize`. @returns `undefined` when no function must run. */
  play(): Promise<void> | undefined {
    const act = this.#act;
    if (act === undefined) return undefined;
    this.#act = undefined;
    return Promise.resolve(act()).then(() => new Promise((resume) => setTimeout(resume, staleMs)));
  }
}
