import { createHash } from "node:crypto";
import { secret, Type } from "quater";
import { describe, expect, test } from "vitest";
import { canonicalText } from "../../../core/schema/digest.ts";
import { presentationOf } from "../../../plugins/approval/shown/presentation.ts";
import { terminalLines } from "../../../plugins/approval/shown/terminal.ts";
import { unrenderableAt } from "../../../plugins/approval/shown/values.ts";
import { anything, isClean, now, operationOf, recordOf, show, tagOf } from "./shown-kit.ts";

describe("approvers see no secrets in an approval request", () => {
  const pin = "7391-xyzzy";
  const login = Type.Object({
    user: Type.String(),
    pin: secret(Type.String()),
    card: Type.Optional(secret(Type.Object({ number: Type.String() }))),
    notes: Type.Optional(Type.Record(Type.String(), secret(Type.String()))),
    either: Type.Optional(Type.Union([secret(Type.String()), Type.Object({ inner: secret(Type.String()) })])),
  });
  const args = {
    user: "ana",
    pin,
    card: { number: "4111 1111" },
    notes: { a: "note-secret" },
    either: { inner: "inner-secret" },
  };

  test("an approver sees a secret argument as its length and a tag, at every path", async () => {
    const operation = await operationOf(login);
    const preview = canonicalText({ text: `Signs in with ${pin}`, [`by ${pin}`]: 1, plain: "fine", card: "4111 1111" });
    for (const view of ["short", "full"] as const) {
      const shown = show(args, { preview }, { operation, view });
      const everything = `${JSON.stringify(shown)}${terminalLines(shown).join("\n")}`;
      for (const hidden of [pin, "4111", "note-secret", "inner-secret"]) {
        expect(everything).not.toContain(hidden);
        expect(everything).not.toContain(createHash("sha256").update(hidden).digest("hex"));
      }
      expect(shown.arguments.rows.map(({ path, type }) => [path.text, type])).toEqual([
        ["/card", "secret"],
        ["/either", "secret"],
        ["/notes/a", "secret"],
        ["/pin", "secret"],
        ["/user", "string"],
      ]);
      expect(shown.arguments.rows.find(({ path }) => path.text === "/pin")?.value.text).toBe(
        `10 characters, ${tagOf(pin).slice(0, 27)}`,
      );
      expect(shown.preview?.rows.map(({ path, type }) => [path.text, type])).toContainEqual(["/plain", "string"]);
    }
  });

  test("when a handler is no longer exposed, nobody can approve its approval requests, and secrets stay hidden", async () => {
    const operation = await operationOf(login);
    const record = recordOf(operation, args, { preview: canonicalText({ pin }) });
    const gone = presentationOf(record, { view: "full", operation: undefined, earlier: [], tagOf, now });
    const changed = presentationOf(record, { view: "full", operation: anything, earlier: [], tagOf, now });
    for (const shown of [gone, changed]) {
      expect(JSON.stringify(shown)).not.toContain(pin);
      expect(shown).toMatchObject({ isComplete: false, arguments: { rows: [] }, preview: undefined });
      expect(terminalLines(shown).join("\n")).toContain("not shown: the handler");
    }
  });
});

describe("the short view of an approval request omits long values", () => {
  test("the short view of an approval request has a link to the full view when arguments or preview are cut", () => {
    const long = "x".repeat(401);
    for (const [args, preview] of [
      [{ note: long }, undefined],
      [{ [long]: 1 }, undefined],
      [{}, { note: long }],
      [{ list: Array.from({ length: 101 }, () => 0) }, undefined],
    ] as const) {
      const given = preview === undefined ? {} : { preview: canonicalText(preview) };
      const short = show(args, given, { view: "short" });
      expect(short).toMatchObject({ needsFullView: true, isComplete: false });
      expect(terminalLines(short).at(-1)).toContain("without --short");
      const full = show(args, given, { view: "full" });
      expect(full).toMatchObject({ needsFullView: false, isComplete: true });
      expect(terminalLines(full).join("\n")).not.toContain("\\…");
    }
    expect(show({ note: "x".repeat(400) }, {}, { view: "short" })).toMatchObject({ needsFullView: false, isComplete: true });
  });

  test("the short view of an approval request contains the number of omitted values", () => {
    const shown = show({ list: Array.from({ length: 150 }, () => 0) }, {}, { view: "short" });
    expect(shown.arguments).toMatchObject({ rowsLeftOut: 50 });
    expect(terminalLines(shown)).toContain("  \\… and 50 more");
  });
});

