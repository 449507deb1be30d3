// Threat T12 to T18, byte by byte.

import { http, httpRef } from "quater/http";
import { definePlugin } from "quater/plugin-api";
import { bootTest, type TestApp, tokens } from "quater/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { bootShop } from "./shop.ts";
import { raw } from "./socket.ts";

let app: TestApp;
let base: string;
beforeAll(async () => {
  app = await bootShop({ allowedOrigins: ["https://app.example"] });
  base = app.services.get(httpRef).baseUrl ?? "";
});
afterAll(() => app.stop());

const request = (line: string, ...headers: string[]) => `${line}\r\n${headers.map((header) => `${header}\r\n`).join("")}\r\n`;
const host = "Host: 127.0.0.1";
const status = async (bytes: string) => (await raw(base, bytes)).status;
const code = async (bytes: string) => (JSON.parse((await raw(base, bytes)).body) as { code: string }).code;

describe("http checks the Host header of requests", () => {
  test.each(["localhost", "LOCALHOST", "127.0.0.1:1234", "[::1]", "localhost."])(
    "http accepts a request with the Host header %s",
    async (name) => {
      expect(await status(request("GET /health HTTP/1.1", `Host: ${name}`))).toBe(200);
    },
  );
  test.each(["evil.example", "localhost.evil.example", "127.0.0.1@evil", "::1", "localhost:bad", "", "a b"])(
    "http refuses a request with the Host header %j",
    async (name) => {
      const bytes = request("GET /orders/o1 HTTP/1.1", `Host: ${name}`);
      expect([await status(bytes), await code(bytes)]).toEqual([421, "host_not_allowed"]);
    },
  );
  test("http refuses a request with two Host headers, without a Host header, or with a whole URL as its target", async () => {
    expect(await status(request("GET /health HTTP/1.1", host, "Host: localhost"))).toBe(421);
    expect(await status(request("GET http://127.0.0.1/health HTTP/1.1", host))).toBe(421);
    expect(await status(request("GET /health HTTP/1.1"))).toBe(400);
  });
});

describe("http checks the Origin header of requests", () => {
  test.each(["https://evil.example", "null", "http://127.0.0.1.evil.example", "https://app.example.evil"])(
    "http refuses a request with the Origin %s before the handler runs",
    async (origin) => {
      const bytes = request("GET /health HTTP/1.1", host, `Origin: ${origin}`);
      expect([await status(bytes), await code(bytes)]).toEqual([403, "origin_not_allowed"]);
    },
  );
  test("http accepts pages of its own origin and of allowedOrigins, and only the latter get CORS headers", async () => {
    const same = await raw(base, request("GET /health HTTP/1.1", host, "Origin: http://127.0.0.1"));
    expect([same.status, same.headers["access-control-allow-origin"]]).toEqual([200, undefined]);
    const listed = await raw(base, request("GET /health HTTP/1.1", host, "Origin: https://app.example"));
    expect([listed.status, listed.headers["access-control-allow-origin"]]).toEqual([200, "https://app.example"]);
    expect(listed.headers["access-control-allow-credentials"]).toBeUndefined();
  });
  test("http accepts a preflight request from allowedOrigins, and browsers may cache it for ten minutes", async () => {
    const asked = ["Origin: https://app.example", "Access-Control-Request-Method: POST"];
    const { status, headers } = await raw(base, request("OPTIONS /orders HTTP/1.1", host, ...asked));
    expect([status, headers["access-control-allow-origin"], headers["access-control-max-age"]]).toEqual([
      204,
      "https://app.example",
      "600",
    ]);
  });
  test("without the http() option allowedOrigins, no HTTP answer has CORS headers", async () => {
    await using plain = await bootShop();
    const url = plain.services.get(httpRef).baseUrl ?? "";
    const answer = await raw(url, request("GET /health HTTP/1.1", host, "Origin: http://127.0.0.1"));
    expect(Object.keys(answer.headers).filter((name) => name.startsWith("access-control"))).toEqual([]);
  });
});

