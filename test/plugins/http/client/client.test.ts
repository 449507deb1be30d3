// The typed client against a real server.

import { createServer, type RequestListener } from "node:http";
import type { AddressInfo } from "node:net";
import { fileURLToPath } from "node:url";
import { gzipSync } from "node:zlib";
import { build } from "esbuild";
import { CallError, type ClientOptions, createClient, upload } from "quater/client";
import { afterAll, beforeAll, expect, onTestFinished, test } from "vitest";
import { bootShop, type ShopManifest } from "./kit.ts";

let shop: Awaited<ReturnType<typeof bootShop>>;
beforeAll(async () => {
  shop = await bootShop();
});
afterAll(() => shop[Symbol.asyncDispose]());

const clientOf = (options: Partial<ClientOptions> = {}) =>
  createClient<ShopManifest>({ baseUrl: shop.baseUrl, token: "ana", ...options });

test("the typed client sends inputs in the path and the query, and returns the value of the answer", async () => {
  const input = { orderId: "a/b ü%2F?", limit: 7, tags: ["x", "y&z=1"], isBrief: true };
  expect(await clientOf()("GET /orders/:orderId", input)).toEqual({ ok: true, value: input, callId: expect.any(String) });
});

test("a caller of the typed client may omit an input with a default value, or set the input to undefined", async () => {
  const result = await clientOf()("GET /orders/:orderId", { orderId: "a" });
  expect(result).toMatchObject({ ok: true, value: { limit: 3 } });
});

test("the typed client sends inputs in the body, and sends an input that is bound to a header in this header", async () => {
  const result = await clientOf()("POST /orders", { items: [{ sku: "a" }] }, { headers: { "x-trace-id": "t1" } });
  expect(result).toMatchObject({ ok: true, value: { count: 1, traceId: "t1" } });
});

test("the typed client sends inputs of a DELETE route in the query, and returns the output null as null", async () => {
  const client = clientOf();
  expect(await client("DELETE /orders/:orderId", { orderId: "a", reason: "old" })).toMatchObject({ ok: true, value: null });
  const refused = await client("DELETE /orders/:orderId", { orderId: "a" });
  expect(refused).toMatchObject({ ok: false, code: "conflict", status: 409, message: "a needs a reason" });
});

test("the typed client sends files together with the other inputs of a call, and changes neither types nor line ends", async () => {
  const result = await clientOf()("POST /albums/:albumId/photos", {
    albumId: "a1",
    cover: upload(new File(["one"], "ä cover.txt", { type: "text/plain" })),
    others: [
      upload(new Blob(['"two"'], { type: "application/json" })),
      upload(new File(["three"], "3.txt", { type: "text/plain" })),
    ],
    about: { text: "line\nend", year: 1999 },
    isPrivate: true,
  });
  const files = ["ä cover.txt: one", 'blob: "two"', "3.txt: three"];
  expect(result).toMatchObject({ ok: true, value: { albumId: "a1", files, about: "line\nend 1999" } });
});

test("the typed client returns a field error for a file that the server refuses", async () => {
  const cover = upload(new File(["<svg/>"], "a.svg", { type: "image/svg+xml" }));
  const result = await clientOf()("POST /albums/:albumId/photos", { albumId: "a1", cover, about: { text: "", year: 1 } });
  expect(result).toMatchObject({ ok: false, status: 422, errors: [{ path: "/cover" }] });
});

test.each(["plain.pdf", "ä 'quoted' \"x\".pdf"])(
  "the typed client returns a file output with name, type and content: %s",
  async (name) => {
    const result = await clientOf()("GET /photos/:name", { name });
    if (!result.ok) throw new Error(result.message);
    expect(result.value).toBeInstanceOf(File);
    expect([result.value.name, result.value.type, await result.value.text()]).toEqual([
      name,
      "application/pdf",
      `%PDF of ${name}`,
    ]);
  },
);

test("the typed client returns a text output with a media type as a string", async () => {
  expect(await clientOf()("GET /csv")).toMatchObject({ ok: true, value: "a,b\n1,2\n" });
});

test("the typed client adds and removes the envelopes of a route", async () => {
  const result = await clientOf()("PATCH /albums/:albumId", { albumId: "a1", album: { title: "New" } });
  expect(result).toMatchObject({ ok: true, value: { album: { id: "a1", title: "New" } } });
});

test("the typed client returns a refused call as a value with code, status, call id and field errors", async () => {
  const client = clientOf();
  const problem = await client("POST /orders", { items: [] });
  expect(problem).toEqual({
    ok: false,
    code: "order_closed",
    status: 409,
    message: "The order is closed",
    callId: expect.stringMatching(/^[\w-]{36}$/),
    errors: [],
    details: {},
  });
  const wrong = await client("GET /orders/:orderId", { orderId: "a", limit: 1.5 });
  expect(wrong).toMatchObject({ code: "invalid_input", errors: [{ path: "/limit", message: "must be an integer" }] });
});

