// Checks the configured sinks. A sink file that is missing or empty proves nothing, so the report of a verification must not
// treat such a file like a sink that agrees with the trail.

import { closeSync, openSync } from "node:fs";
import type { Reading } from "../../store/service.ts";
import { queriesOn } from "../log/queries.ts";
import type { SinkRow } from "../log/tables.ts";
import { claimIn } from "../restore/attestation.ts";
import { linesOf } from "./source.ts";

export interface SinkProblem {
  readonly file: string;
  /** The problem of the sink as a sentence. */
  readonly what: string;
}

/** The size of the newest checkpoint in a sink file, or the reason why Quater cannot read the sink file. */
export type SinkState = { readonly file: string; readonly newest: number } | { readonly file: string; readonly error: string };

const noKeys = new Map<string, never>();

/**
 * @param file  The absolute path of a sink file.
 * @returns The reason why Quater cannot read the sink file; `undefined` when Quater can read the sink file.
 */
export const unreadableSink = (file: string): SinkState | undefined => {
  try {
    closeSync(openSync(file, "r"));
    return undefined;
  } catch (error) {
    return unreadable(file, error);
  }
};

const unreadable = (file: string, error: unknown): SinkState => {
  const { code } = error as NodeJS.ErrnoException;
  return { file, error: code === "ENOENT" ? "does not exist" : `cannot be read (${String(code)})` };
};

/**
 * Reads the newest checkpoint of a sink file. Call `sinkState()` after `sentTo()`, because Quater writes a checkpoint to the sink
 * before Quater records the checkpoint in the store.
 *
 * @param file  The absolute path of the sink file.
 * @returns The largest size in the checkpoints of the sink file (0 without a checkpoint), or the reason why Quater cannot read
 * the sink file.
 */
export const sinkState = (file: string): SinkState => {
  try {
    let newest = 0;
    for (const line of linesOf(file)) {
      const claim = claimIn(line, noKeys);
      if (typeof claim !== "string" && claim.type === "audit.checkpoint") newest = Math.max(newest, claim.seq);
    }
    return { file, newest };
  } catch (error) {
    return unreadable(file, error);
  }
};

/** @returns The size of the newest checkpoint that each sink file has according to the store, by the name of the sink file. */
export const sentTo = async (store: Reading): Promise<ReadonlyMap<string, number>> => {
  const rows = await store.read<SinkRow>(queriesOn(store).db.selectFrom("audit_sink").selectAll());
  return new Map(
    rows.flatMap(({ name, size }) =>
      typeof name === "string" && Number.isSafeInteger(size) ? [[name.replace(/^file:/, ""), size]] : [],
    ),
  );
};

/**
 * Returns the problems of the configured sinks.
 *
 * @param checkpoints  How many checkpoints the trail has. Without a checkpoint on the trail, no sink can have a checkpoint.
 * @param sent  The sizes of the newest checkpoints that `sentTo` returned.
 */
export const sinkProblems = (
  states: readonly SinkState[],
  checkpoints: number,
  sent: ReadonlyMap<string, number>,
): readonly SinkProblem[] =>
  states.flatMap((state) => {
    const { file } = state;
    const most = sent.get(file) ?? 0;
    if (checkpoints === 0 && most === 0) return [];
    if ("error" in state) return [{ file, what: `The sink ${file} ${state.error}.` }];
    if (state.newest === 0) return [{ file, what: `The sink ${file} has no checkpoint.` }];
    if (state.newest >= most) return [];
    return [
      {
        file,
        what: `The sink ${file} ends at a checkpoint of ${state.newest} events, but Quater wrote a checkpoint of ${most} events to it.`,
      },
    ];
  });
