// `quater openapi --check`: what breaks the clients of a document that was kept.

import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { anyone, authenticated, can, type Handler, handler, problem, Type } from "quater";
import { http, httpRef } from "quater/http";
import { audit, store } from "quater/plugins";
import { bootTest, tokens } from "quater/testing";
import { describe, expect, test } from "vitest";
import { approval } from "../../../plugins/approval/index.ts";
import { changesBetween } from "../../../plugins/cli/openapi/changes.ts";
import { quater, shop } from "./kit.ts";

type Parts = Partial<{
  readonly input: ReturnType<typeof Type.Object>;
  readonly output: ReturnType<typeof Type.Object>;
  readonly auth: unknown;
  readonly problems: readonly unknown[];
  readonly exposure: object;
  readonly route: object | string;
  readonly name: string;
}>;

const documentOf = async (parts: Parts): Promise<Readonly<Record<string, unknown>>> => {
  const { exposure = {}, route = "POST /orders/:id", name = "save", ...own } = parts;
  const needsPeople = "approval" in exposure;
  const save = handler({
    description: "Saves.",
    effect: "write",
    auth: authenticated,
    input: Type.Object({ id: Type.String() }),
    handle: () => ({}) as never,
    ...(own as object),
  }) as Handler;
  const people = approval({ authenticate: tokens({}), policies: { finance: { approvers: [{ role: "finance" }] } } });
  await using app = await bootTest({
    handlers: { [name]: save },
    expose: { [name]: { http: route, ...exposure } },
    plugins: [http({ port: 0, authenticate: tokens({}) }), ...(needsPeople ? [store(), audit(), people] : [])],
    isolated: true,
  });
  return (await app.services.get(httpRef).openApi(undefined)) as Readonly<Record<string, unknown>>;
};

const changed = async (before: Parts, after: Parts): Promise<readonly string[]> => {
  const [kept, present] = [await documentOf(before), await documentOf(after)];
  return changesBetween(kept, present).map(
    ({ isBreaking, operation, what }) => `${isBreaking ? "breaking" : "compatible"} ${operation} ${what}`,
  );
};

const route = "POST /orders/{id}";
const withInput = (more: Parameters<typeof Type.Object>[0]): Parts => ({ input: Type.Object({ id: Type.String(), ...more }) });
const withOutput = (more: Parameters<typeof Type.Object>[0]): Parts => ({ output: Type.Object({ id: Type.String(), ...more }) });
const Optional = Type.Optional;

const inputs: readonly [what: string, before: Parts, after: Parts, expected: readonly string[]][] = [
  ["a new required input", {}, withInput({ note: Type.String() }), ["breaking body: clients must send a body now"]],
  [
    "a new required input beside others",
    withInput({ a: Type.String() }),
    withInput({ a: Type.String(), note: Type.String() }),
    ["breaking body /note: is new and required"],
  ],
  [
    "a new optional input",
    withInput({ a: Type.String() }),
    withInput({ a: Type.String(), note: Optional(Type.String()) }),
    ["compatible body /note: is new and optional"],
  ],
  [
    "an input that is gone",
    withInput({ a: Type.String(), note: Optional(Type.String()) }),
    withInput({ a: Type.String() }),
    ["breaking body /note: is no longer accepted"],
  ],
  [
    "an input that became required",
    withInput({ a: Type.String(), b: Optional(Type.String()) }),
    withInput({ a: Type.String(), b: Type.String() }),
    ["breaking body /b: is required now"],
  ],
  [
    "an input that became optional",
    withInput({ a: Type.String(), b: Type.String() }),
    withInput({ a: Type.String(), b: Type.String({ default: "x" }) }),
    ["compatible body /b: is optional now"],
  ],
  [
    "another type",
    withInput({ a: Type.Integer() }),
    withInput({ a: Type.String() }),
    ['breaking body /a: type changed from "integer" to "string"'],
  ],
  [
    "a wider type",
    withInput({ a: Type.Integer() }),
    withInput({ a: Type.Number() }),
    ['compatible body /a: type changed from "integer" to "number"'],
  ],
  [
    "a narrowed enum",
    withInput({ a: Type.Enum(["x", "y"]) }),
    withInput({ a: Type.Enum(["x"]) }),
    ['breaking body /a: no longer accepts "y"'],
  ],
  [
    "a widened enum",
    withInput({ a: Type.Enum(["x"]) }),
    withInput({ a: Type.Enum(["x", "y"]) }),
    ['compatible body /a: accepts "y" now'],
  ],
  [
    "a stricter limit",
    withInput({ list: Type.Array(Type.Object({ sku: Type.String({ maxLength: 40 }) })) }),
    withInput({ list: Type.Array(Type.Object({ sku: Type.String({ maxLength: 20 }) })) }),
    ["breaking body /list/*/sku: maxLength changed from 40 to 20"],
  ],
  [
    "a looser limit",
    withInput({ a: Type.Integer({ minimum: 5 }) }),
    withInput({ a: Type.Integer({ minimum: 1 }) }),
    ["compatible body /a: minimum changed from 5 to 1"],
  ],
  [
    "a new pattern",
    withInput({ a: Type.String({ maxLength: 9 }) }),
    withInput({ a: Type.String({ maxLength: 9, pattern: "^a" }) }),
    ['breaking body /a: pattern changed from (none) to "^a"'],
  ],
  [
    "a shape that is gone from a union",
    withInput({
      a: Type.Union([Type.Object({ x: Type.String() }), Type.Object({ y: Type.String() }), Type.Object({ z: Type.String() })]),
    }),
    withInput({ a: Type.Union([Type.Object({ x: Type.String() }), Type.Object({ y: Type.String() })]) }),
    ["breaking body /a: one of the alternative shapes is no longer accepted"],
  ],
  [
    "null that is gone",
    withInput({ a: Type.Union([Type.String(), Type.Null()]) }),
    withInput({ a: Type.String() }),
    ['breaking body /a: type changed from "null" to "string"'],
  ],
  [
    "an input that moved to a header",
    withInput({ a: Type.String(), t: Type.String() }),
    { ...withInput({ a: Type.String(), t: Type.String() }), route: { route: "POST /orders/:id", bind: { t: "header:x-t" } } },
    ["breaking body /t: is no longer accepted", "breaking header x-t: is new and required"],
  ],
];

