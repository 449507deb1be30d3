import { createHash, createHmac } from "node:crypto";
import { readdirSync, readFileSync } from "node:fs";
import fc from "fast-check";
import { handler, Type } from "quater";
import { bootTest } from "quater/testing";
import { describe, expect, test } from "vitest";
import { canonicalText, schemaDigestOf } from "../../../core/schema/digest.ts";
import type { Policy } from "../../../plugins/approval/policy.ts";
import { callKeyOf, type Digested, digestedText, digestOf } from "../../../plugins/approval/requests/digest.ts";

const word = fc.string({ unit: "grapheme", maxLength: 8 });
const optional = <Value>(value: fc.Arbitrary<Value>) => fc.option(value, { nil: undefined });
/** Without members that are `undefined`: JSON has none. */
const present = <Value extends object>(value: Value): Value =>
  Object.fromEntries(Object.entries(value).filter(([, item]) => item !== undefined)) as Value;

/** JSON without -0, which has the text of 0. */
const json = fc.jsonValue({ stringUnit: "grapheme" }).map((value) => JSON.parse(JSON.stringify(value)) as unknown);
const args = fc.dictionary(word, json, { noNullPrototype: true }).map((value) => canonicalText(value));

const policies = fc.record({
  approvers: fc.array(fc.record({ role: optional(word), person: optional(word), need: fc.nat(3) }).map(present), {
    maxLength: 3,
  }),
  kind: fc.constantFrom("dual" as const, "confirm" as const),
  denials: fc.nat(3),
  pendingForMs: fc.nat(),
  usableForMs: fc.nat(),
  anySurface: fc.boolean(),
  unattributed: fc.boolean(),
}) as fc.Arbitrary<Policy>;

const requesters = fc
  .record({
    issuer: word,
    subject: word,
    kind: fc.constantFrom("user" as const, "agent" as const, "service" as const, "operator" as const),
    person: optional(word),
    actsFor: optional(word),
    credential: word,
  })
  .map(present) as fc.Arbitrary<Digested["requester"]>;

const tuples: fc.Arbitrary<Digested> = fc.record({
  app: word,
  handler: word,
  schema: word,
  args,
  requester: requesters,
  surface: word,
  policyName: word,
  policy: policies,
  preview: fc.option(
    json.map((value) => canonicalText(value)),
    { nil: undefined },
  ),
  nonce: word,
});

const refund: Digested = {
  app: "shop",
  handler: "refundOrder",
  schema: "sha256:ab",
  args: '{"amountCents":500,"orderId":"ord_1001"}',
  requester: { issuer: "keys", subject: "bot", kind: "agent", actsFor: "ana", credential: "qk_1" },
  surface: "mcp",
  policyName: "finance",
  policy: {
    approvers: [{ role: "finance", need: 1 }],
    kind: "dual",
    denials: 1,
    pendingForMs: 3_600_000,
    usableForMs: 600_000,
    anySurface: false,
    unattributed: false,
  },
  preview: "null",
  nonce: "n1",
};

test("the digest of an approval request is SHA-256 over a line with the name of the format and then RFC 8785 text", () => {
  const text = `quater.approval.v1
{"app":"shop","args":{"amountCents":500,"orderId":"ord_1001"},"handler":"refundOrder","nonce":"n1","policy":{"name":"finance","rules":{"anySurface":false,"approvers":[{"need":1,"role":"finance"}],"denials":1,"kind":"dual","pendingForMs":3600000,"unattributed":false,"usableForMs":600000}},"preview":null,"principal":{"actsFor":"ana","credential":"qk_1","issuer":"keys","kind":"agent","subject":"bot"},"schema":"sha256:ab","surface":"mcp"}`;
  expect(digestedText(refund)).toBe(text);
  expect(digestOf(refund)).toBe(`sha256:${createHash("sha256").update(text).digest("hex")}`);
});

