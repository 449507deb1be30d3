// Columns against the text of an event, without parsing it: nothing that stands inside a value may pass for a key, and no
// column may reach over more than its value.

import { expect, test } from "vitest";
import { metaText } from "../../../plugins/audit/log/event.ts";
import { saysColumns, saysSeq } from "../../../plugins/audit/verify/verify-row.ts";

const numbered = { at: 1_700_000_000_000, instance: "000000000000", key: "chain-123456", seq: 12 };
const rowOf = (meta: string, more: object = {}) => ({
  seq: 12,
  at: numbered.at,
  type: "call.ended",
  call_id: "call-1",
  meta,
  body: null,
  salt: null,
  body_hash: "",
  hash: "",
  ...more,
});
const meta = metaText({ type: "call.ended", callId: "call-1", count: 3, outcome: "succeeded" }, numbered);

test("audit verify accepts a row of an event whose columns and signed text are unchanged", () => {
  expect(saysColumns(rowOf(meta))).toBe(true);
  expect(saysSeq(meta, 12)).toBe(true);
});

test.each([
  { at: 1_700_000_000_001 },
  { at: 170_000_000_000 },
  { type: "call.started" },
  { type: 'call.ended","v":1},"type":"call.ended' },
  { call_id: "" },
  { call_id: "call-" },
  { call_id: "call-2" },
  { call_id: 'call-1","count":3,"instance":"000000000000' },
])("audit verify reports a row of an event with a changed column: %j", (changed) => {
  expect(saysColumns(rowOf(meta, changed))).toBe(false);
});

test("audit verify compares call ids with escaped characters in the signed text of an event by their value", () => {
  const callId = 'a "b" \\ é \u0001';
  const text = metaText({ type: "call.ended", callId }, numbered);
  expect(saysColumns(rowOf(text, { call_id: callId }))).toBe(true);
  expect(saysColumns(rowOf(text, { call_id: 'a \\"b' }))).toBe(false);
});

test("audit verify does not read fields inside of detail of an event as fields of the event", () => {
  const detail = { at: 5, callId: "other", seq: 99, type: "call.started" };
  const text = metaText({ type: "audit.checkpoint", detail }, numbered);
  const row = rowOf(text, { type: "audit.checkpoint", call_id: "" });
  expect(saysColumns(row)).toBe(true);
  expect(saysColumns({ ...row, at: 5 })).toBe(false);
  expect(saysColumns({ ...row, call_id: "other" })).toBe(false);
  expect([saysSeq(text, 12), saysSeq(text, 99), saysSeq(text, 2), saysSeq("{}", 12)]).toEqual([true, false, false, false]);
});
