import { createHmac } from "node:crypto";
import fc from "fast-check";
import { expect, test } from "vitest";
import { canonicalText } from "../../../core/schema/digest.ts";
import { Keyed } from "../../../plugins/audit/log/chain.ts";
import { bodyText, type EventFields, metaText } from "../../../plugins/audit/log/event.ts";

const text = fc.string({ unit: "grapheme", maxLength: 20 });
const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
const fields = fc
  .record({
    type: fc.constant("call.ended" as const),
    callId: optional(text),
    handler: optional(text),
    peer: optional(text),
    durationMs: optional(fc.nat()),
    principal: optional(
      fc.record({ credential: text, issuer: text, kind: fc.constant("user" as const), person: text, subject: text }),
    ),
    detail: optional(fc.dictionary(text, fc.jsonValue()).map((value) => JSON.parse(JSON.stringify(value)) as unknown)),
    first: optional(fc.nat()),
  })
  .map((all) => Object.fromEntries(Object.entries(all).filter(([, value]) => value !== undefined)) as unknown as EventFields);

test("the fast serializer of events writes the same text as RFC 8785 canonical JSON", () => {
  fc.assert(
    fc.property(fields, fc.nat(), (said, seq) => {
      const numbered = { at: 1_700_000_000_000, instance: "0123456789ab", key: "chain-1", seq };
      expect(metaText(said, numbered)).toBe(canonicalText({ ...said, ...numbered, v: 2 }));
    }),
  );
  fc.assert(
    fc.property(fc.dictionary(text, fc.jsonValue()), (content) => {
      const plain = JSON.parse(JSON.stringify(content)) as Record<string, unknown>;
      expect(bodyText(plain, () => "")).toBe(canonicalText(plain));
    }),
  );
});

test("the hash of an event of the trail is the HMAC that docs/reference/events.md describes", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 1, maxLength: 64 }), fc.nat(), fc.string({ unit: "binary" }), (secret, seq, meta) => {
      const [previous, bodyHash] = ["ab".repeat(32), "cd".repeat(32)];
      const numbers = Buffer.alloc(12);
      numbers.writeUInt32BE(1);
      numbers.writeBigUInt64BE(BigInt(seq), 4);
      const parts = [numbers, Buffer.from(previous, "hex"), Buffer.from(meta), Buffer.from(bodyHash, "hex")];
      const expected = createHmac("sha256", secret).update(Buffer.concat(parts)).digest("hex");
      expect(new Keyed(Buffer.from(secret)).ofEvent(1, seq, previous, meta, bodyHash)).toBe(expected);
    }),
  );
});

test("Quater replaces an event body that is too large by its length and a keyed digest", () => {
  const cut = bodyText({ args: { note: "x".repeat(30_000) } }, (given) => `tag of ${given.length}`);
  expect(JSON.parse(cut)).toEqual({ cut: { bytes: 30_020, tag: "tag of 30020" } });
});

test("S8: every text of an event has a maximum length, and two different long texts are different after shortening", () => {
  const long = (end: string) => `${"x".repeat(15_000)}${end}`;
  const who = (end: string) => ({
    actsFor: long(end),
    credential: long(end),
    issuer: long(end),
    kind: "user" as const,
    person: long(end),
    subject: long(end),
  });
  const texts = ["approvalId", "callId", "errorCode", "handler", "peer", "policy", "surface", "traceId"] as const;
  const full = (end: string) => ({
    ...(Object.fromEntries(texts.map((name) => [name, long(end)])) as unknown as EventFields),
    type: "call.refused" as const,
    principal: who(end),
    detail: { changed: long(end) },
  });
  const numbered = { at: 1_700_000_000_000, instance: "0123456789ab", key: "chain-1", seq: 1 };
  const one = metaText(full("1"), numbered);
  expect(one.length).toBeLessThan(21_000);
  expect(metaText({ ...full("1"), detail: { changed: long(long("1")) } }, numbered).length).toBeLessThan(5_000);
  const [first, second] = [full("1"), full("2")].map((fields) => JSON.parse(metaText(fields, numbered)) as EventFields);
  for (const name of texts) {
    expect(String(first?.[name])).toHaveLength(256);
    expect(first?.[name]).toMatch(/x\.\.\.sha256:[0-9a-f]{16}$/);
    expect(first?.[name]).not.toBe(second?.[name]);
  }
  expect(first?.principal?.subject).toHaveLength(256);
  expect(first?.principal).not.toEqual(second?.principal);
});