const outputs: readonly [what: string, before: Parts, after: Parts, expected: readonly string[]][] = [
  ["a field that is gone", withOutput({ a: Type.String() }), withOutput({}), ["breaking answer 200 /a: is gone"]],
  [
    "an optional field that is gone",
    withOutput({ a: Optional(Type.String()) }),
    withOutput({}),
    ["breaking answer 200 /a: is gone"],
  ],
  [
    "a renamed field",
    withOutput({ list: Type.Array(Type.Object({ a: Type.String() })) }),
    withOutput({ list: Type.Array(Type.Object({ b: Type.String() })) }),
    ["breaking answer 200 /list/*/a: is gone", "compatible answer 200 /list/*/b: is new"],
  ],
  ["a new field", withOutput({}), withOutput({ a: Type.String() }), ["compatible answer 200 /a: is new"]],
  [
    "a field that may be absent",
    withOutput({ a: Type.String() }),
    withOutput({ a: Optional(Type.String()) }),
    ["breaking answer 200 /a: may be absent now"],
  ],
  [
    "another type",
    withOutput({ a: Type.Integer() }),
    withOutput({ a: Type.String() }),
    ['breaking answer 200 /a: type changed from "integer" to "string"'],
  ],
  [
    "a value that is new",
    withOutput({ a: Type.Enum(["x"]) }),
    withOutput({ a: Type.Enum(["x", "y"]) }),
    ['breaking answer 200 /a: may be "y" now'],
  ],
  [
    "a value that is gone",
    withOutput({ a: Type.Enum(["x", "y"]) }),
    withOutput({ a: Type.Enum(["x"]) }),
    ['compatible answer 200 /a: is never "y" now'],
  ],
  [
    "a looser limit",
    withOutput({ a: Type.Integer({ maximum: 9 }) }),
    withOutput({ a: Type.Integer() }),
    ["breaking answer 200 /a: maximum changed from 9 to (none)"],
  ],
];

