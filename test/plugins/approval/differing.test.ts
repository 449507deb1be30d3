// S18: which arguments of two calls differ, where the input schema has changed between them.

import { expect, test } from "vitest";
import { canonicalText } from "../../../core/schema/digest.ts";
import { differing } from "../../../plugins/approval/requests/differing.ts";

const between = (now: unknown, then: unknown, isSameSchema = false) =>
  differing(
    { schema: "sha256:new", args: canonicalText(now) },
    { schema: isSameSchema ? "sha256:new" : "sha256:old", args: canonicalText(then) },
  );

const deep = { order: { id: "o7", to: { city: "Rome" } } };

test.each([
  ["a new field in an object", { order: { ...deep.order, currency: "EUR" } }, deep, ["/order/currency"]],
  ["a field that is gone two levels down", { order: { id: "o7", to: {} } }, deep, ["/order/to/city"]],
  ["a new field in each element", { lines: [{ a: 1, b: 2 }, { a: 3 }] }, { lines: [{ a: 1 }, { a: 3 }] }, ["/lines/0/b"]],
  ["a new list", { order: deep.order, tags: [] }, deep, ["tags"]],
  ["an object where a text was", { to: { name: "Bo" }, cents: 5 }, { to: "Bo", cents: 5 }, ["to"]],
  [
    "another member of a union",
    { by: { kind: "card", last4: "1" } },
    { by: { kind: "card", card: "1" } },
    ["/by/last4", "/by/card"],
  ],
  ["null where an object was", { order: null, cents: 5 }, { ...deep, cents: 5 }, ["order"]],
  ["a text that looks the same", { order: { id: "o7 " } }, { order: { id: "o7" } }, ["/order/id"]],
  ["a list that looks the same", { tags: ["", "a"], n: 1 }, { tags: ["a", ""], n: 1 }, ["tags"]],
  ["a list with an empty text more", { tags: ["a", ""], n: 1 }, { tags: ["a"], n: 1 }, ["tags"]],
  ["a name with a slash", { a: { "b/c": 1, d: 1 } }, { a: { d: 1 } }, ["/a/b~1c"]],
  ["nothing", deep, deep, []],
])("S18: comparing the arguments of two calls returns the path of %s", (_what, now, then, fields) => {
  expect([...(between(now, then) as string[])].sort()).toEqual([...fields].sort());
});

test.each([
  ["different texts", { order: { id: "o8", currency: "EUR" } }, { order: { id: "o7" } }],
  ["different numbers in an element", { lines: [{ a: 1, b: 2 }] }, { lines: [{ a: 2 }] }],
  ["an additional element", { lines: [1, 2] }, { lines: [1] }],
  ["elements in a different order", { lines: [1, 2] }, { lines: [2, 1] }],
])("S18: comparing the arguments of two calls reports different calls for %s", (_what, now, then) => {
  expect(between(now, then)).toBeUndefined();
});

test.each([
  ["fields that were renamed in an object", { order: { number: "o7" } }, { order: { id: "o7" } }],
  ["a new empty text beside renamed fields", { number: "o7", note: "" }, { id: "o7" }],
  ["the same empty list beside renamed fields", { number: "o7", tags: [] }, { id: "o7", tags: [] }],
])('S18: comparing the arguments of two calls returns "unknown" for %s', (_what, now, then) => {
  expect(between(now, then)).toBe("unknown");
});

test("S18: two calls with one input schema are different calls when one call has an additional field that is not empty", () => {
  expect(between({ order: { id: "o7", note: "x" } }, { order: { id: "o7" } }, true)).toBeUndefined();
  expect(between({ order: { id: "o7", note: "" } }, { order: { id: "o7" } }, true)).toEqual(["/order/note"]);
});
