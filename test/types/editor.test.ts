// What people see in an editor of the cases that the documentation promises: the first line of an error, hovers, completions.

import { afterAll, beforeAll, expect, test } from "vitest";
import { type Editor, openEditor } from "./editor.ts";

let editor: Editor;
beforeAll(async () => {
  editor = await openEditor();
});
afterAll(() => editor[Symbol.dispose]());

const shop = `
import { anyone, can, defineConfig, expose, handler, policy, problem, Type, withDefault } from "quater";
import { definePlugin, opaque } from "quater/plugin-api";
import { createClient } from "quater/client";
import type {} from "quater/http";
import type {} from "quater/store";
const about = {
  description: "Shows an order.",
  effect: "read",
  input: Type.Object({ orderId: Type.String(), page: withDefault(Type.Integer(), 1) }),
  output: Type.Object({ id: Type.String() }),
} as const;
const archived = problem("order_archived", "conflict");
const getOrder = handler({ ...about, auth: anyone, problems: [archived], handle: ({ orderId }) => ({ id: orderId }) });
const listOrders = handler({ ...about, auth: anyone, handle: ({ orderId }) => ({ id: orderId }) });
const load = async () => ({ getOrder, listOrders });
const quota = definePlugin(
  { perMinute: withDefault(Type.Integer(), 60), now: opaque<() => number>("a function"), file: Type.Optional(Type.String()) },
  () => ({ name: "quota" }),
);
const manifest = defineConfig({
  name: "shop",
  handlers: [expose(load, { getOrder: { http: "POST /orders/:orderId" }, listOrders: { http: { route: "GET /orders" } } })],
  plugins: [],
});
const client = createClient<typeof manifest>({ baseUrl: "" });
const isOwn = policy({ name: "isOwn", needs: { customerId: Type.String() }, allow: () => true });
`;

const missing = `Property '"~refused"' is missing in type '{}' but required in type`;

test.each([
  [
    "a misspelt handler in expose",
    "expose(load, { getOrderr: {} });",
    `${missing} 'Refused<"getOrderr is not a handler exported by this module">'.`,
  ],
  [
    "a misspelt handler beside a right one",
    "expose(load, { getOrder: {}, getOrderr: {} });",
    `${missing} 'Refused<"getOrderr is not a handler exported by this module">'.`,
  ],
  [
    "a misspelt key of an exposure",
    `expose(load, { getOrder: { htp: "GET /orders/:orderId" } });`,
    "Object literal may only specify known properties, but 'htp' does not exist in type 'Exposure & {}'. Did you mean to write 'http'?",
  ],
  [
    "a path parameter that is not an input",
    `expose(load, { getOrder: { http: "GET /orders/:id" } });`,
    `Type '"GET /orders/:id"' is not assignable to type '"GET /orders/:id" & Refused<"Path parameter :id is not a property of the handler's input">'.`,
  ],
  [
    "a lock by a property that the input does not have",
    `expose(load, { getOrder: { lock: { name: "order", by: "id" } } });`,
    `Type '"id"' is not assignable to type '"id" & Refused<"lock.by names id, which is not a property of the handler's input">'.`,
  ],
  [
    "a misspelt hook",
    `definePlugin(() => ({ name: "x", hooks: { authorise: () => true } }));`,
    "Object literal may only specify known properties, and 'authorise' does not exist in type 'HookChoice'.",
  ],
  [
    "a misspelt hook beside a right one",
    `definePlugin(() => ({ name: "x", hooks: { settled: () => {}, authorise: () => true } }));`,
    `Type '() => true' is not assignable to type '(() => true) & Refused<"There is no hook authorise">'.`,
  ],
  [
    "a misspelt option of a plugin",
    "quota({ now: Date.now, perMinutes: 5 });",
    "Object literal may only specify known properties, but 'perMinutes' does not exist in type '{ readonly perMinute?: number; readonly now: () => number; readonly file?: string; }'. Did you mean to write 'perMinute'?",
  ],
  ["an option of a wrong type", "quota({ now: 5 });", "Type 'number' is not assignable to type '() => number'."],
  [
    "a policy for another input",
    "handler({ ...about, auth: isOwn, handle: ({ orderId }) => ({ id: orderId }) });",
    "Type 'Policy<{ readonly customerId: string; }>' is not assignable to type 'Auth<{ orderId: string; page: number; }, Opened<{}>>'.",
  ],
  [
    "a route that the manifest does not have",
    `await client("GET /order", { orderId: "x" });`,
    `Argument of type '"GET /order"' is not assignable to parameter of type '"GET /orders" | "POST /orders/:orderId"'.`,
  ],
  [
    "an input that is missing",
    `await client("GET /orders", {});`,
    "Argument of type '{}' is not assignable to parameter of type '{ readonly orderId: string; } & { readonly page?: number; }'.",
  ],
  [
    "a handler that returns a number for a string",
    "handler({ ...about, auth: anyone, handle: () => ({ id: 7 }) });",
    "Type 'number' is not assignable to type 'string'.",
  ],
])("the TypeScript compiler reports %s in one sentence", async (_, line, error) => {
  const found = await editor.code(`${shop}\n${line}`).errors();
  expect(found.map((text) => text.split("\n")[0])).toEqual([error]);
});

