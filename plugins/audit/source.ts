// Where events are read from to be verified or exported: the store, or a file that was exported from one.

import { closeSync, openSync, readSync } from "node:fs";
import type { OpenStore } from "../store/service.ts";
import type { SignedCheckpoint } from "./chain.ts";
import { type ReadRow, readRows } from "./rows.ts";
import { type HeadRow, queriesOn } from "./tables.ts";

export const pageSize = 1_000;

/** A row that stands where no event of the trail can stand. */
export interface Stray {
  readonly chain: string;
  readonly seq: string;
}

const straysListed = 100;

export interface Source {
  readonly head: () => Promise<HeadRow | undefined>;
  /** Rows in order after `seq`; an empty page is the end. */
  readonly after: (seq: number) => Promise<readonly ReadRow[]>;
  /** Rows of another chain, without a whole number, or up to `floor`: at most 100 of them. A file has none. */
  readonly strays?: (floor: number) => Promise<readonly Stray[]>;
  /** How many rows have numbers above `floor` and up to `through`. */
  readonly count?: (floor: number, through: number) => Promise<number>;
}

export const storeSource = (store: OpenStore): Source => {
  const queries = queriesOn(store);
  return {
    head: async () => (await store.read<HeadRow>(queries.head))[0],
    after: (seq) => readRows(store, queries.page("after", seq, pageSize)),
    strays: async (floor) => store.read<Stray>(queries.strays(floor, straysListed)),
    count: async (floor, through) => (await store.read<{ n: number }>(queries.count(floor, through)))[0]?.n ?? 0,
  };
};

/** Lines of a file, without reading it whole. */
export const linesOf = function* (path: string): Generator<string> {
  const file = openSync(path, "r");
  const bytes = Buffer.alloc(256 * 1024);
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const read = readSync(file, bytes);
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

/** The checkpoints in files of sinks, by size: instances that share a file write nearly in order. */
export const heldIn = function* (files: readonly string[]): Generator<SignedCheckpoint> {
  const readers = files.map((file) => ({ lines: checkpointsOf(file), next: undefined as SignedCheckpoint | undefined }));
  for (const reader of readers) reader.next = take(reader.lines);
  for (;;) {
    const least = readers.reduce<(typeof readers)[number] | undefined>(
      (found, reader) =>
        reader.next !== undefined && (found?.next === undefined || reader.next.size < found.next.size) ? reader : found,
      undefined,
    );
    if (least?.next === undefined) return;
    yield least.next;
    least.next = take(least.lines);
  }
};

const take = (lines: Iterator<SignedCheckpoint>): SignedCheckpoint | undefined => {
  const { value, done } = lines.next();
  return done === true ? undefined : value;
};

/** How far lines of one file may be out of order. */
const disorder = 64;

const checkpointsOf = function* (file: string): Generator<SignedCheckpoint> {
  const waiting: SignedCheckpoint[] = [];
  const least = () => {
    waiting.sort((a, b) => a.size - b.size);
    return waiting.shift() as SignedCheckpoint;
  };
  for (const line of linesOf(file)) {
    const read = checkpointIn(line);
    if (read === undefined) continue;
    waiting.push(read);
    if (waiting.length > disorder) yield least();
  }
  while (waiting.length > 0) yield least();
};

/** Standard output that was collected has other lines between; a line cut by a crash is none. */
export const checkpointIn = (line: string): SignedCheckpoint | undefined => {
  if (!line.includes('"audit.checkpoint"')) return undefined;
  try {
    const { type, app, chain, genesis, size, head, at, key, signature } = JSON.parse(line) as SignedCheckpoint & { type: string };
    return type === "audit.checkpoint" ? { app, chain, genesis, size, head, at, key, signature } : undefined;
  } catch {
    return undefined;
  }
};
