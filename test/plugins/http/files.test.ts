// Files as inputs, over HTTP.

import { createHash } from "node:crypto";
import { existsSync, mkdirSync, mkdtempSync, readdirSync, rmSync, writeFileSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { hostname, tmpdir } from "node:os";
import { join } from "node:path";
import { can, file, handler, Type, type UploadedFile } from "quater";
import { http } from "quater/http";
import { mcp } from "quater/mcp";
import { isBootError } from "quater/plugin-api";
import { bootTest, fileOf, gateSuite, principal, tokens } from "quater/testing";
import { afterAll, beforeEach, expect, test } from "vitest";
import { defineConfig, expose } from "../../../core/index.ts";
import type { TestBoot } from "../../../core/testing/index.ts";
import { httpRef } from "../../../plugins/http/service.ts";
import { raw } from "./socket.ts";

const png = Buffer.from(
  "iVBORw0KGgoAAAANSUhEUgAAAAEAAAABCAYAAAAfFcSJAAAADUlEQVR42mNk+M9QDwADhgGAWjR9awAAAABJRU5ErkJggg==",
  "base64",
);
const sha256 = (content: Buffer | string) => createHash("sha256").update(content).digest("hex");

const seen: { input: unknown; path: string; content: Buffer }[] = [];
const keep = async (input: object, photo: UploadedFile) => {
  const parts: Buffer[] = [];
  for await (const part of photo.stream()) parts.push(part as Buffer);
  seen.push({ input, path: photo.path, content: Buffer.concat(parts) });
  return { name: photo.name, mediaType: photo.mediaType, bytes: photo.bytes, sha256: photo.sha256 };
};

const addPhoto = handler({
  description: "Adds a photo to an item.",
  effect: "write",
  input: Type.Object({
    id: Type.String(),
    price: Type.Optional(Type.Integer()),
    tags: Type.Optional(Type.Array(Type.String())),
    about: Type.Optional(Type.Object({ by: Type.String() })),
    photo: file({ maxBytes: 100_000, mediaTypes: ["image/png", "image/jpeg", "image/svg+xml"] }),
  }),
  auth: can("photos:write"),
  handle: (input) => keep(input, input.photo),
});
const addSheets = handler({
  description: "Adds sheets.",
  effect: "write",
  input: Type.Object({ sheets: Type.Array(file({ maxBytes: 1_000, mediaTypes: ["text/csv"] }), { maxItems: 2 }) }),
  auth: can("photos:write"),
  handle: async ({ sheets }) => Promise.all(sheets.map(async (sheet) => `${sheet.name}: ${await readFile(sheet.path, "utf8")}`)),
});
const subscribe = handler({
  description: "Subscribes an address.",
  effect: "write",
  input: Type.Object({ email: Type.String(), weekly: Type.Optional(Type.Boolean()) }),
  auth: can("photos:write"),
  handle: (input) => input,
});

const folder = mkdtempSync(join(tmpdir(), "quater-files-test-"));
afterAll(() => rmSync(folder, { recursive: true, force: true }));
beforeEach(() => void seen.splice(0));

const ana = principal({ scopes: ["photos:write"] });
const given = {
  handlers: { addPhoto, addSheets, subscribe },
  expose: {
    addPhoto: { http: "POST /items/:id/photo" },
    addSheets: { http: "POST /sheets" },
    subscribe: { http: { route: "POST /subscribers", forms: true } },
  },
  plugins: [http({ port: 0, authenticate: tokens({ ana, eve: principal() }) })],
  uploadFolder: folder,
} satisfies TestBoot;
const app = await bootTest(given);
afterAll(() => app.stop());
const { baseUrl = "" } = app.services.get(httpRef);

const post = async (path: string, body: FormData | URLSearchParams | string, headers: Record<string, string> = {}) => {
  const response = await fetch(`${baseUrl}${path}`, {
    method: "POST",
    body,
    headers: { authorization: "Bearer ana", ...headers },
  });
  return { status: response.status, body: (await response.json()) as Record<string, unknown> };
};
const form = (...parts: [name: string, value: string | Blob, filename?: string][]) => {
  const made = new FormData();
  for (const [name, value, filename] of parts)
    if (typeof value === "string") made.append(name, value);
    else made.append(name, value, filename);
  return made;
};
const photo = new Blob([png], { type: "image/png" });
/** Files of calls that are there now. */
const left = () =>
  readdirSync(folder)
    .filter((name) => name.includes(`-${process.pid}-`))
    .flatMap((name) => readdirSync(join(folder, name)));

test("a handler gets name, type, length, digest and content of an uploaded file beside converted text fields", async () => {
  const sent = form(["photo", photo, "shelf.png"], ["price", "12"], ["tags", "a"], ["tags", "b"]);
  expect(await post("/items/7/photo", sent)).toEqual({
    status: 200,
    body: { name: "shelf.png", mediaType: "image/png", bytes: png.length, sha256: sha256(png) },
  });
  expect(seen[0]?.input).toMatchObject({ id: "7", price: 12, tags: ["a", "b"] });
  expect(seen[0]?.content).toEqual(png);
});

test("the server removes an uploaded file when the call of the file has ended, also when the handler fails", async () => {
  await post("/items/7/photo", form(["photo", photo, "shelf.png"]));
  expect(existsSync(seen[0]?.path ?? "")).toBe(false);
  await post("/items/7/photo", form(["photo", photo, "shelf.png"], ["price", "much"]));
  expect(left()).toEqual([]);
});

const aboutPart = 'content-disposition: form-data; name="about"';

test.each([
  ["", '{"by":"ana"}', 200],
  [" with a file name, as browsers send it,", '{"by":"ana"}', 200, '; filename="blob"'],
  [" with a file name and a repeated key", '{"by":"ana","by":"bea"}', 400, '; filename="blob"'],
  [" with a file name and more bytes than a body may have", `{"by":"${"a".repeat(1_100_000)}"}`, 413, '; filename="blob"'],
])(
  "http reads a form part of the type application/json%s as JSON, within the limits of a JSON body",
  async (_what, json, expected, fileName = "") => {
    const body = [
      "--b",
      `${aboutPart}${fileName}`,
      "content-type: application/json",
      "",
      json,
      "--b",
      'content-disposition: form-data; name="photo"; filename="a.svg"',
      "content-type: image/svg+xml",
      "",
      '<?xml version="1.0"?><svg xmlns="http://www.w3.org/2000/svg"/>',
      "--b--",
      "",
    ].join("\r\n");
    const { status } = await post("/items/7/photo", body, { "content-type": "multipart/form-data; boundary=b" });
    expect(status).toBe(expected);
    expect(seen.map(({ input }) => input)).toMatchObject(expected === 200 ? [{ about: { by: "ana" } }] : []);
    expect(left()).toEqual([]);
  },
);

test.each([
  ["shelf.png", "shelf.png"],
  ["../../etc/passwd", "passwd"],
  ["C:\\photos\\a.png", "a.png"],
  ["Übung – 写真.png", "Übung – 写真.png"],
  ["..", "file"],
  [`${"n".repeat(400)}.png`, "n"],
])("the handler gets an uploaded file with the sent name %j under the name %j", async (sent, expected) => {
  const { body } = await post("/items/7/photo", form(["photo", photo, sent]));
  expect(body["name"]).toContain(expected);
  expect(String(body["name"]).length).toBeLessThanOrEqual(200);
  expect(body["name"]).not.toMatch(/[/\\]/);
});

test("a handler receives a list of uploaded files in the order of the form", async () => {
  const sheet = (text: string) => new Blob([text], { type: "text/csv" });
  const { body } = await post("/sheets", form(["sheets", sheet("a,1"), "a.csv"], ["sheets", sheet("b,2"), "b.csv"]));
  expect(body).toEqual(["a.csv: a,1", "b.csv: b,2"]);
  const long = "a".repeat(900);
  for (let n = 0; n < 20; n++) {
    const sent = await post("/sheets", form(["sheets", sheet(long), "long.csv"], ["sheets", sheet("b"), "short.csv"]));
    expect(sent.body).toEqual([`long.csv: ${long}`, "short.csv: b"]);
  }
});

const pdf = new Blob(["%PDF-1.4\n"], { type: "image/png" });
const tooLong = new Blob([png, Buffer.alloc(100_000)], { type: "image/png" });
test.each<[string, string, FormData | string, number, object]>([
  [
    "a file of another type than it says",
    "/items/7/photo",
    form(["photo", pdf, "a.png"]),
    422,
    {
      code: "invalid_input",
      errors: [
        {
          path: "/photo",
          message: "is application/pdf, but was sent as image/png: send a file of the type image/png, image/jpeg, image/svg+xml",
        },
      ],
    },
  ],
  [
    "a page that is sent as an image",
    "/items/7/photo",
    form(["photo", new Blob(["<html>"], { type: "image/png" }), "a.png"]),
    422,
    {
      code: "invalid_input",
    },
  ],
  [
    "a text that is sent as an unknown type",
    "/items/7/photo",
    form(["photo", new Blob(["hello"], { type: "application/x-odd" }), "a.png"]),
    422,
    {
      errors: [
        {
          path: "/photo",
          message:
            "is of an unknown type, but was sent as application/x-odd: send a file of the type image/png, image/jpeg, image/svg+xml",
        },
      ],
    },
  ],
  [
    "bytes of an unknown type",
    "/items/7/photo",
    form(["photo", new Blob([Buffer.from([0, 1, 2, 255])], { type: "image/png" }), "a.png"]),
    422,
    {
      errors: [
        {
          path: "/photo",
          message:
            "is of an unknown type, but was sent as image/png: send a file of the type image/png, image/jpeg, image/svg+xml",
        },
      ],
    },
  ],
  ["a file that is too long", "/items/7/photo", form(["photo", tooLong, "a.png"]), 413, { code: "too_large" }],
  [
    "a file where a text belongs",
    "/items/7/photo",
    form(["photo", photo, "a.png"], ["price", photo, "b.png"]),
    422,
    {
      errors: [{ path: "/price", message: "is sent as a file, but must be a text field" }],
    },
  ],
  [
    "two files where one belongs",
    "/items/7/photo",
    form(["photo", photo, "a.png"], ["photo", photo, "b.png"]),
    422,
    {
      errors: [{ path: "/photo", message: "is given more than once" }],
    },
  ],
  [
    "a text where a file belongs",
    "/items/7/photo",
    form(["photo", "shelf.png"]),
    422,
    {
      errors: [
        {
          path: "/photo",
          message: expect.stringContaining("must be a file: send it as multipart/form-data, or at the terminal"),
        },
      ],
    },
  ],
  [
    "three files where two are allowed",
    "/sheets",
    form(...["a", "b", "c"].map((name): [string, Blob, string] => ["sheets", new Blob(["x"], { type: "text/csv" }), name])),
    422,
    { errors: [{ path: "/sheets", message: "must have at most 2 files" }] },
  ],
  [
    "bytes that are not text as a text format",
    "/sheets",
    form(["sheets", new Blob([Buffer.from([0xff, 0xfe, 1])], { type: "text/csv" }), "a.csv"]),
    422,
    {
      code: "invalid_input",
    },
  ],
])("the server refuses an upload with %s, and removes all files of the upload", async (_, path, body, status, told) => {
  expect(await post(path, body)).toMatchObject({ status, body: told });
  expect(seen).toEqual([]);
  expect(left()).toEqual([]);
});

test("http refuses a JSON object that imitates an uploaded file", async () => {
  const described = { name: "a.png", mediaType: "image/png", bytes: 1, sha256: "0".repeat(64) };
  const { status, body } = await post("/items/7/photo", JSON.stringify({ photo: described }), {
    "content-type": "application/json",
  });
  expect({ status, errors: body["errors"] }).toMatchObject({ status: 422, errors: [{ path: "/photo" }] });
});

test("http refuses a caller without the right to upload before the server reads the file", async () => {
  const response = await fetch(`${baseUrl}/items/7/photo`, {
    method: "POST",
    body: form(["photo", tooLong, "a.png"]),
    headers: { authorization: "Bearer eve" },
  });
  expect(response.status).toBe(403);
});

test.each([
  ["without a boundary", "content-type: multipart/form-data\r\ncontent-length: 3", "abc", 400],
  ["that ends early", "content-type: multipart/form-data; boundary=b\r\ncontent-length: 3", "--b", 400],
  [
    "with a length that is too large at once",
    "content-type: multipart/form-data; boundary=b\r\ncontent-length: 99999999",
    "--b",
    413,
  ],
])("http refuses a multipart form %s", async (_, head, body, status) => {
  const request = `POST /items/7/photo HTTP/1.1\r\nhost: localhost\r\nauthorization: Bearer ana\r\n${head}\r\n\r\n${body}`;
  expect((await raw(baseUrl, request, { keepOpen: true })).status).toBe(status);
});

test("http refuses a multipart form of 10,000 parts", async () => {
  const part = '--b\r\ncontent-disposition: form-data; name="tags"\r\n\r\na\r\n';
  const body = `${part.repeat(10_000)}--b--\r\n`;
  const { status } = await post("/items/7/photo", body, { "content-type": "multipart/form-data; boundary=b" });
  expect(status).toBe(413);
});

test("http refuses a form with an endless part at the size limit, and answers other requests in the meantime", async () => {
  const endless = new ReadableStream({
    start: (sink) => sink.enqueue(Buffer.from('--b\r\ncontent-disposition: form-data; name="photo"; filename="a"\r\n\r\n')),
    pull: (sink) => sink.enqueue(Buffer.alloc(65_536)),
  });
  const refused = fetch(`${baseUrl}/items/7/photo`, {
    method: "POST",
    body: endless,
    duplex: "half",
    headers: { authorization: "Bearer ana", "content-type": "multipart/form-data; boundary=b" },
  } as RequestInit);
  expect((await post("/items/7/photo", form(["photo", photo, "a.png"]))).status).toBe(200);
  expect((await refused).status).toBe(413);
  expect(left()).toEqual([]);
});

test("the server removes the files of an upload when the client leaves in the middle of the upload", async () => {
  const leaving = new AbortController();
  const body = new ReadableStream({
    pull: (sink) => {
      sink.enqueue(Buffer.from('--b\r\ncontent-disposition: form-data; name="photo"; filename="a"\r\n\r\nabc'));
      return new Promise(() => {});
    },
  });
  const sent = fetch(`${baseUrl}/items/7/photo`, {
    method: "POST",
    body,
    duplex: "half",
    signal: leaving.signal,
    headers: { authorization: "Bearer ana", "content-type": "multipart/form-data; boundary=b" },
  } as RequestInit);
  await expect.poll(left).toHaveLength(1);
  leaving.abort();
  await expect(sent).rejects.toThrow();
  await expect.poll(left).toEqual([]);
});

test("a route that accepts forms accepts a form without files, and coerces the texts of the form", async () => {
  const sent = new URLSearchParams({ email: "ana@example.com", weekly: "true" });
  expect(await post("/subscribers", sent)).toEqual({ status: 200, body: { email: "ana@example.com", weekly: true } });
  expect((await post("/subscribers", form(["email", "a"]))).body).toEqual({ email: "a" });
  await using strict = await bootTest({
    ...given,
    expose: { subscribe: { http: "POST /subscribers" } },
    handlers: { subscribe },
  });
  const url = `${strict.services.get(httpRef).baseUrl}/subscribers`;
  const response = await fetch(url, { method: "POST", body: sent, headers: { authorization: "Bearer ana" } });
  expect(response.status).toBe(415);
});

test("http refuses uploaded files that together exceed maxUploadBytes with 503", async () => {
  await using small = await bootTest({ ...given, maxUploadBytes: 50 });
  const response = await fetch(`${small.services.get(httpRef).baseUrl}/items/7/photo`, {
    method: "POST",
    body: form(["photo", photo, "a.png"]),
    headers: { authorization: "Bearer ana" },
  });
  expect({ status: response.status, retry: response.headers.get("retry-after") }).toEqual({ status: 503, retry: "5" });
});

test("boot removes upload folders that a dead process left, and no other folders", async () => {
  const machine = createHash("sha256").update(hostname()).digest("hex").slice(0, 8);
  const [ended, alive, other] = [`quater-uploads-${machine}-4194304-a`, `quater-uploads-${machine}-1-b`, "something-else"];
  for (const name of [ended, alive, other]) {
    mkdirSync(join(folder, name));
    writeFileSync(join(folder, name, "file"), "x");
  }
  await using _ = await bootTest(given);
  expect(readdirSync(folder)).toEqual(expect.arrayContaining([alive, other]));
  expect(existsSync(join(folder, ended))).toBe(false);
});

test("a dry run accepts an uploaded file and returns the digest of the call", async () => {
  const { status, body } = await post("/__quater__/dry-run/addPhoto", form(["id", "7"], ["photo", photo, "a.png"]));
  expect(status).toBe(200);
  expect(body["input"]).toEqual({
    id: "7",
    photo: { name: "a.png", mediaType: "image/png", bytes: png.length, sha256: sha256(png) },
  });
});

test("a dry run applies the limits for uploaded files of the handler", async () => {
  const long = await post("/__quater__/dry-run/addPhoto", form(["id", "7"], ["photo", tooLong, "a.png"]));
  expect(long).toMatchObject({ status: 413, body: { code: "too_large" } });
  const none = await post("/__quater__/dry-run/subscribe", form(["email", "ana@example.com"]));
  expect(none).toMatchObject({ status: 400, body: { code: "json_invalid" } });
});

test("a test call can send a file to a handler", async () => {
  const outcome = await app.as(ana).call("addPhoto", { id: "7", photo: fileOf(png, { name: "a.png" }) }, { surface: "http" });
  expect(outcome).toMatchObject({ ok: true, value: { sha256: sha256(png) } });
});

const bad = file({ maxBytes: 10, mediaTypes: ["image/*"] });
const withInput = (input: Parameters<typeof Type.Object>[0]) =>
  handler({ description: "Takes.", effect: "write", input: Type.Object(input), auth: can("x"), handle: () => null });
test.each([
  ["a GET route", withInput({ photo: bad }), { http: "GET /x" }, "photo is a file, but GET takes no body"],
  ["an MCP tool", withInput({ photo: bad }), { mcp: true }, "takes a file, and arguments of MCP tools are JSON"],
  [
    "a binding to the path",
    withInput({ photo: bad }),
    { http: "POST /:photo" },
    "the input photo is a file, but files come only from the request body",
  ],
  [
    "a place deep inside its object",
    withInput({ a: Type.Object({ photo: bad }) }),
    { http: "POST /x" },
    "has a file(...) nested inside another field of its input",
  ],
  [
    "no media types",
    withInput({ photo: file({ maxBytes: 1, mediaTypes: [] }) }),
    { http: "POST /x" },
    "has invalid mediaTypes in the file photo: []",
  ],
  [
    "a limit of zero",
    withInput({ photo: file({ maxBytes: 0, mediaTypes: ["a/b"] }) }),
    { http: "POST /x" },
    "has an invalid maxBytes in the file photo: 0",
  ],
])("boot refuses a file input with %s", async (_, one, exposure, cause) => {
  const booting = bootTest({
    handlers: { one },
    expose: { one: exposure },
    plugins: [http({ port: 0, authenticate: tokens({}) }), mcp({ authenticate: tokens({}) })],
  });
  const error = await booting.then(
    (booted) => booted.stop(),
    (thrown: unknown) => thrown,
  );
  expect(isBootError(error) && error.problems.map((problem) => problem.cause).join("\n")).toContain(cause);
});

test("the gate suite tries handlers with file inputs", async () => {
  const manifest = defineConfig({
    name: "photos",
    handlers: [
      expose(async () => ({ addPhoto, addSheets }), {
        addPhoto: { http: "POST /items/:id/photo" },
        addSheets: { http: "POST /s" },
      }),
    ],
    plugins: given.plugins,
  });
  expect((await gateSuite(manifest)).holes).toEqual([]);
});

test("the OpenAPI document has a multipart body with the media types of the files", async () => {
  const response = await fetch(`${baseUrl}/openapi.json`, { headers: { authorization: "Bearer ana" } });
  const { paths } = (await response.json()) as { paths: Record<string, { post: { requestBody: { content: object } } }> };
  expect(paths["/sheets"]?.post.requestBody.content).toEqual({
    "multipart/form-data": {
      schema: expect.objectContaining({
        properties: { sheets: { type: "array", maxItems: 2, items: { type: "string", format: "binary" } } },
      }),
      encoding: { sheets: { contentType: "text/csv" } },
    },
  });
  expect(Object.keys(paths["/subscribers"]?.post.requestBody.content ?? {})).toEqual([
    "application/json",
    "application/x-www-form-urlencoded",
    "multipart/form-data",
  ]);
});
