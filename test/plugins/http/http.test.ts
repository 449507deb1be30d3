import { httpRef } from "quater/http";
import type { TestApp } from "quater/testing";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";
import { bootShop, handled } from "./shop.ts";
import { raw } from "./socket.ts";

let app: TestApp;
let base: string;
beforeAll(async () => {
  app = await bootShop();
  base = app.services.get(httpRef).baseUrl ?? "";
});
afterAll(() => app.stop());
beforeEach(() => void handled.splice(0));

const get = (path: string, headers: Record<string, string> = { authorization: "Bearer ana" }) =>
  fetch(`${base}${path}`, { headers });
const post = (path: string, body: string, headers: Record<string, string> = {}) =>
  fetch(`${base}${path}`, {
    method: "POST",
    body,
    headers: { authorization: "Bearer ana", "content-type": "application/json", ...headers },
  });
const problem = async (response: Response) => (await response.json()) as Record<string, unknown>;

describe("http refuses request bodies of other charsets", () => {
  test.each(["utf-16", "iso-8859-1", '"UTF-16LE"', "utf-16; boundary=x"])(
    "H16: http answers a request body with the charset %s with 415",
    async (charset) => {
      const type = `application/json; charset=${charset}`;
      for (const path of ["/orders", "/__quater__/dry-run/createOrder"]) {
        const response = await post(path, '{"customer":"c1","cents":5}', { "content-type": type });
        expect(response.status).toBe(415);
        expect(await problem(response)).toMatchObject({
          detail: expect.stringContaining("The request body must be UTF-8, but its charset is "),
        });
      }
      expect(handled).toEqual([]);
    },
  );

  test.each(["utf-8", "UTF-8", '"utf-8"', "utf8"])("H16: http reads a request body with the charset %s", async (charset) => {
    const type = `application/json; charset=${charset}`;
    expect((await post("/orders", '{"customer":"c1","cents":5}', { "content-type": type })).status).toBe(201);
  });

  test("H18: the details of a handler's error do not replace the standard members of problem details", async () => {
    const response = await post("/orders", '{"customer":"taken","cents":5}');
    expect(response.status).toBe(409);
    expect(await problem(response)).toEqual({
      title: "Conflict",
      status: 409,
      code: "customer_taken",
      detail: "The customer is taken",
      callId: expect.any(String),
      limit: 10,
      details: { errors: { a: 1 }, status: "odd", code: 7 },
    });
  });
});

describe("http answers requests for exposed routes", () => {
  test("http binds a path parameter and a query parameter to the input of the handler", async () => {
    const response = await get("/orders/ord_1?fields=id&fields=total");
    expect(response.status).toBe(200);
    expect(response.headers.get("content-type")).toBe("application/json; charset=utf-8");
    expect(await response.json()).toEqual({ orderId: "ord_1", fields: ["id", "total"] });
  });

  test("http decodes a request path once, and an encoded slash belongs to the path parameter", async () => {
    expect(await (await get("/orders/a%252Fb")).json()).toEqual({ orderId: "a%2Fb" });
    expect(await (await get("/orders/a%2Fb%20%C3%A9")).json()).toEqual({ orderId: "a/b é" });
  });

  test.each(["/orders/%E0%A4%A", "/orders/x?fields=%E0%A4%A"])(
    "http refuses a request for %s, which is not valid UTF-8",
    async (path) => {
      expect((await get(path)).status).toBe(400);
      expect(handled).toEqual([]);
    },
  );

  test("http binds the request body and a header to the input, and answers with the status of the exposure", async () => {
    const response = await post("/orders", '{"customer":"c1","cents":5}', { "x-trace-id": "t-1" });
    expect(response.status).toBe(201);
    expect(await response.json()).toEqual({ customer: "c1", cents: 5, traceId: "t-1", by: "ana" });
  });

  test("http does not read an input that is bound to a header from the query or the request body", async () => {
    const response = await post("/orders", '{"customer":"c1","cents":5,"traceId":"forged"}');
    expect(response.status).toBe(422);
    expect(await problem(response)).toMatchObject({
      errors: [{ path: "/traceId", message: "must come from the header x-trace-id: remove this field from all other places" }],
    });
  });

  test("http refuses an input field that both the query and the request body contain", async () => {
    const response = await post("/orders?cents=7", '{"customer":"c1","cents":5}');
    expect(response.status).toBe(422);
    expect(await problem(response)).toMatchObject({
      errors: [{ path: "/cents", message: "is given twice, in the query and in the body: send it once" }],
    });
    expect(handled).toEqual([]);
  });

  test("http reads a secret input from the request body, and refuses a secret input in a URL without repeating it", async () => {
    const refused = await post("/members?password=longenough1", '{"name":"ana"}');
    expect(refused.status).toBe(422);
    const message = "is a secret and must not be in a URL: send the secret in the body";
    const text = await refused.text();
    expect(JSON.parse(text)).toMatchObject({ code: "invalid_input", errors: [{ path: "/password", message }] });
    expect(text).not.toContain("longenough1");
    expect(handled).toEqual([]);
    expect((await post("/members?name=ana", '{"password":"longenough1"}')).status).toBe(200);
    expect(handled).toEqual(["ana"]);
  });

  test("an HTTP caller cannot call a handler that is not exposed over http by its name", async () => {
    expect((await get("/hidden")).status).toBe(404);
    expect((await post("/__quater__/dry-run/hidden", "{}")).status).toBe(404);
    expect(handled).toEqual([]);
  });

  test("a HEAD request gets the answer of the GET request without the body", async () => {
    const response = await fetch(`${base}/orders/o1`, { method: "HEAD", headers: { authorization: "Bearer ana" } });
    expect([response.status, await response.text()]).toEqual([200, ""]);
  });

  test("an HTTP request with a method that the path does not have gets 405 with Allow", async () => {
    const response = await fetch(`${base}/orders/o1`, { method: "DELETE" });
    expect([response.status, response.headers.get("allow")]).toEqual([405, "GET, HEAD, OPTIONS"]);
    const own = await fetch(`${base}/health`, { method: "POST" });
    expect([own.status, own.headers.get("allow")?.includes("GET")]).toEqual([405, true]);
  });

  test("an HTTP request for an unknown path gets 404 as problem details", async () => {
    const response = await get("/nothing");
    expect([response.status, response.headers.get("content-type")]).toEqual([404, "application/problem+json"]);
    expect(await problem(response)).toMatchObject({ status: 404, code: "route_not_found", title: "Not Found" });
  });
});