describe("H14: quater openapi --check compares two OpenAPI documents", () => {
  test.each(inputs)("H14: quater openapi --check judges a changed input: %s", async (_, before, after, expected) => {
    expect([...(await changed(before, after))].sort()).toEqual(expected.map(at).sort());
  });

  test.each(outputs)("H14: quater openapi --check judges a changed output: %s", async (_, before, after, expected) => {
    expect(await changed(before, after)).toEqual(expected.map(at));
  });

  test("H14: quater openapi --check judges changed operations, credentials, approvals and error codes", async () => {
    expect(await changed({}, { route: "POST /other/:id" })).toEqual([
      "breaking POST /orders/{id} is gone",
      "compatible POST /other/{id} is new",
    ]);
    expect(await changed({}, { name: "store" })).toEqual([
      `breaking ${route} operationId changed from save to store, which renames the method in generated clients`,
    ]);
    const open = { auth: anyone, exposure: { public: true } };
    expect(await changed(open, {})).toEqual([
      `breaking ${route} no credential is no longer enough: callers need Authorization: bearer`,
      `compatible ${route} answer 403: is new`,
    ]);
    expect((await changed({}, open)).filter((line) => line.startsWith("breaking"))).toEqual([]);
    expect(await changed({ auth: can("a") }, { auth: [can("a"), can("b")] })).toEqual([
      `breaking ${route} Authorization: bearer and the scope a is no longer enough: callers need the scope b`,
    ]);
    expect(await changed({ auth: can("a") }, { auth: { any: [can("a"), can("b")] } })).toEqual([
      `compatible ${route} Authorization: bearer and the scope b is enough now`,
    ]);
    expect(await changed({}, { exposure: { approval: "finance" } })).toContain(`breaking ${route} each call needs approval now`);
    expect(await changed({}, { problems: [problem("full", "conflict")] })).toEqual([`compatible ${route} answer 409: is new`]);
    expect(await changed({}, { route: { route: "POST /orders/:id", status: 201 } })).toEqual([
      `breaking ${route} answer 200: is gone`,
      `breaking ${route} answer 201: is new`,
    ]);
    expect(await changed({}, { route: { route: "POST /orders/:id", deprecated: true } })).toEqual([
      `compatible ${route} is deprecated now`,
    ]);
  });

  test("H14: quater openapi --check reports changes inside a recursive schema, but not a renamed component", async () => {
    const tree = (name: string, leaf = Type.String()) =>
      withOutput({
        tree: Type.Cyclic({ [name]: Type.Object({ leaf, next: Optional(Type.Array(Type.Ref(name))) }) }, name) as never,
      });
    expect(await changed(tree("Node"), tree("Tree"))).toEqual([]);
    expect(await changed(tree("Node"), tree("Node", Type.Integer() as never))).toEqual([
      `breaking ${route} answer 200 /tree/leaf: type changed from "string" to "integer"`,
    ]);
  });

  test("H14: quater openapi --output writes the document, and --check exits 1 when a change breaks clients", async () => {
    const folder = mkdtempSync(join(tmpdir(), "quater-openapi-"));
    const file = join(folder, "api.json");
    try {
      expect(await quater(["openapi", "--check", file], { cwd: shop })).toMatchObject({
        code: 64,
        err: expect.stringContaining(`the file does not exist. Create the file with quater openapi --output ${file}`),
      });
      expect(await quater(["openapi", "--output", file], { cwd: shop })).toMatchObject({ code: 0, out: "" });
      const printed = (await quater(["openapi"], { cwd: shop })).out;
      const kept = readFileSync(file, "utf8");
      expect(JSON.parse(kept)).toEqual(JSON.parse(printed));
      expect(await quater(["openapi", "--check", file, "--no-json"], { cwd: shop })).toMatchObject({
        code: 0,
        out: "Nothing changed for clients.\n",
      });
      writeFileSync(file, kept.replaceAll(/"maximum": 10\b/g, '"maximum": 20').replace('"/http-only"', '"/gone"'));
      const { code, out } = await quater(["openapi", "--check", file, "--no-json"], { cwd: shop });
      expect(code).toBe(1);
      expect(out.split("\n").map((line) => line.replaceAll(/ {2,}/g, "  "))).toEqual([
        "change  operation  what",
        "breaking  GET /orders  query limit: maximum changed from 20 to 10",
        "breaking  GET /gone  is gone",
        "compatible  GET /http-only  is new",
        "",
        "2 breaking, 1 compatible",
        "",
      ]);
      expect(JSON.parse((await quater(["openapi", "--check", file], { cwd: shop })).out)).toMatchObject({
        isCompatible: false,
        changes: [{ isBreaking: true, operation: "GET /orders" }, { isBreaking: true }, { isBreaking: false }],
      });
      writeFileSync(file, "{}");
      expect((await quater(["openapi", "--check", file], { cwd: shop })).err).toContain(
        "the file is not an OpenAPI 3.1 document",
      );
    } finally {
      rmSync(folder, { recursive: true });
    }
  });
});

const at = (line: string): string => line.replace(" ", ` ${route} `);
