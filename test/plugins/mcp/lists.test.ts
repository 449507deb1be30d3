// The pages of MCP lists.

import { anyone, handler, hasRole, Type } from "quater";
import { http } from "quater/http";
import { mcp } from "quater/mcp";
import { bootTest, type TestApp, tokens } from "quater/testing";
import { expect, test } from "vitest";
import { ask, askModern, people } from "./offered-shop.ts";

const many = (count: number, icon = "") => {
  const icons = icon === "" ? [] : [{ src: `data:image/png;base64,${icon}` }];
  const about = { description: "Do it.", effect: "read", input: Type.Object({}), handle: () => 1 } as const;
  const names = Array.from({ length: count }, (_, at) => `tool_${at}`);
  const handlers = Object.fromEntries(
    names.map((name, at) => [name, handler({ ...about, auth: at % 2 === 0 ? anyone : hasRole("auditor") })]),
  );
  return bootTest({
    handlers,
    expose: Object.fromEntries(names.map((name) => [name, { mcp: { resource: `x://${name}`, icons } }])),
    plugins: [http({ port: 0, authenticate: tokens(people) }), mcp({ authenticate: tokens(people) })],
  });
};

/** Reads all pages. @returns The number of entries of each page, and the names. */
const pagesOf = async (app: TestApp, method: string, field: string, token: string) => {
  const sizes: number[] = [];
  const names = new Set<string>();
  let cursor: unknown;
  do {
    const { result = {} } = await ask(app, method, cursor === undefined ? {} : { cursor }, token);
    const entries = result[field] as { name: string }[];
    sizes.push(entries.length);
    for (const { name } of entries) names.add(name);
    cursor = result["nextCursor"];
  } while (cursor !== undefined);
  return { sizes, count: names.size };
};

test("an MCP list has pages of at most 500 entries that the caller may see, and each entry is on one page", async () => {
  await using app = await many(1_200);
  expect(await pagesOf(app, "tools/list", "tools", "ben")).toEqual({ sizes: [500, 500, 200], count: 1_200 });
  expect(await pagesOf(app, "tools/list", "tools", "ana")).toEqual({ sizes: [500, 100], count: 600 });
  expect(await pagesOf(app, "resources/list", "resources", "ana")).toEqual({ sizes: [500, 100], count: 600 });

  const { result = {} } = await ask(app, "tools/list");
  const cursor = result["nextCursor"];
  expect((await askModern(app, "tools/list", { cursor })).result).toMatchObject({ resultType: "complete", ttlMs: 60_000 });
  const forged = (text: string) => Buffer.from(text).toString("base64url");
  const version = Buffer.from(String(cursor), "base64url").toString().split(".")[1];
  for (const bad of [
    "",
    "x",
    1,
    null,
    forged("500"),
    forged("500.x"),
    forged(`0.${version}`),
    forged(`9999.${version}`),
    forged(`0500.${version}`),
  ])
    for (const answer of [await ask(app, "tools/list", { cursor: bad }), await askModern(app, "tools/list", { cursor: bad })])
      expect(answer.error).toMatchObject({ code: -32602 });
  // A cursor of one list leads to no page of another list.
  expect((await ask(app, "resources/list", { cursor })).error).toMatchObject({ code: -32602 });
});

test("an MCP list of long entries has pages of about 1 MB", async () => {
  await using app = await many(22, "A".repeat(99_000));
  expect(await pagesOf(app, "resources/list", "resources", "ben")).toEqual({ sizes: [10, 10, 2], count: 22 });
});