describe("http sends errors as problem details", () => {
  test("problem details contain the error code, the text, the field errors, the call id and the request id", async () => {
    const response = await get("/orders/o1?felds=id");
    const body = await problem(response);
    expect(body).toEqual({
      title: "Unprocessable Entity",
      status: 422,
      code: "unknown_field",
      detail: '/felds is not a known field; did you mean "fields"?',
      callId: response.headers.get("x-request-id"),
      errors: [{ path: "/felds", message: 'is not a known field; did you mean "fields"?' }],
    });
  });

  test("the HTTP answer to a QuaterError that a handler throws has the status and the text of the error", async () => {
    const response = await get("/orders/none");
    expect([response.status, await problem(response)]).toMatchObject([
      404,
      { code: "not_found", detail: 'order "none" was not found' },
    ]);
  });

  test("a malformed HTTP request body gets 400, and an input that does not fit the schema gets 422", async () => {
    expect((await post("/orders", '{"customer":')).status).toBe(400);
    expect(await problem(await post("/orders", '{"customer":"c","cents":1,"cents":2}'))).toMatchObject({
      status: 400,
      code: "json_duplicate_key",
      errors: [{ path: "/cents" }],
    });
    expect((await post("/orders", '{"customer":"c","cents":"1"}')).status).toBe(422);
    expect((await post("/orders", "[]")).status).toBe(422);
    expect((await post("/orders", "")).status).toBe(422);
  });

  test("an HTTP request body that is not JSON, or is compressed, gets 415", async () => {
    expect((await post("/orders", "a=1", { "content-type": "application/x-www-form-urlencoded" })).status).toBe(415);
    expect((await post("/orders", "{}", { "content-encoding": "gzip" })).status).toBe(415);
  });

  test("an HTTP request body above maxBodyBytes gets 413, with or without a Content-Length header", async () => {
    const big = `{"customer":"${"x".repeat(1_100_000)}"}`;
    expect((await post("/orders", big)).status).toBe(413);
    const chunks = new ReadableStream({
      start: (stream) => {
        stream.enqueue(new TextEncoder().encode(big));
        stream.close();
      },
    });
    const init = {
      method: "POST",
      body: chunks,
      duplex: "half",
      headers: { authorization: "Bearer ana", "content-type": "application/json" },
    };
    expect((await fetch(`${base}/orders`, init as RequestInit)).status).toBe(413);
  });
});

