// Exposed routes are answered directly where nothing is mounted in front of them, and through Koa otherwise: with the same answers.

import { anyone, handler, Type } from "quater";
import { http, httpRef } from "quater/http";
import { definePlugin } from "quater/plugin-api";
import { bootTest, type TestApp } from "quater/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { KoaApp } from "../../../plugins/http/koa.ts";
import { around, bootShop, counting, handled, mounting, throughKoa } from "./shop.ts";
import { answerTo, head, raw } from "./socket.ts";

const options = { allowedOrigins: ["https://app.example"], maxBodyBytes: 1_000 };
let direct: TestApp;
let mounted: TestApp;
const baseOf = (app: TestApp) => app.services.get(httpRef).baseUrl ?? "";
beforeAll(async () => {
  direct = await bootShop(options, [mounting(counting, "counting")]);
  mounted = await bootShop(options, [mounting(counting, "counting"), around]);
});
afterAll(async () => {
  await direct.stop();
  await mounted.stop();
});

const ana = "Authorization: Bearer ana";
const json = "Content-Type: application/json";
const post = (path: string, body: string, ...headers: string[]) =>
  `${head(`POST ${path} HTTP/1.1`, ana, `Content-Length: ${Buffer.byteLength(body)}`, ...headers)}${body}`;
const get = (path: string, ...headers: string[]) => head(`GET ${path} HTTP/1.1`, ana, ...headers);
const order = '{"customer":"c1","cents":5}';
const page = "Origin: https://app.example";

const requests: Readonly<Record<string, string>> = {
  "a read": get("/orders/o1"),
  "a read with a list in the query": get("/orders/o1?fields=a&fields=b"),
  "an encoded path parameter": get("/orders/a%2Fb%20c"),
  "a public route without a credential": head("GET /status HTTP/1.1"),
  "a public route with a wrong credential": head("GET /status HTTP/1.1", "Authorization: Bearer nobody"),
  "HEAD of a read": head("HEAD /orders/o1 HTTP/1.1", ana),
  "HEAD of a stream": head("HEAD /export HTTP/1.1", ana),
  "HEAD without a credential": head("HEAD /orders/o1 HTTP/1.1"),
  "HTTP/1.0": head("GET /orders/o1 HTTP/1.0", ana),
  "a write with a status": post("/orders", order, json),
  "a write with an input from a header": post("/orders", order, json, "X-Trace-Id: t1"),
  "a write with an input from two places": post("/orders", '{"customer":"c1","cents":5,"traceId":"b"}', json, "X-Trace-Id: t1"),
  "a body in chunks": `${head("POST /orders HTTP/1.1", ana, json, "Transfer-Encoding: chunked")}1b\r\n${order}\r\n0\r\n\r\n`,
  "no credential": head("GET /orders/o1 HTTP/1.1"),
  "a wrong credential": head("GET /orders/o1 HTTP/1.1", "Authorization: Bearer nobody"),
  "a missing scope": head("GET /orders/o1 HTTP/1.1", "Authorization: Bearer bob"),
  "an error of the handler": get("/orders/none"),
  "an unknown input": get("/orders/o1?more=1"),
  "a wrong input": post("/orders", '{"customer":"c1","cents":0}', json),
  "a secret in the query": post("/members?password=p", '{"name":"n"}', json),
  "JSON that is not valid": post("/orders", "{", json),
  "another media type": post("/orders", order, "Content-Type: text/plain"),
  "a compressed body": post("/orders", order, json, "Content-Encoding: gzip"),
  "a body over the limit": post("/orders", `{"customer":"${"c".repeat(1_000)}","cents":5}`, json),
  "a long body that is not read": head("POST /orders HTTP/1.1", json, "Content-Length: 100000"),
  "a GET with a body": `${head("GET /orders/o1 HTTP/1.1", ana, "Content-Length: 2")}{}`,
  "a query that is not UTF-8": get("/orders/o1?fields=%ff"),
  "an approval id that is not valid": get("/orders/o1", "Quater-Approval: a b"),
  "Expect: 100-continue": post("/orders", order, json, "Expect: 100-continue"),
  "a stream": get("/export"),
  "a stream as events": get("/export", "Accept: text/event-stream"),
  "a stream that fails at once": get("/export?failAt=0"),
  "a stream that fails later": get("/export?failAt=1"),
  "a dry run": post("/__quater__/dry-run/createOrder", order, json),
  "a dry run that is refused": post("/__quater__/dry-run/createOrder", "{}", json),
  "a dry run by GET": get("/__quater__/dry-run/createOrder"),
  "a path that nobody has": get("/nowhere"),
  "an empty path parameter": get("/orders/"),
  "a method that the path has not": get("/orders"),
  OPTIONS: head("OPTIONS /orders HTTP/1.1"),
  "a method that nobody has": head("PROPFIND /orders HTTP/1.1"),
  "a page of a listed origin": get("/orders/o1", page),
  "a refused page of a listed origin": head("GET /orders/o1 HTTP/1.1", page),
  "a page of the same origin": get("/orders/o1", "Origin: http://127.0.0.1"),
  "a page of another origin": get("/orders/o1", "Origin: https://evil.example"),
  "a preflight": head(
    "OPTIONS /orders HTTP/1.1",
    page,
    "Access-Control-Request-Method: POST",
    "Access-Control-Request-Headers: a",
  ),
  "an OPTIONS of a page without the headers of a preflight": head("OPTIONS /orders HTTP/1.1", page),
  "a Host that is not the server's": get("/orders/o1").replace("127.0.0.1", "evil.example"),
  "two Hosts": get("/orders/o1", "Host: localhost"),
  "two credentials": get("/orders/o1", ana),
  "a whole URL as target": head("GET http://127.0.0.1/orders/o1 HTTP/1.1", ana),
  "a dot segment": get("/x/../orders/o1"),
  "a backslash": get("/orders\\o1"),
  "two slashes": get("//orders/o1"),
  "a wrong percent-encoding": get("/orders/%zz"),
  "another spelling": get("/%6frders/o1"),
  "a number sign": get("/orders/o1#x"),
  "too many headers": get("/orders/o1", ...Array.from({ length: 101 }, (_, n) => `X-${n}: 1`)),
  health: get("/health"),
  ready: get("/ready"),
  "the document": get("/openapi.json"),
};

