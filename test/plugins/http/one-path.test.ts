// For a target of any bytes, Koa's middleware, the route index and the answers read one path and one query.

import fc from "fast-check";
import { anyone, handler, Type } from "quater";
import { http, httpRef } from "quater/http";
import { definePlugin } from "quater/plugin-api";
import { bootTest } from "quater/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { raw } from "./socket.ts";

/** What a middleware reads of a request. */
interface Seen {
  readonly path: string;
  readonly querystring: string;
  readonly search: string;
  readonly query: Readonly<Record<string, unknown>>;
  readonly url: string;
  readonly originalUrl: string;
  readonly requestUrl: string | undefined;
  readonly URL: URL;
}

let seen: Seen | undefined;
let ran: { readonly id: string; readonly q?: string | string[] | undefined } | undefined;

const item = handler({
  description: "Shows an item.",
  effect: "read",
  input: Type.Object({ id: Type.String(), q: Type.Optional(Type.Union([Type.String(), Type.Array(Type.String())])) }),
  auth: anyone,
  handle: (input) => {
    ran = input;
  },
});
const watching = definePlugin(() => ({
  name: "watching",
  needs: [httpRef],
  setup: ({ services }) =>
    services.get(httpRef).mount("watching", ({ app }) => {
      app.use((ctx, next) => {
        const { path, querystring, search, query, url, originalUrl, URL } = ctx as unknown as Seen;
        seen = { path, querystring, search, query, url, originalUrl, requestUrl: ctx.req.url, URL };
        return next();
      });
    }),
}));

let base = "";
let stop = async (): Promise<void> => {};
beforeAll(async () => {
  const app = await bootTest({
    handlers: { item },
    expose: { item: { http: "GET /items/:id", public: true } },
    plugins: [watching(), http({ port: 0 })],
  });
  base = app.services.get(httpRef).baseUrl ?? "";
  stop = () => app.stop();
});
afterAll(() => stop());

/** @param target  A byte for each character. */
const ask = async (target: string, { method = "GET", host = "localhost" } = {}) => {
  seen = ran = undefined;
  const bytes = Buffer.from(`${method} ${target} HTTP/1.1\r\nHost: ${host}\r\n\r\n`, "latin1");
  const { status, body } = await raw(base, bytes);
  const { code, detail } = JSON.parse(body === "" ? "null" : body) ?? {};
  return { status, code, detail } as { status: number; code?: string; detail?: string };
};

const agree = ({ path, querystring, search, query, url, originalUrl, requestUrl, URL }: Seen): void => {
  const whole = `${path}${search}`;
  // A question mark without a query behind it is in the URL only.
  expect([url, `${url}?`]).toContain(url.endsWith("?") ? `${whole}?` : whole);
  expect([originalUrl, requestUrl, URL.pathname]).toEqual([url, url, path]);
  expect([...URL.searchParams]).toEqual([...new URLSearchParams(`?${querystring}`)]);
  expect(Object.keys(query)).toEqual([...new Set(URL.searchParams.keys())]);
};

const piece = fc.oneof(
  {
    weight: 6,
    arbitrary: fc.constantFrom(
      ..."/ # ? \\ % & = ' @ : ; $ + , . .. // ~ | { \" < ^ ! * ( ) [ é".split(" "),
      "\t",
      "\f",
      "\0",
      " ",
    ),
  },
  {
    weight: 3,
    arbitrary: fc.constantFrom("%2F", "%2f", "%25", "%23", "%3f", "%40", "%2E", "%5c", "%00", "%zz", "%c3%a9", "%ff"),
  },
  { weight: 3, arbitrary: fc.constantFrom("items", "q=", "a", "o'brien", "?q=#", "%69tems", "q=1&q=2", "\xc3\xa9", "\xa0") },
  { weight: 1, arbitrary: fc.integer({ min: 0, max: 255 }).map((byte) => String.fromCharCode(byte)) },
);
const start = fc.constantFrom("/items/", "/items/", "/items/a?q=", "/items/a?", "/", "//", "", "http://localhost/items/", "*");
const targets = fc
  .tuple(start, fc.array(piece, { maxLength: 6 }))
  .map(([first, pieces]) => `${first}${pieces.join("")}`.replace(/[\r\n]/g, ""));

test("S15: middleware, route and answer see the same path and query for generated request targets", async () => {
  let served = 0;
  const check = async (target: string, method: string) => {
    const { status, detail } = await ask(target, { method });
    if (seen === undefined) {
      expect([400, 421]).toContain(status);
      expect(ran).toBeUndefined();
      return;
    }
    agree(seen);
    const { path, query } = seen;
    if (status === 404) expect(detail).toContain(path.slice(0, 40));
    if (ran === undefined) return;
    served++;
    expect(path.split("/")).toEqual(["", "items", expect.stringMatching(/./)]);
    const [, , segment = ""] = path.split("/");
    expect({ q: undefined, ...ran }).toEqual({ id: decodeURIComponent(segment), q: query["q"] });
  };
  const property = fc.asyncProperty(targets, fc.constantFrom("GET", "GET", "GET", "OPTIONS"), check);
  await fc.assert(property, { numRuns: 600 });
  expect(served).toBeGreaterThan(30);
}, 30_000);