test.each(["isOwn", `[can("x"), isOwn]`, `{ any: [can("x"), isOwn] }`])(
  "the TypeScript error about a policy for another input names the missing property: %s",
  async (auth) => {
    const line = `handler({ ...about, auth: ${auth}, handle: ({ orderId }) => ({ id: orderId }) });`;
    const found = await editor.code(`${shop}\n${line}`).errors();
    expect(found.map((text) => text.trim().split("\n").at(-1)?.trim())).toEqual([
      "Property 'customerId' is missing in type '{ orderId: string; page: number; }' but required in type '{ readonly customerId: string; }'.",
    ]);
  },
);

test.each([
  ["a new object", '() => ({ id: "x", at: new Date() })'],
  ["a row", "() => row"],
  ["a promise of a row", "({ orderId }) => find(orderId)"],
  ["an async function", "async ({ orderId }) => ({ ...(await find(orderId)) })"],
])("H24: the TypeScript error about a handler that returns a Date for a string names both types: %s", async (_, handle) => {
  const rows =
    "interface Row { readonly id: string; readonly at: Date }\ndeclare const row: Row; declare const find: (id: string) => Promise<Row>;";
  const output = 'Type.Object({ id: Type.String(), at: Type.String({ format: "date-time" }) })';
  const found = await editor
    .code(`${shop}\n${rows}\nhandler({ ...about, output: ${output}, auth: anyone, handle: ${handle} });`)
    .errors();
  expect(found.map((text) => text.trim().split("\n").at(-1)?.trim())).toEqual([
    "Type 'Date' is not assignable to type 'string'.",
  ]);
});

test.each([
  ["handlers", "expose(load, { |> });", ["getOrder", "listOrders"]],
  ["keys of an exposure", "expose(load, { getOrder: { |> } });", ["http", "lock", "name", "preview", "public"]],
  ["routes of a client", `client("|>");`, ["GET /orders", "POST /orders/:orderId"]],
  ["inputs of a route", `client("POST /orders/:orderId", { |> });`, ["orderId", "page"]],
  ["options of a plugin", "quota({ |> });", ["file", "now", "perMinute"]],
])("an editor with the types of Quater completes %s", async (_, line, names) => {
  expect(await editor.code(`${shop}\n${line}`).completions()).toEqual(expect.arrayContaining(names));
});

test.each([
  [
    "a handler",
    "|>getOrder;",
    `const getOrder: Handler<{ orderId: string; page: number; }, { id: string; }, "order_archived", "page">`,
  ],
  [
    "a plugin's factory",
    "|>quota;",
    "const quota: (options: { readonly perMinute?: number; readonly now: () => number; readonly file?: string; }) => ConfiguredPlugin",
  ],
  [
    "a result of a client",
    `const |>result = await client("GET /orders", { orderId: "x" });`,
    "const result: Result<{ id: string; }, never>",
  ],
  ["a policy", "|>isOwn;", "const isOwn: Policy<{ readonly customerId: string; }>"],
])("a hover in an editor shows the type of %s", async (_, line, shown) => {
  expect(await editor.code(`${shop}\n${line}`).hover()).toBe(shown);
});