const told = (app: TestApp, bytes: string) => answerTo(baseOf(app), bytes);

describe("the server answers HTTP requests directly and through Koa", () => {
  test.each(Object.entries(requests))(
    'the server gives the HTTP request "%s" the same answer directly and through Koa',
    async (_, bytes) => {
      handled.length = 0;
      const answer = await told(direct, bytes);
      const ran = handled.splice(0);
      expect(answer.status).toMatch(/^http\/1\.1 \d{3} /i);
      expect(answer).toEqual(await told(mounted, bytes));
      expect(ran).toEqual(handled);
    },
  );
});

test("without middleware, calls of exposed routes get no Koa context, and requests for other paths get one", async () => {
  throughKoa.length = 0;
  await told(direct, get("/orders/o1"));
  await told(direct, head("GET /orders/o1 HTTP/1.1"));
  expect(throughKoa).toEqual([]);
  await told(direct, get("/openapi.json"));
  await told(mounted, get("/orders/o2"));
  expect(throughKoa).toEqual(["/openapi.json", "/orders/o2"]);
});

test("middleware under a prefix wraps only routes under its paths, and calls of other routes get no Koa context", async () => {
  const show = handler({
    description: "Shows.",
    effect: "read",
    input: Type.Object({ kind: Type.String(), id: Type.String() }),
    auth: anyone,
    handle: ({ kind }) => kind,
  });
  await using app = await bootTest({
    handlers: { show },
    expose: { show: { http: "GET /:kind/:id", public: true } },
    plugins: [
      http({ port: 0 }),
      mounting(counting, "counting"),
      mounting(({ under }) =>
        under("/reports/", (ctx, next) => {
          ctx.set("x-under", "1");
          return next();
        }),
      ),
    ],
  });
  throughKoa.length = 0;
  const answers = [];
  for (const path of ["/reports/1", "/orders/1"]) {
    const { headers, body } = await raw(baseOf(app), head(`GET ${path} HTTP/1.1`), { keepOpen: true });
    answers.push([body, headers["x-under"]]);
  }
  expect(answers).toEqual([
    ['"reports"', "1"],
    ['"orders"', undefined],
  ]);
  expect(throughKoa).toEqual(["/reports/1"]);
});

test("app.use of the Koa app throws an error after Quater has created the server", async () => {
  let kept: KoaApp | undefined;
  await using app = await bootShop({}, [
    mounting(({ app: koa }) => {
      kept = koa;
    }),
  ]);
  expect(() => kept?.use((_ctx, next) => next())).toThrow(
    "app.use was called after the server was created. Call app.use inside the function that you pass to http.mount(...)",
  );
  expect((await told(app, get("/orders/o1"))).status).toBe("http/1.1 200 ok");
});

test("H1: the server answers /health and /ready under any Host header, with only the status", async () => {
  for (const app of [direct, mounted])
    for (const host of ["10.0.0.7:3000", "evil.example", "a b", ""])
      for (const path of ["/health", "/ready", "/ready?verbose=1"])
        for (const method of ["GET", "HEAD"]) {
          const bytes = head(`${method} ${path} HTTP/1.1`).replace("127.0.0.1", host);
          const { status, headers, body } = await raw(baseOf(app), bytes, { keepOpen: true });
          expect([host, path, status, body, headers["content-length"]]).toEqual([host, path, 200, "", "0"]);
        }
});

test("H1: the server answers /ready with 503 under any Host header, and names no plugin that is not ready", async () => {
  const waiting = definePlugin(() => ({ name: "waiting", isReady: () => false }))();
  await using app = await bootShop({}, [waiting]);
  const foreign = await raw(baseOf(app), head("GET /ready HTTP/1.1").replace("127.0.0.1", "10.0.0.7"), { keepOpen: true });
  expect([foreign.status, foreign.body]).toEqual([503, ""]);
  const own = await raw(baseOf(app), head("GET /ready HTTP/1.1"), { keepOpen: true });
  expect([own.status, JSON.parse(own.body)]).toEqual([503, { status: "not ready", waitingFor: ["waiting"] }]);
});

test("H1: the server refuses an unknown Host for other paths than /health and /ready, and refuses two Host headers", async () => {
  const status = async (bytes: string) =>
    (await raw(baseOf(direct), bytes.replace("127.0.0.1", "10.0.0.7"), { keepOpen: true })).status;
  for (const path of ["/healthy", "/health/", "/ready/x", "/openapi.json", "/orders/o1"])
    expect([path, await status(get(path))]).toEqual([path, 421]);
  expect(await status(head("POST /health HTTP/1.1"))).toBe(421);
  expect(await status(get("/health", "Host: localhost"))).toBe(421);
  expect(await status(get("/health", "Origin: https://evil.example"))).toBe(403);
});
