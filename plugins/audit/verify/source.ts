// The sources from which Quater verifies or exports events: the store, or a file that was exported from a store.

import { closeSync, openSync, readSync } from "node:fs";
import type { Reading } from "../../store/service.ts";
import type { EventLink } from "../log/event.ts";
import { headOf } from "../log/head.ts";
import { queriesOn } from "../log/queries.ts";
import { type ReadRow, readRows } from "../log/rows.ts";
import type { HeadRow } from "../log/tables.ts";
import { hashesOf } from "../restore/compare.ts";

export const pageSize = 1_000;

/** A row of the table `audit_event` at a place where the trail cannot have an event. */
export interface Stray {
  readonly chain: string;
  readonly seq: string;
}

const straysListed = 100;

export interface Source {
  /** The event after which the source begins; `undefined` for a source of the whole trail. */
  readonly begin?: EventLink | undefined;
  readonly head: () => Promise<HeadRow | undefined>;
  /** Reads a page of rows after event `seq`, in order. An empty page means that the source has no more rows. */
  readonly after: (seq: number) => Promise<readonly ReadRow[]>;
  /**
   * Reads at most 100 rows that belong to another chain, have a number that is not an integer, or have a number up to `floor`. A
   * source of a file does not have this function.
   */
  readonly strays?: (floor: number) => Promise<readonly Stray[]>;
  /** Reads the stored hashes of the events with the given numbers. A source of a file does not have this function. */
  readonly hashes?: (seqs: readonly number[]) => Promise<ReadonlyMap<number, string>>;
  /** Reads the names of the processes that are registered in the store. A source of a file does not have this function. */
  readonly instances?: () => Promise<ReadonlySet<string>>;
  /** Counts the rows of events with numbers above `floor` and up to `through`. */
  readonly count?: (floor: number, through: number) => Promise<number>;
}

/** Makes a source that reads events from a store. @param store  The store, or a snapshot if other processes use the store. */
export const storeSource = (store: Reading): Source => {
  const queries = queriesOn(store);
  return {
    head: () => headOf(store),
    after: (seq) => readRows(store, queries.page("after", seq, pageSize)),
    strays: async (floor) =>
      (await store.read<Stray>(queries.strays(floor, straysListed))).map(({ chain, seq }) => ({
        chain: printable(chain),
        seq: printable(seq),
      })),
    instances: async () => {
      const rows = await store.read<{ instance: string }>(queries.db.selectFrom("audit_instance").select("instance"));
      return new Set(rows.map(({ instance }) => instance));
    },
    hashes: (seqs) => hashesOf(store, seqs),
    count: async (floor, through) => (await store.read<{ n: number }>(queries.count(floor, through)))[0]?.n ?? 0,
  };
};

/** Returns a cell as text. Quater reads a text in SQLite that is not UTF-8 as bytes. */
const printable = (cell: string | Uint8Array): string =>
  typeof cell === "string" ? cell : `0x${Buffer.from(cell).toString("hex")}`;

const chunkBytes = 256 * 1024;

/**
 * Yields the lines of a file without reading the whole file into memory.
 *
 * @param mostBytes  How many bytes from the beginning of the file Quater reads.
 */
export const linesOf = function* (path: string, mostBytes = Number.POSITIVE_INFINITY): Generator<string> {
  const file = openSync(path, "r");
  const bytes = Buffer.alloc(chunkBytes);
  const decoder = new TextDecoder();
  let rest = "";
  let left = mostBytes;
  try {
    for (;;) {
      const read = readSync(file, bytes, 0, Math.min(chunkBytes, left), null);
      left -= read;
      rest += decoder.decode(bytes.subarray(0, read), { stream: read > 0 });
      const lines = rest.split("\n");
      rest = lines.pop() ?? "";
      for (const line of lines) if (line !== "") yield line;
      if (read === 0) break;
    }
    if (rest !== "") yield rest;
  } finally {
    closeSync(file);
  }
};
