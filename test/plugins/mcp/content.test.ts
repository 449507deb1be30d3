// Content in results: plain texts, images, audio, links and resources, with one meaning on every surface.

import { createHash } from "node:crypto";
import { mkdirSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { anyone, content, file, type Handler, handler, Type, text } from "quater";
import { cli } from "quater/cli";
import { http, httpRef } from "quater/http";
import { mcp } from "quater/mcp";
import { isBootError } from "quater/plugin-api";
import { bootTest, principal, tokens } from "quater/testing";
import { describe, expect, test } from "vitest";
import { bootWithTrail, eventsIn, tempFolder } from "../audit/kit.ts";
import { boot, callText, people, post, urlOf } from "./shop.ts";

const png = Buffer.from("89504e470d0a1a0a00", "hex");
const about = { effect: "read", input: Type.Object({}), auth: anyone } as const;

const handlers = {
  plain: handler({ ...about, description: "Says a text.", handle: () => 'a "quoted" text\nof two lines' }),
  number: handler({ ...about, description: "Says a number.", handle: () => 5 }),
  csv: handler({ ...about, description: "Lists.", output: text("text/csv"), handle: () => "id\n1\n" }),
  draw: handler({
    ...about,
    description: "Draws.",
    output: content.image({ mediaTypes: ["image/png"], maxBytes: 100 }),
    handle: () => ({ content: png }),
  }),
  speak: handler({
    ...about,
    description: "Speaks.",
    output: content.audio(),
    handle: () => ({ content: png, mediaType: "audio/wav", name: "a.wav" }),
  }),
  link: handler({
    ...about,
    description: "Links.",
    output: content.link(),
    handle: () => ({ uri: "https://shop.example/orders/7", name: "Order 7", mediaType: "text/html", bytes: 12 }),
  }),
  links: handler({
    ...about,
    description: "Links to two.",
    output: Type.Array(content.link()),
    handle: (_) => ["a", "b"].map((name) => ({ uri: `https://shop.example/${name}`, name })),
  }),
  terms: handler({
    ...about,
    description: "Shows the terms.",
    output: content.resource({ maxBytes: 50 }),
    handle: (_) => ({ uri: "shop://terms", mediaType: "text/plain", text: "Be kind" }),
  }),
  bundle: handler({
    ...about,
    description: "Shows a link and a resource.",
    output: Type.Array(Type.Union([content.link(), content.resource()])),
    handle: (_) => [
      { uri: "shop://logo", mediaType: "image/png", base64: png.toString("base64") },
      { uri: "https://shop.example/", name: "The shop" },
    ],
  }),
  report: handler({
    ...about,
    description: "Reports.",
    output: file({ mediaTypes: ["text/csv"] }),
    handle: () => ({ content: "id\n1\n", name: "Ä.csv" }),
  }),
  pack: handler({
    ...about,
    description: "Packs.",
    output: file({ mediaTypes: ["application/zip"] }),
    handle: () => ({ content: png }),
  }),
};

const exposed = Object.fromEntries(
  Object.keys(handlers).map((name) => [name, { mcp: true, cli: true, http: `GET /${name}`, public: true }]),
);
const booted = () =>
  boot({
    handlers,
    expose: exposed,
    plugins: [
      http({ port: 0, authenticate: tokens(people) }),
      mcp({ authenticate: tokens(people) }),
      cli({ authenticate: tokens(people) }),
    ],
  });

const expected: Readonly<Record<string, { content: readonly object[]; structuredContent?: unknown; mediaType?: string }>> = {
  plain: { content: [{ type: "text", text: 'a "quoted" text\nof two lines' }], mediaType: "text/plain" },
  number: { content: [{ type: "text", text: "5" }] },
  csv: { content: [{ type: "text", text: "id\n1\n" }], mediaType: "text/csv" },
  draw: { content: [{ type: "image", data: png.toString("base64"), mimeType: "image/png" }] },
  speak: { content: [{ type: "audio", data: png.toString("base64"), mimeType: "audio/wav" }] },
  link: {
    content: [{ type: "resource_link", uri: "https://shop.example/orders/7", name: "Order 7", mimeType: "text/html", size: 12 }],
    structuredContent: { uri: "https://shop.example/orders/7", name: "Order 7", mediaType: "text/html", bytes: 12 },
  },
  links: {
    content: ["a", "b"].map((name) => ({ type: "resource_link", uri: `https://shop.example/${name}`, name })),
    structuredContent: { result: ["a", "b"].map((name) => ({ uri: `https://shop.example/${name}`, name })) },
  },
  terms: { content: [{ type: "resource", resource: { uri: "shop://terms", mimeType: "text/plain", text: "Be kind" } }] },
  bundle: {
    content: [
      { type: "resource", resource: { uri: "shop://logo", mimeType: "image/png", blob: png.toString("base64") } },
      { type: "resource_link", uri: "https://shop.example/", name: "The shop" },
    ],
  },
  report: {
    content: [
      {
        type: "resource",
        resource: {
          uri: expect.stringMatching(/^quater:\/\/files\/report\/[\w-]{22}\/%C3%84\.csv$/),
          mimeType: "text/csv",
          text: "id\n1\n",
        },
      },
    ],
  },
  pack: {
    content: [
      {
        type: "resource",
        resource: {
          uri: expect.stringMatching(/^quater:\/\/files\/pack\/[\w-]{22}$/),
          mimeType: "application/zip",
          blob: png.toString("base64"),
        },
      },
    ],
  },
};

test("M13: a client of the MCP SDK gets texts without quotes, and images, audio, links and resources as content", async () => {
  await using app = await booted();
  const client = new Client({ name: "test", version: "1" });
  const requestInit = { headers: { authorization: "Bearer ana" } };
  await client.connect(new StreamableHTTPClientTransport(new URL(urlOf(app)), { requestInit }) as never);
  const { tools } = await client.listTools();
  const seen = await Promise.all(
    Object.keys(handlers).map(async (name) => {
      const { content, structuredContent, _meta } = await client.callTool({ name, arguments: {} });
      const mediaType = _meta?.["quater/mediaType"];
      return [
        name,
        {
          content,
          ...(structuredContent === undefined ? {} : { structuredContent }),
          ...(mediaType === undefined ? {} : { mediaType }),
        },
      ];
    }),
  );
  await client.close();
  expect(Object.fromEntries(seen)).toEqual(expected);
  expect(tools.filter(({ outputSchema }) => outputSchema !== undefined).map(({ name }) => name)).toEqual(["link", "links"]);
});

test("M13: http sends images and audio as bytes with a media type, and sends links and resources as JSON", async () => {
  await using app = await booted();
  const { baseUrl } = app.services.get(httpRef);
  const get = async (name: string) => {
    const response = await fetch(`${baseUrl}/${name}`);
    const type = response.headers.get("content-type");
    const bytes = Buffer.from(await response.arrayBuffer());
    return { type, body: type?.startsWith("application/json") === true ? (JSON.parse(bytes.toString()) as unknown) : bytes };
  };
  const json = "application/json; charset=utf-8";
  expect(await get("draw")).toEqual({ type: "image/png", body: png });
  expect(await get("speak")).toEqual({ type: "audio/wav", body: png });
  expect(await get("link")).toEqual({ type: json, body: expected["link"]?.structuredContent });
  expect(await get("terms")).toEqual({ type: json, body: { uri: "shop://terms", mediaType: "text/plain", text: "Be kind" } });
  const { paths } = (await (await fetch(`${baseUrl}/openapi.json`, { headers: { authorization: "Bearer ana" } })).json()) as {
    paths: Record<string, { get: { responses: Record<string, { content: Record<string, object> }> } }>;
  };
  const types = (name: string) => Object.keys(paths[`/${name}`]?.get.responses["200"]?.content ?? {});
  expect([types("draw"), types("speak"), types("link")]).toEqual([["image/png"], ["audio/*"], ["application/json"]]);
  expect(JSON.stringify(paths["/terms"])).not.toContain("x-quater-content");
});

test("MCP sends a file whose name has half of a surrogate pair with a replacement character in the URI of the file", async () => {
  const output = file({ mediaTypes: ["text/csv"] });
  const odd = handler({ ...about, description: "Sends.", output, handle: () => ({ content: "id\n", name: "a\ud800.csv" }) });
  await using app = await boot({ handlers: { odd } });
  const { rpc } = await post(app, callText("odd"));
  expect(rpc.result?.content).toMatchObject([{ resource: { uri: expect.stringMatching(/\/a%EF%BF%BD\.csv$/), text: "id\n" } }]);
});

describe("limits of image, audio and file content in MCP results", () => {
  const one = (handle: Handler["handle"], more: object) =>
    handler({ ...about, description: "Answers.", handle, ...more } as never) as Handler;
  const answerOf = async (given: Handler, more: object = {}) => {
    await using app = await boot({ handlers: { one: given }, ...more });
    return (await post(app, callText("one"))).rpc.result;
  };

  test("M13: a call ends with internal if its result is an image of another type or larger than maxBytes", async () => {
    const output = content.image({ mediaTypes: ["image/png"], maxBytes: 5 });
    const refused = { isError: true, _meta: { "quater/error": { code: "internal" } } };
    expect(await answerOf(one(() => ({ content: png }), { output }))).toMatchObject(refused);
    expect(await answerOf(one(() => ({ content: "x", mediaType: "text/html" }), { output }))).toMatchObject(refused);
    const resource = one(() => ({ uri: "shop://a", base64: "QUJD" }), { output: content.resource({ maxBytes: 2 }) });
    expect(await answerOf(resource)).toMatchObject({ content: [{ type: "resource" }] });
    const larger = one(() => ({ uri: "shop://a", base64: "QUJDRA==" }), { output: content.resource({ maxBytes: 2 }) });
    expect(await answerOf(larger)).toMatchObject(refused);
    const broken = one(() => ({ uri: "shop://a", base64: "%%%" }), { output: content.resource() });
    expect(await answerOf(broken)).toMatchObject(refused);
  });

  test("M13: a file over maxOutputBytes is a tool error, and the error of a write says that the write ran", async () => {
    using folder = tempFolder();
    mkdirSync(join(folder.root, "files"));
    writeFileSync(join(folder.root, "files/a.txt"), "x".repeat(2_000));
    const output = file({ folder: "files", mediaTypes: ["text/plain"] });
    const handle = () => ({ path: "a.txt" });
    const more = { root: folder.root, maxOutputBytes: 1_500 };
    expect(await answerOf(one(handle, { output }), more)).toMatchObject({
      isError: true,
      _meta: { "quater/error": { code: "output_too_large" } },
    });
    expect(await answerOf(one(handle, { output, effect: "write" }), more)).toMatchObject({
      isError: true,
      _meta: { "quater/error": { code: "output_undelivered" } },
    });
    const room = { ...more, maxOutputBytes: 3_000 };
    expect(await answerOf(one(handle, { output }), room)).toMatchObject({
      content: [{ resource: { mimeType: "text/plain", text: "x".repeat(2_000) } }],
    });
  });

  test.each<[string, object, string]>([
    [
      "a media type of another kind",
      content.image({ mediaTypes: ["text/html"] }),
      'the media type "text/html" in the content.image()',
    ],
    ["an odd maxBytes", content.audio({ maxBytes: 0.5 }), "an invalid maxBytes in the content.audio() of its output: 0.5"],
    ["an image inside an object", Type.Object({ a: content.image() }), "has a file inside its output"],
  ])("M13: boot refuses an output with %s", async (_what, output, cause) => {
    const error = await boot({ handlers: { one: one(() => null, { output }) } }).catch((caught: unknown) => caught);
    expect(isBootError(error) && error.problems.map((problem) => problem.cause).join("\n")).toContain(cause);
  });
});

test("M13: the trail records the length and the digest of image and file content in a result, and not the content", async () => {
  using folder = tempFolder();
  const secret = "the content of the resource";
  const show = handler({
    ...about,
    description: "Shows.",
    output: Type.Array(content.resource()),
    handle: (_) => [
      { uri: "shop://a", text: secret },
      { uri: "shop://b", base64: png.toString("base64") },
    ],
  });
  const { draw } = handlers;
  {
    await using app = await bootWithTrail({
      root: folder.root,
      handlers: { show, draw },
      expose: { show: { direct: true, audit: "response" }, draw: { direct: true, audit: "response" } },
    });
    for (const name of ["show", "draw"] as const) expect(await app.as(principal()).call(name)).toMatchObject({ ok: true });
  }
  const results = eventsIn(folder.root).flatMap(({ body }) => {
    const { result } = Object(body) as { result?: unknown };
    return result === undefined ? [] : [result];
  });
  const kept = (given: string) => ({
    bytes: Buffer.byteLength(given),
    digest: `sha256:${createHash("sha256").update(given).digest("hex")}`,
  });
  expect(results).toEqual([
    [
      { uri: "shop://a", text: kept(secret) },
      { uri: "shop://b", base64: kept(png.toString("base64")) },
    ],
    { mediaType: "image/png", bytes: png.length, version: expect.stringMatching(/^[\w-]{22}$/) },
  ]);
});

test("M13: the surfaces http, mcp and cli give the same text, links and resources", async () => {
  await using app = await booted();
  for (const name of ["plain", "number", "csv", "link", "links"]) {
    const seen = await app.acrossSurfaces({ handler: name, input: { json: "{}" }, token: "ana" });
    expect([name, seen["mcp"], seen["cli"]]).toEqual([name, seen["http"], seen["http"]]);
  }
});

test("M13: the type of a handler allows only results that match the declared content", () => {
  // @ts-expect-error: a link needs a name
  handler({ ...about, description: "Links.", output: content.link(), handle: (_) => ({ uri: "https://a.example" }) });
  // @ts-expect-error: an image needs its content
  handler({ ...about, description: "Draws.", output: content.image(), handle: (_) => ({ mediaType: "image/png" }) });
  expect(bootTest).toBeTypeOf("function");
});