test("the full view of an approval request contains empty values, and values at the root of the input", () => {
  const shown = show({ a: "", b: {}, c: [], d: null, e: false, "": { "/~": 0 } }, { preview: "null" });
  expect(shown.arguments.rows.map(({ path, type, value }) => [path.text, type, value.text])).toEqual([
    ["//~1~0", "number", "0"],
    ["/a", "empty string", ""],
    ["/b", "empty object", ""],
    ["/c", "empty array", ""],
    ["/d", "null", "null"],
    ["/e", "boolean", "false"],
  ]);
  expect(shown.preview?.rows).toMatchObject([{ path: { text: "" }, type: "null", value: { text: "null" } }]);
  expect(show({}).arguments.rows).toMatchObject([{ path: { text: "" }, type: "empty object" }]);
  expect(show({}).preview).toBeUndefined();
  expect(terminalLines(shown)).toContain("  whole  null  null");
});

describe("Quater refuses approval calls with values that are too large or too deep to show", () => {
  const nested = (levels: number): unknown => JSON.parse(`${'{"a":'.repeat(levels)}1${"}".repeat(levels)}`);
  const at = (args: unknown, preview?: unknown) =>
    unrenderableAt({ args: JSON.stringify(args), preview: preview === undefined ? undefined : JSON.stringify(preview) });

  test("an approval request can show values up to 16 KiB to approvers", () => {
    expect(at({ note: "x".repeat(16 * 1024 - 11) })).toBeUndefined();
    expect(at({ note: "x".repeat(16 * 1024 - 10) })).toMatchObject({ in: "arguments", path: "/note" });
    expect(at({ note: "x".repeat(8_000) }, { rows: "x".repeat(8_000) })).toBeUndefined();
    expect(at({ note: "é".repeat(8_187) })).toMatchObject({ path: "/note" });
  });

  test.each<[string, unknown, unknown, object]>([
    [
      "the largest value, deep inside the arguments",
      { a: 1, b: { c: ["x".repeat(20_000), "y"] } },
      undefined,
      { in: "arguments", path: "/b/c/0" },
    ],
    [
      "the list in which many values together are too large",
      { list: Array.from({ length: 9_000 }, () => 1) },
      undefined,
      { path: "/list" },
    ],
    ["the preview", { a: 1 }, { rows: "x".repeat(20_000) }, { in: "preview", path: "/rows" }],
    ["a field name that is too long", { [`\u001b${"n".repeat(20_000)}`]: 1 }, undefined, { in: "arguments" }],
    [
      "a value that is nested too deep",
      nested(65),
      undefined,
      { path: "/a".repeat(65), reason: "is nested deeper than 64 levels" },
    ],
    ["half a surrogate pair", { a: ["\ud800"] }, undefined, { path: "/a/0" }],
    ["half a surrogate pair in a field name", { a: 1 }, { "x\udc00": 1 }, { in: "preview", path: "/x\\u{dc00}" }],
    [
      "a long field name with many values",
      { ["n".repeat(8_000)]: Array.from({ length: 40 }, () => 1) },
      undefined,
      { in: "arguments" },
    ],
  ])("the error for a value that approvers cannot see names %s", (_name, args, preview, expected) => {
    const found = at(args, preview);
    expect(found).toMatchObject(expected);
    expect(isClean(found?.path ?? "\u0000")).toBe(true);
  });

  test("Quater refuses an approval call with deeply nested JSON quickly, because approvers could not read the input", () => {
    expect(unrenderableAt({ args: `${"[".repeat(8_000)}${"]".repeat(8_000)}`, preview: undefined })).toMatchObject({
      reason: "is nested deeper than 64 levels",
    });
    expect(at(nested(64))).toBeUndefined();
  });
});