describe("http refuses wrong request headers and wrong framing", () => {
  test("http refuses a request with more than 100 header lines", async () => {
    const stuffed = Array.from({ length: 101 }, (_, n) => `X-${n}: 1`);
    expect(await status(request("GET /health HTTP/1.1", host, ...stuffed))).toBe(431);
    expect(await status(request("GET /health HTTP/1.1", host, ...stuffed.slice(0, 98)))).toBe(200);
  });
  test("an HTTP request whose headers exceed the limit of the parser of Node gets 431", async () => {
    expect(await status(request("GET /health HTTP/1.1", host, `X-Big: ${"a".repeat(20_000)}`))).toBe(431);
  });
  test.each([
    ["two Authorization lines", ["Authorization: Bearer ana", "Authorization: Bearer bob"]],
    ["Content-Length beside Transfer-Encoding", ["Content-Length: 5", "Transfer-Encoding: chunked"]],
    ["two Content-Lengths", ["Content-Length: 5", "Content-Length: 6"]],
    ["a Content-Length that is not a number", ["Content-Length: 5x"]],
    ["a folded header", ["X-A: 1\r\n folded"]],
  ])("an HTTP request with %s gets 400, and the server closes the connection", async (_name, headers) => {
    const answer = await raw(base, request("POST /orders HTTP/1.1", host, ...headers));
    expect([answer.status, answer.headers["connection"]]).toEqual([400, "close"]);
  });
  test("an HTTP/1.0 request with Transfer-Encoding gets 400", async () => {
    expect(await status(request("POST /orders HTTP/1.0", host, "Transfer-Encoding: chunked"))).toBe(400);
  });
  test("an HTTP GET request with a body gets 400", async () => {
    expect(await status(`${request("GET /orders/o1 HTTP/1.1", host, "Authorization: Bearer ana", "Content-Length: 2")}{}`)).toBe(
      400,
    );
  });
  test("a client that sends bytes that are not HTTP gets 400, and the server still answers other clients", async () => {
    expect(await status("\x16\x03\x01 hello\r\n\r\n")).toBe(400);
    expect(await status(request("GET /health HTTP/1.1", host))).toBe(200);
  });
});

test("an HTTP request that never ends gets 408, and the server answers other clients during the wait", async () => {
  await using slow = await bootShop({ requestTimeoutMs: 200, headersTimeoutMs: 200 });
  const url = slow.services.get(httpRef).baseUrl ?? "";
  const body = "Authorization: Bearer ana\r\nContent-Type: application/json\r\nContent-Length: 100";
  const slowBody = raw(url, request("POST /orders HTTP/1.1", host, body), { keepOpen: true });
  const slowHeaders = raw(url, "GET /health HTTP/1.1\r\nHost: 127.0.0.1\r\n", { keepOpen: true });
  expect((await raw(url, request("GET /health HTTP/1.1", host))).status).toBe(200);
  expect([(await slowBody).status, (await slowHeaders).status]).toEqual([408, 408]);
});

describe("http finds the address of a caller behind proxies", () => {
  const peers: (string | undefined)[] = [];
  const watch = definePlugin(() => ({ name: "watch", hooks: { settled: (call) => void peers.push(call.peer) } }));
  const bootWith = (trustedProxies: string[]) =>
    bootTest({ handlers: {}, plugins: [watch(), http({ port: 0, trustedProxies, authenticate: tokens({}) })] });
  const ask = async (trustedProxies: string[], forwarded: string) => {
    await using one = await bootWith(trustedProxies);
    peers.splice(0);
    await raw(
      one.services.get(httpRef).baseUrl ?? "",
      request("GET /openapi.json HTTP/1.1", host, `X-Forwarded-For: ${forwarded}`),
    );
    return peers[0];
  };
  test("http ignores X-Forwarded-For from an address that is not a trusted proxy", async () => {
    expect(await ask([], "1.2.3.4")).toBe("127.0.0.1");
  });
  test("behind trusted proxies, the address of the caller is the right-most hop that is not a trusted proxy", async () => {
    expect(await ask(["127.0.0.1", "10.0.0.0/8"], "6.6.6.6, 1.2.3.4, 10.1.2.3")).toBe("1.2.3.4");
  });
  test.each([
    ["garbage", "127.0.0.1"],
    ["6.6.6.6, garbage, 10.1.2.3", "10.1.2.3"],
    ["6.6.6.6, ", "127.0.0.1"],
    ["1.2.3.4:555", "1.2.3.4"],
    ["1.2.3.4, 10.1.2.3:80", "1.2.3.4"],
    ["2001:db8::1", "2001:db8::1"],
    ["[2001:db8::1]", "2001:db8::1"],
    ["[2001:db8::1]:555", "2001:db8::1"],
    ["1.2.3.4:port", "127.0.0.1"],
  ])("http reads from X-Forwarded-For %j the address %s of the caller", async (forwarded, peer) => {
    expect(await ask(["127.0.0.1", "10.0.0.0/8"], forwarded)).toBe(peer);
  });
});

test("boot refuses an http() option host beyond loopback without the option allowedHosts", async () => {
  await expect(
    bootTest({ handlers: {}, plugins: [http({ port: 0, host: "0.0.0.0", authenticate: tokens({}) })] }),
  ).rejects.toThrow("allowedHosts");
});

test.each(["shop.example:8080", "https://shop.example", "[::1]:3000", "shop.example/", ""])(
  "boot refuses allowedHosts with %j, which no Host header could match",
  async (host) => {
    const plugins = [http({ port: 0, authenticate: tokens({}), allowedHosts: ["good.example", "[::1]", host] })];
    await expect(bootTest({ handlers: {}, plugins })).rejects.toThrow(
      `The http() option allowedHosts has ${JSON.stringify(host)}, which is not a host name. Write only the host name without port and path`,
    );
  },
);

test("boot fails when the port of http() is in use, and names the port and a remedy", async () => {
  const { port } = new URL(base);
  await expect(bootShop({ port: Number(port) })).rejects.toThrow(`Port ${port} on 127.0.0.1 is already in use`);
});
