// Passes cancellations of calls to the other instances of the app through the store. The instance that receives a cancellation
// does not know which instance runs the call. So the receiving instance writes the cancellation to the store, and the other
// instances read the cancellation from the store.

import { setTimeout as pause } from "node:timers/promises";
import type { Log } from "../../../core/plugin-api.ts";
import type { Store } from "../../offered.ts";
import { digestOf, StoreWork } from "../answering/store-work.ts";
import type { Tables } from "../tables.ts";
import type { Calls } from "./calls.ts";

/** The time between two reads of the store while calls run in this process, milliseconds. */
const pollMs = 500;
/** How long the store keeps a cancellation, milliseconds. */
const keptMs = 60_000;
/**
 * The time between two writes to the store, milliseconds. `writeMs` and `mostWaiting` together limit how many rows clients can
 * add to the store.
 */
const writeMs = 100;
/**
 * The most cancellations that wait for the next write to the store. Quater drops further cancellations, so that clients cannot
 * fill the memory and the store. One caller alone cannot reach the limit of all callers.
 */
const mostWaiting = { ofPrincipal: 20, ofAll: 200 } as const;

export class SharedCancels {
  readonly #store: Store;
  readonly #calls: Calls;
  readonly #work: StoreWork;
  #timer: NodeJS.Timeout | undefined;
  /** The digests of the request keys of cancelled calls, each with the key of the principal who cancelled the call. */
  readonly #waiting = new Map<string, string>();
  #writing: Promise<void> | undefined;
  readonly #stopping = new AbortController();

  constructor(store: Store, calls: Calls, log: Log) {
    this.#store = store;
    this.#calls = calls;
    this.#work = new StoreWork(log);
  }

  /** Sends a cancellation of a client to the other instances. @param principal  The key of the principal, from `principalKey`. */
  send(key: string, principal: string): void {
    if (this.#waiting.size >= mostWaiting.ofAll) return;
    let own = 0;
    for (const name of this.#waiting.values()) if (name === principal) own++;
    if (own >= mostWaiting.ofPrincipal) return;
    this.#waiting.set(digestOf(key), principal);
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  /**
   * Starts to read the cancellations that other instances write, until no call runs in this process. Quater calls this function
   * at the beginning of each call.
   */
  watch(): void {
    if (this.#stopping.signal.aborted) return;
    this.#timer ??= setTimeout(() => void this.#poll(), pollMs).unref();
  }

  async stop(): Promise<void> {
    clearTimeout(this.#timer);
    this.#stopping.abort();
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#waiting.size > 0) {
      const keys = [...this.#waiting.keys()];
      this.#waiting.clear();
      await this.#work.run("A cancellation could not be passed to other instances", async () => {
        const open = await this.#store.open();
        const db = open.queries<Tables>();
        const rows = keys.map((call_key) => ({ call_key, at: open.clock }));
        await open.apply([
          db.deleteFrom("mcp_cancelled").where("at", "<", open.sql<number>`${open.clock} - cast(${keptMs} as bigint)`),
          db
            .insertInto("mcp_cancelled")
            .values(rows)
            .onConflict((conflict) => conflict.doNothing()),
        ]);
      });
      await pause(writeMs, undefined, { ref: false, signal: this.#stopping.signal }).catch(() => {}); // The app stops.
    }
  }

  async #poll(): Promise<void> {
    this.#timer = undefined;
    if (this.#calls.isEmpty) return;
    await this.#work.run("Cancellations of other instances could not be read", async () => {
      const open = await this.#store.open();
      const db = open.queries<Tables>();
      const running = new Map([...this.#calls.keys].map((key) => [digestOf(key), key]));
      const rows = await open.read<{ call_key: string }>(
        db
          .selectFrom("mcp_cancelled")
          .select("call_key")
          .where("call_key", "in", [...running.keys()]),
      );
      for (const { call_key } of rows) this.#calls.takeBack(running.get(call_key) ?? "");
    });
    if (!this.#calls.isEmpty) this.watch();
  }
}