describe("http authenticates the caller before the server reads the request body", () => {
  test("an HTTP request without a credential gets 401 with a challenge before the server reads the body", async () => {
    const head = "POST /orders HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: 1000\r\n\r\n";
    const answer = await raw(base, head, { keepOpen: true }); // the body is never sent
    expect([answer.status, answer.headers["www-authenticate"]]).toEqual([401, "Bearer"]);
    expect((await post("/orders", "not json at all", { authorization: "" })).status).toBe(401);
  });

  test("the server sends 100 Continue only after the authentication of the caller", async () => {
    const head =
      "POST /orders HTTP/1.1\r\nHost: 127.0.0.1\r\nExpect: 100-continue\r\nContent-Type: application/json\r\nContent-Length: 10\r\n\r\n";
    expect((await raw(base, head, { keepOpen: true })).text).not.toContain("100 Continue");
  });

  test("an HTTP request with a wrong credential gets 401 invalid_token, also on public routes", async () => {
    const response = await get("/orders/o1", { authorization: "Bearer wrong" });
    expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, 'Bearer error="invalid_token"']);
    expect((await get("/status", { authorization: "Bearer wrong" })).status).toBe(401);
    expect((await get("/status", {})).status).toBe(200);
  });

  test("http refuses a caller without the required scope before the check of the input", async () => {
    const response = await post("/orders", "{{{", { authorization: "Bearer bob" });
    expect([response.status, response.headers.get("www-authenticate")]).toEqual([
      403,
      'Bearer error="insufficient_scope", scope="orders:write"',
    ]);
  });

  test("the headers and the body of an HTTP request cannot change the principal or the surface of the call", async () => {
    const headers = {
      authorization: "Bearer ana",
      "x-quater-principal": "root",
      "x-quater-surface": "cli",
      "x-forwarded-user": "root",
    };
    const response = await post("/orders", '{"customer":"c1","cents":5}', headers);
    expect(await response.json()).toMatchObject({ by: "ana" });
    expect((await post("/orders", '{"customer":"c1","cents":5,"principal":{"subject":"root"}}')).status).toBe(422);
  });

  test("parallel HTTP calls of different principals get only their own results", async () => {
    const answers = await Promise.all(
      Array.from({ length: 60 }, async (_, n) => {
        const response = await post("/orders", `{"customer":"c${n}","cents":1}`, {
          authorization: `Bearer ${n % 2 === 0 ? "ana" : "bob"}`,
        });
        return [response.status, ((await response.json()) as { customer?: string }).customer];
      }),
    );
    expect(answers).toEqual(Array.from({ length: 60 }, (_, n) => (n % 2 === 0 ? [201, `c${n}`] : [403, undefined])));
  });
});

describe("http sends streams", () => {
  test("http sends a stream as JSON lines, or as server-sent events if the caller accepts server-sent events", async () => {
    const lines = await get("/export?count=2");
    expect([lines.headers.get("content-type"), await lines.text()]).toEqual(["application/x-ndjson", '{"n":0}\n{"n":1}\n']);
    const events = await get("/export?count=1", { authorization: "Bearer ana", accept: "text/event-stream" });
    expect([events.headers.get("content-type"), await events.text()]).toEqual([
      "text/event-stream; charset=utf-8",
      'data: {"n":0}\n\nevent: end\ndata: {}\n\n',
    ]);
  });

  test("http sends an error in the middle of a stream as the last frame, without internal text", async () => {
    const text = await (await get("/export?failAt=1")).text();
    expect(text.split("\n")[0]).toBe('{"n":0}');
    expect(text).toContain('"code":"internal"');
    expect(text).not.toContain("secret");
  });
});

describe("http serves the own pages of Quater", () => {
  test("the paths /health and /ready need no credential", async () => {
    expect(await (await fetch(`${base}/health`)).json()).toEqual({ status: "ok" });
    expect(await (await fetch(`${base}/ready`)).json()).toEqual({ status: "ready" });
  });

  test("the OpenAPI document needs a credential and shows the routes that the caller may call", async () => {
    expect((await fetch(`${base}/openapi.json`)).status).toBe(401);
    const paths = async (token: string) =>
      Object.keys(((await (await get("/openapi.json", { authorization: `Bearer ${token}` })).json()) as { paths: object }).paths);
    expect(await paths("ana")).toEqual(["/orders/{orderId}", "/orders", "/members", "/export", "/status"]);
    expect(await paths("bob")).toEqual(["/status"]);
  });

  test("the OpenAPI document contains the error codes of a handler and the general error codes", async () => {
    const document = (await (await get("/openapi.json")).json()) as { paths: Record<string, Record<string, unknown>> };
    expect(document.paths["/members"]?.["post"]).toMatchObject({
      responses: {
        default: {
          description: "Refused or failed. Codes of this handler: name_taken, closed_today",
          content: {
            "application/problem+json": {
              schema: {
                allOf: [
                  { $ref: "#/components/schemas/Problem" },
                  { properties: { code: { anyOf: [{ enum: ["name_taken", "closed_today"] }, { type: "string" }] } } },
                ],
              },
            },
          },
        },
      },
    });
  });

  test("a dry run over HTTP has a path of its own, makes the same checks as a call, and does not run the handler", async () => {
    const response = await post("/__quater__/dry-run/createOrder", '{"customer":"c1","cents":5}');
    expect(await response.json()).toMatchObject({
      handler: "createOrder",
      input: { customer: "c1", cents: 5 },
      argumentsHash: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
      auth: { allowed: true, by: "can(orders:write)" },
      approval: { required: false },
    });
    expect((await post("/__quater__/dry-run/createOrder", "{}", { authorization: "Bearer bob" })).status).toBe(403);
    expect((await post("/__quater__/dry-run/createOrder", "{}", { authorization: "" })).status).toBe(401);
    expect(handled).toEqual([]);
  });
});
