// Runs work with the store that may fail without consequences for a caller.

import { createHash } from "node:crypto";
import { errorText, type Log } from "../../../core/plugin-api.ts";

/** The shortest time between two log lines about failed work with the store, milliseconds. */
const silenceMs = 60_000;

/** Runs work with the store, and logs errors of the work at most once a minute. */
export class StoreWork {
  readonly #log: Log;
  #warnedAt = Number.NEGATIVE_INFINITY;

  constructor(log: Log) {
    this.#log = log;
  }

  /** @param failure  The text of the log line if the work fails: "Cancellations of other instances could not be read". */
  async run(failure: string, work: () => Promise<void>): Promise<void> {
    try {
      await work();
    } catch (error) {
      const now = performance.now();
      if (now - this.#warnedAt < silenceMs) return;
      this.#warnedAt = now;
      this.#log.warn(failure, { error: errorText(error) });
    }
  }
}

/** Returns the digest of a text, for rows in the store that must not contain the text. */
export const digestOf = (text: string): string => createHash("sha256").update(text).digest("base64url");