describe("the digest of an approval request depends on everything that people approve", () => {
  test.each<[string, Partial<Digested>]>([
    ["another app", { app: "shop2" }],
    ["another handler", { handler: "purgeOrders" }],
    ["another input schema", { schema: "sha256:ac" }],
    ["another amount", { args: '{"amountCents":501,"orderId":"ord_1001"}' }],
    ["a number as text", { args: '{"amountCents":"500","orderId":"ord_1001"}' }],
    ["no arguments", { args: "{}" }],
    ["another subject of the requester", { requester: { ...refund.requester, subject: "bot2" } }],
    ["another credential", { requester: { ...refund.requester, credential: "qk_2" } }],
    ["a requester with a person instead of one without", { requester: { ...refund.requester, person: "ana" } }],
    ["another surface", { surface: "http" }],
    ["another policy with the same rules", { policyName: "legal" }],
    ["the same policy with changed rules", { policy: { ...refund.policy, usableForMs: 600_001 } }],
    ["no preview instead of one that is null", { preview: undefined }],
    ["another nonce", { nonce: "n2" }],
  ])("the digest of an approval request differs for %s", (_name, changed) =>
    expect(digestOf({ ...refund, ...changed })).not.toBe(digestOf(refund)),
  );
});

/** The tuple that a digested text was made of. */
const readBack = (text: string): Digested => {
  const { args, principal, policy, preview, ...rest } = JSON.parse(text.slice(text.indexOf("\n"))) as Record<string, unknown>;
  const { name, rules } = policy as { readonly name: string; readonly rules: Policy };
  return {
    ...(rest as unknown as Digested),
    args: canonicalText(args),
    requester: principal as Digested["requester"],
    policyName: name,
    policy: rules,
    preview: preview === undefined ? undefined : canonicalText(preview),
  };
};

test("the digested text of an approval request contains each field of the request unambiguously", () => {
  fc.assert(
    fc.property(tuples, (tuple) => {
      expect(readBack(digestedText(tuple))).toEqual(tuple);
    }),
    { numRuns: 500 },
  );
  fc.assert(
    fc.property(tuples, tuples, (one, other) => {
      const isSame = canonicalText(present(one)) === canonicalText(present(other));
      expect(digestOf(one) === digestOf(other)).toBe(isSame);
    }),
    { numRuns: 500 },
  );
});

type Json = null | boolean | number | string | Json[] | { [key: string]: Json };

/** Every value that differs from `value` at one place: other, added, removed, renamed, swapped. */
const mutations = (value: Json): readonly Json[] => {
  if (value === null) return [false, "null", 0];
  if (typeof value === "boolean") return [!value, String(value)];
  if (typeof value === "number") return [value === 0 ? 1 : -value, String(value), value + 1].filter((other) => other !== value);
  if (typeof value === "string") {
    const halved = [...value].slice(1).join("");
    return [`${value} `, `${value}\u200b`, `\u0000${value}`, halved, value.normalize("NFD"), [value]].filter(
      (other) => other !== value,
    );
  }
  if (Array.isArray(value))
    return [
      [...value, null],
      { ...value } as Json,
      ...value.flatMap((item, at) => [
        value.toSpliced(at, 1),
        ...mutations(item).map((other) => value.with(at, other)),
        ...(at > 0 && canonicalText(value[at - 1]) !== canonicalText(item)
          ? [value.with(at, value[at - 1] as Json).with(at - 1, item)]
          : []),
      ]),
    ];
  const entries = Object.entries(value);
  const free = (name: string): string => (Object.hasOwn(value, name) ? free(`${name}'`) : name);
  return [
    { ...value, [free("more")]: null },
    ...entries.flatMap(([name, item], at) => [
      Object.fromEntries(entries.toSpliced(at, 1)),
      Object.fromEntries(entries.with(at, [free(`${name}x`), item])),
      ...mutations(item).map((other) => Object.fromEntries(entries.with(at, [name, other]))),
    ]),
  ];
};

test("any single change of the arguments changes the digest of an approval request", () => {
  let tried = 0;
  fc.assert(
    fc.property(fc.dictionary(word, json, { noNullPrototype: true }), (value) => {
      const before = digestOf({ ...refund, args: canonicalText(value) });
      for (const mutated of mutations(value as Json)) {
        tried++;
        if (digestOf({ ...refund, args: canonicalText(mutated) }) === before) throw new Error(JSON.stringify(mutated));
      }
    }),
    { numRuns: 50 },
  );
  expect(tried).toBeGreaterThan(500);
});

/** The same value with its keys in another order. */
const reordered = (value: unknown): unknown => {
  if (Array.isArray(value)) return value.map(reordered);
  if (value === null || typeof value !== "object") return value;
  return Object.fromEntries(
    Object.entries(value)
      .map(([name, item]) => [name, reordered(item)] as const)
      .reverse(),
  );
};

