// Passes reports of changed MCP resources to the other instances of the app through the store. The instance that reports a change
// does not know which instances have subscribers. So this instance writes the change to the store, and the instances that have
// subscribers read the changes.

import { randomBytes } from "node:crypto";
import { setTimeout as pause } from "node:timers/promises";
import type { Log } from "../../../core/plugin-api.ts";
import type { Store } from "../../offered.ts";
import type { Tables } from "../tables.ts";
import { digestOf, StoreWork } from "./store-work.ts";

/** The time between two reads of the store while this process has subscribers, milliseconds. */
const pollMs = 500;
/** How long the store keeps a change, milliseconds. */
const keptMs = 60_000;
/** The time between two writes to the store, milliseconds. */
const writeMs = 100;
/**
 * The most resources whose change waits for the next write to the store. Quater drops further changes, so that the memory stays
 * limited.
 */
const mostWaiting = 10_000;
/**
 * How far each read of the store goes back before the time of the newest change that was read, milliseconds. The store may commit
 * a transaction after another transaction with a later time.
 */
const overlapMs = 5_000;

export class SharedUpdates {
  readonly #store: Store;
  readonly #work: StoreWork;
  readonly #received: (uriKeys: ReadonlySet<string>) => void;
  readonly #origin = randomBytes(12).toString("base64url");
  readonly #waiting = new Set<string>();
  #writing: Promise<void> | undefined;
  readonly #stopping = new AbortController();
  #timer: NodeJS.Timeout | undefined;
  /**
   * The time of the newest change that this process has read, by the store's clock; `undefined` while this process has no
   * subscribers.
   */
  #newest: number | undefined;
  /**
   * The changes that this process has read and that are not older than `overlapMs`: the time of each change by the key of its
   * URI.
   */
  #seen = new Map<string, number>();

  /** @param received  A function that receives the digests of the URIs that other instances have reported. */
  constructor(store: Store, log: Log, received: (uriKeys: ReadonlySet<string>) => void) {
    this.#store = store;
    this.#work = new StoreWork(log);
    this.#received = received;
  }

  /** Sends the report of a changed resource to the other instances. */
  send(uri: string): void {
    if (this.#waiting.size >= mostWaiting) return;
    this.#waiting.add(digestOf(uri));
    this.#writing ??= this.#write().finally(() => {
      this.#writing = undefined;
    });
  }

  /** Starts to read the changes that other instances report. Resolves when this process cannot miss a later change. */
  async watch(): Promise<void> {
    if (this.#newest !== undefined || this.#stopping.signal.aborted) return;
    await this.#work.run("The clock of the store could not be read", async () => {
      const open = await this.#store.open();
      const now = await open.now();
      this.#newest ??= now + overlapMs; // Changes before this time are of no interest.
    });
    this.#newest ??= 0;
    this.#timer ??= setTimeout(this.#poll, pollMs).unref();
  }

  /** Stops to read changes, because this process has no more subscribers. */
  unwatch(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    this.#newest = undefined;
    this.#seen.clear();
  }

  async stop(): Promise<void> {
    this.unwatch();
    this.#stopping.abort();
    await this.#writing;
  }

  async #write(): Promise<void> {
    while (this.#waiting.size > 0) {
      const keys = [...this.#waiting];
      this.#waiting.clear();
      await this.#work.run("The change of a resource could not be passed to other instances", async () => {
        const open = await this.#store.open();
        const db = open.queries<Tables>();
        const rows = keys.map((uri_key) => ({ uri_key, at: open.clock, origin: this.#origin }));
        await open.apply([
          db.deleteFrom("mcp_updated").where("at", "<", open.sql<number>`${open.clock} - cast(${keptMs} as bigint)`),
          db
            .insertInto("mcp_updated")
            .values(rows)
            .onConflict((conflict) => conflict.column("uri_key").doUpdateSet({ at: open.clock, origin: this.#origin })),
        ]);
      });
      await pause(writeMs, undefined, { ref: false, signal: this.#stopping.signal }).catch(() => {}); // The app stops.
    }
  }

  readonly #poll = async (): Promise<void> => {
    this.#timer = undefined;
    await this.#work.run("Changes of resources of other instances could not be read", async () => {
      const open = await this.#store.open();
      const since = (this.#newest ?? 0) - overlapMs;
      const rows = await open.read<{ uri_key: string; at: number }>(
        open
          .queries<Tables>()
          .selectFrom("mcp_updated")
          .select(["uri_key", "at"])
          .where("at", ">", since)
          .where("origin", "<>", this.#origin),
      );
      if (this.#newest === undefined) return; // The last subscriber has left.
      const fresh = rows.filter(({ uri_key, at }) => this.#seen.get(uri_key) !== Number(at));
      this.#newest = rows.reduce((newest, { at }) => Math.max(newest, Number(at)), this.#newest);
      this.#seen = new Map(rows.map(({ uri_key, at }) => [uri_key, Number(at)]));
      if (fresh.length > 0) this.#received(new Set(fresh.map(({ uri_key }) => uri_key)));
    });
    if (this.#newest !== undefined) this.#timer ??= setTimeout(this.#poll, pollMs).unref();
  };
}
