// Makes checkpoints: after 1,000 events, after one minute, and at the end of a process. A checkpoint signs the number and the
// hash of the newest event. A checkpoint is an event of the trail and a line in every sink.

import type { Log } from "../../../core/plugin-api.ts";
import type { Store } from "../../store/service.ts";
import type { Attestor } from "../restore/attestor.ts";
import type { SignedCheckpoint } from "./chain.ts";
import type { Position } from "./entry.ts";
import type { EventFields } from "./event.ts";
import type { Ledger } from "./ledger.ts";
import { recordWithinMs, type Writer } from "./writer.ts";

export const checkpointing = { events: 1_000, everyMs: 60_000 } as const;

export interface CheckpointsOptions {
  readonly store: Store;
  readonly log: Log;
  readonly attestor: Attestor;
  readonly writer: Writer;
}

export class Checkpoints {
  readonly #options: CheckpointsOptions;
  #ledger: Ledger | undefined;
  #last: { readonly size: number; readonly at: number } | undefined;

  constructor(options: CheckpointsOptions) {
    this.#options = options;
  }

  /** @param last  The size and time of the newest checkpoint of the trail, or of the beginning of the trail. */
  begin(ledger: Ledger, last: { readonly size: number; readonly at: number } | undefined): void {
    this.#ledger = ledger;
    this.#last = last;
  }

  /**
   * Makes a checkpoint if the trail has new events and the last checkpoint is a minute old. `upkeep.ts` calls this function
   * periodically.
   */
  makeWhenDue(): void {
    if (this.#ledger === undefined || this.#last === undefined) return;
    const { size, at } = this.#last;
    if (this.#ledger.head.seq > size && Date.now() - at >= checkpointing.everyMs) this.make();
  }

  /** Makes a checkpoint if Quater has written 1,000 events since the last checkpoint. */
  makeWhenGrown(): void {
    const seq = this.#ledger?.head.seq ?? 0;
    if (seq - (this.#last?.size ?? seq) >= checkpointing.events) this.make();
  }

  /**
   * Starts to make a checkpoint, and does not wait until the checkpoint is written. If the checkpoint fails, Quater logs the
   * error.
   */
  make(): void {
    const { attestor, writer, log } = this.#options;
    this.#last = { size: (this.#ledger?.head.seq ?? 0) + 1, at: Date.now() };
    let made: SignedCheckpoint | undefined;
    const fields = (before: Position): EventFields => {
      made = attestor.signed(before);
      return { type: "audit.checkpoint", detail: made };
    };
    writer
      .record({ events: [{ fields }] }, { withinMs: recordWithinMs })
      .then(() => (made === undefined ? undefined : this.#send(made)))
      .catch((error: unknown) =>
        log.warn("Quater could not write a checkpoint of the trail. It tries again later", { error: String(error) }),
      );
  }

  async #send(checkpoint: SignedCheckpoint): Promise<void> {
    const { attestor, store } = this.#options;
    const held = attestor.send(checkpoint);
    const ledger = this.#ledger;
    if (held.length === 0 || ledger === undefined) return;
    await (await store.open()).apply(held.map((name) => ledger.queries.sinkHolds(name, checkpoint)));
  }
}