test("the typed client accepts its token as a string, or as a function that the client calls for each request", async () => {
  const given = ["bea", undefined, "ana"];
  const client = clientOf({ token: async () => given.shift() });
  const codes = [];
  for (let n = 0; n < 3; n++) codes.push(await client("GET /orders/:orderId", { orderId: "a" }));
  expect(codes).toMatchObject([
    { code: "missing_scope", details: { scopes: ["orders:read"] } },
    { code: "unauthenticated", status: 401 },
    { ok: true },
  ]);
});

test.each(["", ".", ".."])(
  "the typed client sends no request when a path parameter would change the path: %j",
  async (orderId) => {
    let requests = 0;
    const counted: ClientOptions["fetch"] = (...given) => {
      requests++;
      return fetch(...given);
    };
    const client = clientOf({ fetch: counted });
    const result = await client("DELETE /orders/:orderId", { orderId, reason: "old" });
    expect(result).toMatchObject({ ok: false, code: "invalid_input", errors: [{ path: "/orderId" }] });
    expect(requests).toBe(0);
  },
);

test("the typed client refuses half a surrogate pair in the path and in the query", async () => {
  const client = clientOf();
  expect(await client("GET /orders/:orderId", { orderId: "\ud800" })).toMatchObject({ errors: [{ path: "/orderId" }] });
  expect(await client("GET /orders/:orderId", { orderId: "a", tags: ["\ud800"] })).toMatchObject({ errors: [{ path: "/tags" }] });
});

test("the typed client returns each item of a stream unchanged", async () => {
  const seen: number[] = [];
  for await (const { n, error } of clientOf()("GET /numbers", { to: 300 })) {
    expect(error).toBe("of the item itself\n\nevent: end");
    seen.push(n);
  }
  expect(seen).toEqual(Array.from({ length: 300 }, (_, index) => index + 1));
});

test("a stream that the server refuses at its start is a value of the typed client when awaited", async () => {
  const client = clientOf();
  const input = { to: 3, failAt: 1 };
  expect(await client("GET /numbers", input)).toMatchObject({ ok: false, code: "order_closed", status: 409 });
  const reading = (async () => {
    for await (const _ of client("GET /numbers", input)) expect.unreachable();
  })();
  await expect(reading).rejects.toMatchObject({ name: "CallError", failure: { code: "order_closed" } });
});

test("the typed client returns the items of a stream before an error, and then throws the error", async () => {
  const result = await clientOf()("GET /numbers", { to: 3, failAt: 3 });
  if (!result.ok) throw new CallError(result);
  const seen: number[] = [];
  const reading = (async () => {
    for await (const { n } of result.value) seen.push(n);
  })();
  await expect(reading).rejects.toThrow("order_closed: The order is closed");
  expect(seen).toEqual([1, 2]);
});

test("the typed client closes the connection of a stream when the reader leaves early, and the client stays usable", async () => {
  const client = clientOf();
  for await (const { n } of client("GET /numbers", { to: 1_000_000 })) if (n === 2) break;
  expect(await client("GET /orders/:orderId", { orderId: "a" })).toMatchObject({ ok: true });
});

test("the typed client returns an aborted call as a value", async () => {
  const controller = new AbortController();
  const waiting = clientOf()("GET /waits", {}, { signal: controller.signal });
  controller.abort(new Error("enough"));
  expect(await waiting).toMatchObject({ ok: false, code: "aborted", cause: { message: "enough" } });
});

test("the typed client throws an error to the reader of a stream when the call is aborted", async () => {
  const controller = new AbortController();
  const reading = (async () => {
    for await (const { n } of clientOf()("GET /numbers", { to: 1_000_000 }, { signal: controller.signal }))
      if (n === 3) controller.abort();
  })();
  await expect(reading).rejects.toMatchObject({ failure: { code: "aborted" } });
});

