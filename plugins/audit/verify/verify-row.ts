// Verifies the row of one event: the cells of the row, and its hash over the row before. `meta` is RFC 8785 text, which has only
// one order of keys. In `meta`, unescaped quotes are only around keys and whole values, so a value cannot look like a key. So
// this file can compare values in `meta` without parsing `meta`.

import { bodyHashOf, noBody } from "../log/chain.ts";
import type { EventRow } from "../log/event.ts";
import type { ReadRow } from "../log/rows.ts";
import { chain } from "../log/tables.ts";
import type { VerifyKeys } from "./verify-keys.ts";

const digest = /^[0-9a-f]{64}$/;
const salts = /^[0-9a-f]{32}$/;
// biome-ignore lint/suspicious/noControlCharactersInRegex: JSON text has none of these characters unescaped
const controls = /[\u0000-\u001f]/;

/**
 * Checks each cell of a row separately. The hash of an event covers bytes and not cells, so a cell of another length could move
 * bytes from one cell into another under the same hash.
 *
 * @returns The problem of the row, as the end of a sentence; `undefined` when the row has the right form.
 */
export const formProblem = ({ seq, at, meta, body, salt, body_hash, hash, malformed }: ReadRow): string | undefined => {
  if (malformed !== undefined) return malformed;
  if (!Number.isSafeInteger(seq) || seq < 1) return "has an invalid number";
  if (!Number.isSafeInteger(at)) return "has a time that is not a whole number";
  if (!digest.test(hash)) return "has a hash that is not 64 hexadecimal digits";
  if (!digest.test(body_hash)) return "has a body hash that is not 64 hexadecimal digits";
  if (salt !== null && !salts.test(salt)) return "has a salt that is not 32 hexadecimal digits";
  if ((salt === null) !== (body === null)) return body === null ? "has a salt without a body" : "has a body without a salt";
  if (controls.test(meta) || (body !== null && controls.test(body)))
    return "contains control characters, which are not valid in JSON";
  return undefined;
};

/**
 * Verifies the form, the columns and the body of one row, and its hash over the row before. Functions that do not read all rows
 * of the trail use this function, which cannot find missing rows. Only `audit verify` finds missing rows.
 *
 * @param previous  The stored hash of the event before.
 * @returns The reason why Quater does not trust the row, as the end of a sentence; `undefined` if the row verifies.
 */
export const rowProblem = (row: ReadRow, previous: string | undefined, keys: VerifyKeys): string | undefined => {
  const { seq, meta, body, salt, body_hash, hash } = row;
  const form = formProblem(row);
  if (form !== undefined) return form;
  if (!saysSeq(meta, seq)) return "has another number in its meta column";
  const keyed = keys.ofEvent(meta);
  if (keyed === undefined) return "was written with a key that the key file does not have";
  if (previous === undefined || !digest.test(previous) || keyed.ofEvent(chain, seq, previous, meta, body_hash) !== hash)
    return "was changed after it was written, or does not follow the event before it";
  if (!saysColumns(row)) return "has columns that differ from its meta column";
  if (body === null) return undefined;
  if (body_hash === noBody) return "has a body, but was written without one";
  return bodyHashOf(salt ?? "", body) === body_hash ? undefined : "has a body that was changed after it was written";
};

/** Whether the body of an event is missing, because an operator has erased the body or another program has removed the body. */
export const isBodyGone = ({ body, body_hash }: EventRow): boolean => body === null && body_hash !== noBody;

/**
 * Whether `meta` contains the number `seq` as the event's `seq`. Only short texts follow the event's `seq`, so the last `seq` in
 * `meta` is the field of the event, even if `detail` has a field `seq`.
 */
export const saysSeq = (meta: string, seq: number): boolean =>
  meta.startsWith(`${seq},`, meta.lastIndexOf(seqKey) + seqKey.length);

/**
 * Whether the columns of an event's row agree with `meta`. Only keyed digests and ids come before the event's `at`, so the first
 * `at` in `meta` is the field of the event. The call id comes after `at`, if the event has a call id.
 */
export const saysColumns = ({ meta, at, call_id, type }: EventRow): boolean => {
  const from = meta.indexOf(atKey) + atKey.length;
  if (from < atKey.length || !saysType(meta, type)) return false;
  const time = String(at);
  const next = from + time.length;
  if (!meta.startsWith(time, from) || meta[next] !== ",") return false;
  if (call_id === "") return !meta.startsWith(callKey, next + 1);
  return meta.startsWith(callKey, next + 1) && saysText(meta, next + 1 + callKey.length, call_id);
};

/**
 * Whether `meta` contains a text as a JSON string at the place `from`. This function compares the quotes and the text one after
 * the other, because joining the quotes and the text first would take longer than all other work of the verification.
 */
const saysText = (meta: string, from: number, text: string): boolean => {
  if (/["\\]|[^ -~]/.test(text)) return meta.startsWith(`${JSON.stringify(text)},`, from);
  return meta[from] === '"' && meta.startsWith(text, from + 1) && meta.startsWith('",', from + 1 + text.length);
};

const seqKey = '"seq":';
const atKey = '"at":';
const callKey = '"callId":';

/** The texts with which the `meta` of an event ends, one for each format, by event type. */
const endings = new Map<string, readonly string[]>();

/**
 * Whether `meta` contains the type of the event. This function first checks the type against a pattern, because a type with a
 * quote could match more than one value in `meta`.
 */
const saysType = (meta: string, type: string): boolean => {
  let known = endings.get(type);
  if (known === undefined) {
    if (!/^[a-z]+\.[a-z]+$/.test(type)) return false;
    known = [2, 1].map((format) => `"type":"${type}","v":${format}}`);
    endings.set(type, known);
  }
  return known.some((ending) => meta.endsWith(ending));
};
