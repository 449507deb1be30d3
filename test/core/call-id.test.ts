import { expect, test } from "vitest";
import { newCallId } from "../../core/model/call-id.ts";

test("call ids are version 4 UUIDs, and no two call ids are equal", () => {
  const ids = Array.from({ length: 10_000 }, newCallId);
  expect(new Set(ids).size).toBe(ids.length);
  for (const id of ids) expect(id).toMatch(/^[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
});

test("every bit of a call id is random, except the version and variant bits", () => {
  const ids = Array.from({ length: 2_000 }, () => BigInt(`0x${newCallId().replaceAll("-", "")}`));
  const fixed = new Set([76, 77, 78, 79, 62, 63]);
  for (let bit = 0; bit < 128; bit++) {
    const ones = ids.filter((id) => ((id >> BigInt(bit)) & 1n) === 1n).length;
    // 2,000 fair coins: ten standard deviations are 224.
    if (!fixed.has(bit)) expect([bit, Math.abs(ones - 1_000) < 224]).toEqual([bit, true]);
  }
});
