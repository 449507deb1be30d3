// Finds rows behind the end of the trail, which another program has added. When the numbers of events reach the number of such a
// row, Quater can write no more events. So each process logs such a row early.

import type { Log } from "../../../core/plugin-api.ts";
import type { OpenStore } from "../../store/service.ts";
import { queriesOn } from "./queries.ts";

export class BehindEnd {
  readonly #log: Log;
  #told: unknown;

  constructor(log: Log) {
    this.#log = log;
  }

  /** Looks for the first row behind the end of the trail, and logs this row once. @throws {StoreFailure} */
  async look(store: OpenStore): Promise<void> {
    const [found] = await store.read<{ end: number; behind: unknown }>(queriesOn(store).behindEnd);
    const behind = found?.behind ?? null;
    if (behind === null || behind === this.#told) return;
    this.#told = behind;
    this.#log.error(
      `The trail ends at event ${found?.end}, but the table audit_event has a row with the higher number ${String(behind)}`,
      {
        hint: "Either another program wrote this row, or the store was replaced by an old copy. The trail stops when it reaches this number. Run `quater audit verify`, then delete the row",
      },
    );
  }
}
