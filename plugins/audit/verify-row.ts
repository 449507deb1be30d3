// One row against itself: whether its columns say what its `meta` says. `meta` is RFC 8785 text, written in one order of
// keys, so that the places can be looked at without parsing: unescaped quotes stand around keys and whole values alone, and
// a value cannot pass for a key.

import type { Checkpoint } from "./chain.ts";
import type { EventMeta, EventRow } from "./event.ts";

export const metaOf = (text: string): (EventMeta & Partial<Checkpoint>) | undefined => {
  try {
    return JSON.parse(text) as EventMeta & Partial<Checkpoint>;
  } catch {
    return undefined;
  }
};

/** Behind `seq` only short texts follow, so that its last place is the event's own, whatever `detail` holds. */
export const saysSeq = (meta: string, seq: number): boolean =>
  meta.startsWith(`${seq},`, meta.lastIndexOf(seqKey) + seqKey.length);

/** Before `at` stand tags and ids alone, so that its first place is the event's own; the call's id follows it, if it has one. */
export const saysColumns = ({ meta, at, call_id, type }: EventRow): boolean => {
  const from = meta.indexOf(atKey) + atKey.length;
  if (from < atKey.length || !saysType(meta, type)) return false;
  const time = String(at);
  const next = from + time.length;
  if (!meta.startsWith(time, from) || meta[next] !== ",") return false;
  if (call_id === "") return !meta.startsWith(callKey, next + 1);
  return meta.startsWith(callKey, next + 1) && saysText(meta, next + 1 + callKey.length, call_id);
};

/** Piece by piece, because joining texts to compare them takes longer than all the rest. */
const saysText = (meta: string, from: number, text: string): boolean => {
  if (/["\\]|[^ -~]/.test(text)) return meta.startsWith(`${JSON.stringify(text)},`, from);
  return meta[from] === '"' && meta.startsWith(text, from + 1) && meta.startsWith('",', from + 1 + text.length);
};

const seqKey = '"seq":';
const atKey = '"at":';
const callKey = '"callId":';

/** How the text of an event of a type ends, by format. */
const endings = new Map<string, readonly string[]>();

/** The pattern: a type with a quote could match more than one value of the text. */
const saysType = (meta: string, type: string): boolean => {
  let known = endings.get(type);
  if (known === undefined) {
    if (!/^[a-z]+\.[a-z]+$/.test(type)) return false;
    known = [2, 1].map((format) => `"type":"${type}","v":${format}}`);
    endings.set(type, known);
  }
  return known.some((ending) => meta.endsWith(ending));
};