/** Each character of the text as a client may spell it: raw where the server takes it, or each byte percent-encoded. */
const spelled = (text: string, choices: readonly number[]): string =>
  [...text]
    .map((character, index) => {
      const choice = choices[index % choices.length] ?? 0;
      if (choice === 0 && /^[\x21-\x7e]$/.test(character) && !/[/\\?#%]/.test(character)) return character;
      const encoded = [...Buffer.from(character)].map((byte) => `%${byte.toString(16).padStart(2, "0")}`).join("");
      return choice === 1 ? encoded.toUpperCase() : encoded;
    })
    .join("");

test("S15: all encodings of a request path segment lead to the same path, also the encoding of encodeURIComponent", async () => {
  const texts = fc
    .oneof(fc.string({ minLength: 1, maxLength: 8 }), fc.string({ unit: "binary", minLength: 1, maxLength: 4 }))
    .filter((text) => text !== "." && text !== "..");
  const choices = fc.array(fc.integer({ min: 0, max: 2 }), { minLength: 1, maxLength: 8 });
  const property = fc.asyncProperty(texts, choices, choices, async (text, one, other) => {
    const paths = new Set<string | undefined>();
    for (const segment of [spelled(text, one), spelled(text, other), encodeURIComponent(text)]) {
      expect((await ask(`/items/${segment}`)).status).toBe(200);
      expect(ran).toEqual({ id: text });
      paths.add(seen?.path);
    }
    expect(paths.size).toBe(1);
  });
  const reserved = ["@", ":", "$&+,;=", "!'()*", "o'brien", "a/b%40?#"].map((text): [string, number[], number[]] => [
    text,
    [0],
    [1],
  ]);
  await fc.assert(property, { numRuns: 150, examples: reserved });
}, 30_000);

test.each([
  ["GET /a@b", ["/a@b", "/a%40b", "/%61%40b"], "/a@b"],
  ["GET /café", ["/caf%C3%A9", "/caf%c3%a9", "/%63af%C3%a9"], "/caf%C3%A9"],
])("S15: all encodings of the route %s lead to the same path", async (route, spellings, path) => {
  const fixed = handler({ description: "Shows.", effect: "read", input: Type.Object({}), auth: anyone, handle: () => 1 });
  await using app = await bootTest({
    handlers: { fixed },
    expose: { fixed: { http: route, public: true } },
    plugins: [watching(), http({ port: 0 })],
  });
  const url = app.services.get(httpRef).baseUrl ?? "";
  for (const spelling of spellings) {
    expect((await raw(url, `GET ${spelling} HTTP/1.1\r\nHost: localhost\r\n\r\n`)).status).toBe(200);
    expect(seen?.path).toBe(path);
  }
});

describe("S15: http refuses malformed request targets", () => {
  test.each([
    "/items/o'brien?q=#",
    "/items/a?q=1#2",
    "/items/a#",
    "/items/a{b?q=#/../x",
    "/items/a?q=\t",
    "/items/a?q=\f",
    "/items/a?q=\xa0",
    "/items/a?q=\xc3\xa9",
    "//x",
    "/items\\a",
  ])("S15: http refuses the request target %j with 400 before any middleware", async (target) => {
    expect((await ask(target)).status).toBe(400);
    expect([seen, ran]).toEqual([undefined, undefined]);
  });

  test.each(["*", "http://localhost/items/a", "HTTP://localhost/items/a", "items/a", "?q=1"])(
    "S15: http refuses the request target %j before any middleware",
    async (target) => {
      for (const method of ["GET", "OPTIONS"]) expect([400, 421]).toContain((await ask(target, { method })).status);
      expect([seen, ran]).toEqual([undefined, undefined]);
    },
  );

  test('S15: http reads a query that begins with a second question mark as a parameter named "?q"', async () => {
    expect((await ask("/items/a??q=1")).status).toBe(422);
    expect(seen).toMatchObject({ url: "/items/a?%3Fq=1", querystring: "%3Fq=1", query: { "?q": "1" } });
  });
});

test.each(["localhost:99999", "localhost:65536", "[::1].", "[::1].:80"])(
  "S15: http refuses the Host header %s, which does not make a valid URL",
  async (host) => {
    expect(await ask("/items/a", { host })).toMatchObject({ status: 421, code: "host_not_allowed" });
    expect(seen).toBeUndefined();
  },
);