test("key order and white space of the arguments never change the digest of an approval request", () => {
  fc.assert(
    fc.property(json, json, fc.constantFrom("\t", "\n", 1, 4), (given, shown, space) => {
      const plain = { ...refund, args: canonicalText(given), preview: canonicalText(shown) };
      const spaced = {
        ...refund,
        args: JSON.stringify(reordered(given), null, space),
        preview: JSON.stringify(reordered(shown), null, space),
      };
      expect(digestOf(spaced)).toBe(digestOf(plain));
      expect(callKeyOf((text) => text, spaced)).toBe(callKeyOf((text) => text, plain));
    }),
  );
});

const vectors = new URL("../../vectors/rfc8785/", import.meta.url);
test.each(readdirSync(new URL("input/", vectors)))(
  "the digested text of an approval request contains the RFC 8785 example %s byte for byte",
  (file) => {
    const given = readFileSync(new URL(`input/${file}`, vectors), "utf8");
    const expected = readFileSync(new URL(`output/${file}`, vectors), "utf8").trimEnd();
    const bytes = Buffer.from(digestedText({ ...refund, args: given, preview: given }));
    expect(bytes.includes(Buffer.from(`,"args":${expected},"handler"`))).toBe(true);
    expect(bytes.includes(Buffer.from(`,"preview":${expected},"principal"`))).toBe(true);
    expect(digestOf({ ...refund, args: given })).toBe(digestOf({ ...refund, args: expected }));
  },
);

describe("the call key finds approval requests for the same call", () => {
  const tag = (text: string) => createHmac("sha256", "key").update(text).digest("hex");
  const keyOf = (given: Partial<Digested> = {}) => callKeyOf(tag, { ...refund, ...given });

  test("the call key of an approval request is a keyed digest over a text that begins with its purpose", () => {
    expect(keyOf()).not.toBe(callKeyOf((text) => createHmac("sha256", "other").update(text).digest("hex"), refund));
    expect(callKeyOf((text) => text, refund)).toBe(`quater.approval.call.v1
{"app":"shop","args":{"amountCents":500,"orderId":"ord_1001"},"handler":"refundOrder","principal":{"actsFor":"ana","credential":"qk_1","issuer":"keys","kind":"agent","subject":"bot"},"surface":"mcp"}`);
  });

  test.each<[string, Partial<Digested>]>([
    ["another app", { app: "shop2" }],
    ["another handler", { handler: "purgeOrders" }],
    ["other arguments", { args: '{"amountCents":500,"orderId":"ord_1002"}' }],
    ["no arguments", { args: "{}" }],
    ["another principal", { requester: { ...refund.requester, subject: "bot2" } }],
    ["another surface", { surface: "http" }],
  ])("the call key of an approval request is different for %s", (_name, changed) => expect(keyOf(changed)).not.toBe(keyOf()));

  test.each<[string, Partial<Digested>]>([
    ["another nonce", { nonce: "n2" }],
    ["another preview", { preview: "1" }],
    ["another schema", { schema: "sha256:ac" }],
  ])("the call key of an approval request is the same for %s, so a repeated call finds the request", (_name, changed) =>
    expect(keyOf(changed)).toBe(keyOf()),
  );

  test("the call key of an approval request omits the surface only when the approval policy allows any surface", () => {
    const policy = { ...refund.policy, anySurface: true };
    expect(keyOf({ policy, surface: "http" })).toBe(keyOf({ policy }));
    expect(keyOf({ policy })).not.toBe(keyOf());
  });
});

test("the digest of an input schema changes with an argument's description, and is the same after another boot", async () => {
  const digest = async (input: ReturnType<typeof Type.Object>) => {
    const pay = handler({ description: "Pays.", effect: "write", input, auth: () => true, handle: () => null });
    await using app = await bootTest({ handlers: { pay } });
    const operation = app.catalog.get("pay");
    if (operation === undefined) throw new Error("pay is not there");
    return schemaDigestOf(operation);
  };
  const cents = await digest(Type.Object({ amount: Type.Integer({ description: "In cents" }) }));
  expect(cents).toMatch(/^sha256:[0-9a-f]{64}$/);
  expect(await digest(Type.Object({ amount: Type.Integer({ description: "In cents" }) }))).toBe(cents);
  expect(await digest(Type.Object({ amount: Type.Integer({ description: "In euros" }) }))).not.toBe(cents);
});