const serve = async (listener: RequestListener): Promise<string> => {
  const server = createServer(listener).listen(0, "127.0.0.1");
  await new Promise((resolve) => server.once("listening", resolve));
  onTestFinished(() => void server.close());
  return `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
};

test("the typed client returns a value for a call when the server cannot be reached", async () => {
  const baseUrl = await serve((req) => req.socket.destroy());
  const result = await clientOf({ baseUrl })("GET /orders/:orderId", { orderId: "a" });
  expect(result).toMatchObject({ ok: false, code: "network_error", message: "fetch failed" });
});

test.each([
  ["a page of a proxy", 502, "text/html", "<h1>Bad gateway</h1>"],
  ["a success that is not JSON", 200, "text/html", "<h1>Sign in</h1>"],
  ["broken JSON", 200, "application/json", "{"],
  ["a problem without a code", 400, "application/problem+json", "{}"],
])("the typed client returns %s as a value with the text of the answer", async (_, status, type, body) => {
  const baseUrl = await serve((_, res) => void res.writeHead(status, { "content-type": type }).end(body));
  const result = await clientOf({ baseUrl })("GET /orders/:orderId", { orderId: "a" });
  expect(result).toMatchObject({ ok: false, code: "unexpected_answer", status, cause: body });
});

test("the typed client throws an error when a stream breaks off, so the stream does not look complete", async () => {
  const baseUrl = await serve(
    (_, res) => void res.writeHead(200, { "content-type": "text/event-stream" }).end('data: {"n":1}\n\n'),
  );
  const seen: number[] = [];
  const reading = (async () => {
    for await (const { n } of clientOf({ baseUrl })("GET /numbers", { to: 2 })) seen.push(n);
  })();
  await expect(reading).rejects.toThrow("network_error: The stream ended before its last event");
  expect(seen).toEqual([1]);
});

test("the typed client accepts a base URL that ends in a path, with or without a slash", async () => {
  const paths: (string | undefined)[] = [];
  const baseUrl = await serve((req, res) => {
    paths.push(req.url);
    res.writeHead(200, { "content-type": "application/json" }).end("{}");
  });
  for (const end of ["/v1", "/v1/", ""]) await clientOf({ baseUrl: baseUrl + end })("GET /numbers", { to: 1 });
  expect(paths).toEqual(["/v1/numbers?to=1", "/v1/numbers?to=1", "/numbers?to=1"]);
});

test("for a call that needs approval, the typed client returns the approval request, can wait for the decision, and repeats the call", async () => {
  const client = clientOf();
  const asked = await client("POST /payments", { cents: 5 });
  if (asked.ok || asked.code !== "approval_required") return expect.unreachable();
  expect(asked).toMatchObject({ status: 428, approval: { id: expect.any(String), expiresAt: expect.any(String) } });
  expect(await asked.repeat()).toMatchObject({ code: "approval_required", approval: { id: asked.approval.id } });
  const waiting = asked.wait({ everyMs: 10 });
  await shop.decide(asked.approval.id, "approve");
  expect(await waiting).toMatchObject({ ok: true, value: { paid: 5 } });
  expect(await asked.repeat()).toMatchObject({ ok: false, code: "approval_used" });
});

test("the typed client stops waiting for the decision about an approval request when an approver denies the request", async () => {
  const asked = await clientOf()("POST /payments", { cents: 6 });
  if (asked.ok || asked.code !== "approval_required") return expect.unreachable();
  const waiting = asked.wait({ everyMs: 10 });
  await shop.decide(asked.approval.id, "deny");
  expect(await waiting).toMatchObject({ ok: false, code: "approval_denied", status: 403 });
});

test("the typed client stops waiting for a decision when the AbortSignal aborts, and continues while the server cannot be reached", async () => {
  let answers = 0;
  let isAway = false;
  const client = clientOf({
    fetch: async (...given) => {
      answers++;
      if (isAway) throw new TypeError("fetch failed");
      return fetch(...given);
    },
  });
  const asked = await client("POST /payments", { cents: 7 });
  if (asked.ok || asked.code !== "approval_required") return expect.unreachable();
  isAway = true;
  const controller = new AbortController();
  const waiting = asked.wait({ everyMs: 1, signal: controller.signal });
  while (answers < 5) await new Promise((resolve) => setImmediate(resolve));
  isAway = false;
  controller.abort();
  expect(await waiting).toMatchObject({ ok: false, code: "aborted" });
});

test("the typed client stops waiting for a decision when the server refuses the request, for example because of a revoked token", async () => {
  let token = "ana";
  const asked = await clientOf({ token: () => token })("POST /payments", { cents: 8 });
  if (asked.ok || asked.code !== "approval_required") return expect.unreachable();
  token = "revoked";
  expect(await asked.wait()).toMatchObject({ ok: false, code: "invalid_token" });
});

test("the bundle of the typed client for a browser has at most 3 kB, and contains no server code", async () => {
  const entry = fileURLToPath(new URL("../../../../plugins/http/client/index.ts", import.meta.url));
  const how = { bundle: true, minify: true, write: false, metafile: true, format: "esm", platform: "browser" } as const;
  const { outputFiles, metafile } = await build({ entryPoints: [entry], ...how });
  expect(
    Object.keys(metafile.inputs)
      .map((path) => path.replace(/^.*plugins/, "plugins"))
      .toSorted(),
  ).toEqual(["plugins/http/client/answer.ts", "plugins/http/client/index.ts", "plugins/http/client/request.ts"]);
  const bytes = gzipSync(outputFiles[0]?.contents ?? "", { level: 9 }).length;
  expect(bytes).toBeLessThan(3_000);
});
