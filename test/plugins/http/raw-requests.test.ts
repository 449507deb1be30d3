// Requests that no honest client sends, byte by byte. Each gets its pinned answer, and the server goes on answering others.

import { anyone, authenticated, handler, Type } from "quater";
import { http, httpRef } from "quater/http";
import { bootTest, principal, type TestApp, tokens } from "quater/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { exchange, type OneAnswer } from "./exchange.ts";
import { chunked, framed, groups, hello, host, post } from "./raw-request-rows.ts";

const about = { effect: "write", auth: anyone } as const;
const say = handler({
  ...about,
  description: "Says a text.",
  input: Type.Object({ text: Type.String(), more: Type.Optional(Type.Any()) }),
  handle: ({ text }) => ({ said: text }),
});
const look = handler({
  ...about,
  effect: "read",
  description: "Looks at an item.",
  input: Type.Object({ id: Type.String(), tag: Type.Optional(Type.Array(Type.String())) }),
  handle: ({ id, tag = [] }) => ({ id, tag }),
});
const remove = handler({
  ...about,
  description: "Removes an item.",
  input: Type.Object({ id: Type.String() }),
  output: Type.Null(),
  handle: () => null,
});
const own = handler({
  ...about,
  auth: authenticated,
  description: "Needs a credential.",
  input: Type.Object({}),
  handle: () => 1,
});

const boot = (options: object = {}): Promise<TestApp> =>
  bootTest({
    handlers: { say, look, remove, own },
    expose: {
      say: { http: "POST /say", public: true },
      look: { http: "GET /items/:id", public: true },
      remove: { http: { route: "DELETE /items/:id", status: 204 }, public: true },
      own: { http: "POST /own" },
    },
    plugins: [http({ port: 0, authenticate: tokens({ ana: principal() }), ...options })],
  });
const baseOf = (app: TestApp): string => app.services.get(httpRef).baseUrl ?? "";

let app: TestApp;
beforeAll(async () => {
  app = await boot();
});
afterAll(() => app.stop());

/** What every answer carries, no matter which part of the server wrote it. */
const always = {
  "x-content-type-options": "nosniff",
  "referrer-policy": "no-referrer",
  "cross-origin-resource-policy": "same-origin",
};
const ofRefusals = {
  ...always,
  "cache-control": "no-store",
  "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
  "content-type": "application/problem+json",
  date: expect.any(String),
};

const expectHeaders = (answers: readonly OneAnswer[]): void => {
  for (const { status, headers } of answers) if (status >= 200) expect(headers).toMatchObject(status < 400 ? always : ofRefusals);
};

const expectHonestAnswer = async (base: string): Promise<void> => {
  expect(await (await fetch(`${base}/items/honest`)).json()).toEqual({ id: "honest", tag: [] });
};

describe.each(Object.entries(groups))("the server answers raw HTTP requests: %s", (_group, rows) => {
  test.each(rows)("the server gives the raw HTTP request the expected answer: %s", async (_title, bytes, expected) => {
    const { said, answers } = await exchange(baseOf(app), bytes);
    expect(said).toBe(expected);
    expectHeaders(answers);
    await expectHonestAnswer(baseOf(app));
  });
});

test("the server logs nothing for any of the malformed HTTP requests of this test", () => {
  expect(app.log).toEqual([]);
});

describe("the server ends HTTP requests that come slowly, or not at all", () => {
  let impatient: TestApp;
  beforeAll(async () => {
    impatient = await boot({ headersTimeoutMs: 500, requestTimeoutMs: 500 });
  });
  afterAll(() => impatient.stop());

  test.concurrent.each<[title: string, bytes: string, expected: string]>([
    ["nothing", "", "408 request_timeout, closed"],
    ["half of a request line", "GET /ite", "408 request_timeout, closed"],
    ["headers without their end", `GET /items/5 HTTP/1.1\r\n${host}\r\n`, "408 request_timeout, closed"],
    ["no body", framed(["Content-Length: 16"], ""), "408 request_timeout, closed"],
    ["half of a body", framed(["Content-Length: 16"], '{"text":'), "408 request_timeout, closed"],
    ["a chunk without its end", chunked('10\r\n{"text":'), "408 request_timeout, closed"],
    ["chunks without a last one", chunked(`10\r\n${hello}\r\n`), "408 request_timeout, closed"],
    ["trailers without their end", chunked(`10\r\n${hello}\r\n0\r\nX-A: 1\r\n`), "408 request_timeout, closed"],
  ])("the server refuses a slow HTTP request with 408 if the client sends: %s", async (_title, bytes, expected) => {
    const { said, answers } = await exchange(baseOf(impatient), bytes);
    expect(said).toBe(expected);
    expectHeaders(answers);
    await expectHonestAnswer(baseOf(impatient));
  });

  test("the server answers an HTTP request that arrives in pieces of one byte like a request in one piece", async () => {
    const bytes = post(hello);
    const pieces = Array.from(bytes, (_, at) => bytes.subarray(at, at + 1));
    expect((await exchange(baseOf(app), ...pieces)).said).toBe("200, open");
  });
});

test("the answer to an unreadable HTTP request has Strict-Transport-Security when publicUrl is an https URL", async () => {
  await using secure = await boot({ publicUrl: "https://shop.example" });
  const { answers } = await exchange(baseOf(secure), "rubbish\r\n\r\n");
  expect(answers[0]?.headers["strict-transport-security"]).toBe("max-age=31536000");
});
