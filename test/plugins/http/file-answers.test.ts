// Files and texts as answers, over HTTP.

import { mkdirSync, mkdtempSync, rmSync, symlinkSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { anyone, file, handler, stream, Type, text } from "quater";
import { http, httpRef } from "quater/http";
import { mcp } from "quater/mcp";
import { isBootError } from "quater/plugin-api";
import { bootTest, expectOk, principal, tokens } from "quater/testing";
import { afterAll, expect, test } from "vitest";

const root = mkdtempSync(join(tmpdir(), "quater-answers-"));
const invoices = join(root, "invoices");
mkdirSync(join(invoices, "2026"), { recursive: true });
writeFileSync(join(invoices, "7.pdf"), "%PDF-1.4 of seven");
writeFileSync(join(invoices, "2026", "shelf.png"), "0123456789");
writeFileSync(join(invoices, "empty.png"), "");
writeFileSync(join(root, "secret.pdf"), "%PDF secret");
symlinkSync(join(root, "secret.pdf"), join(invoices, "link.pdf"));
symlinkSync(root, join(invoices, "up"));

const getInvoice = handler({
  description: "Gets a file.",
  effect: "read",
  input: Type.Object({ path: Type.String(), name: Type.Optional(Type.String()) }),
  output: file({ folder: "invoices", mediaTypes: ["application/pdf", "image/*", "text/html", "image/svg+xml"] }),
  auth: anyone,
  handle: ({ path, name }) => ({ path, ...(name === undefined ? {} : { name }) }),
});
const drawBadge = handler({
  description: "Draws a badge.",
  effect: "read",
  input: Type.Object({ as: Type.String() }),
  output: file({ mediaTypes: ["image/svg+xml", "image/png", "text/html"] }),
  auth: anyone,
  handle: ({ as }) => ({ content: "<svg/>", name: `badge.${as}` }),
});
const makeReport = handler({
  description: "Makes a report.",
  effect: "write",
  input: Type.Object({}),
  output: file({ mediaTypes: ["image/png"] }),
  auth: anyone,
  handle: () => ({ content: new Uint8Array([1, 2, 3]) }),
});
const listOrders = handler({
  description: "Lists orders.",
  effect: "read",
  input: Type.Object({}),
  output: text("text/csv"),
  auth: anyone,
  handle: () => "id,name\n1,Ä\n",
});

const handlers = { getInvoice, drawBadge, makeReport, listOrders };
const app = await bootTest({
  root,
  handlers,
  expose: {
    getInvoice: { http: "GET /files", public: true, direct: true },
    drawBadge: { http: "GET /badge", public: true },
    makeReport: { http: { route: "POST /reports", status: 201 }, public: true },
    listOrders: { http: "GET /orders.csv", public: true },
  },
  plugins: [http({ port: 0, authenticate: tokens({ ana: principal() }) })],
});
afterAll(async () => {
  await app.stop();
  rmSync(root, { recursive: true, force: true });
});
const { baseUrl = "" } = app.services.get(httpRef);
const get = (path: string, headers: Record<string, string> = {}, method = "GET") =>
  fetch(`${baseUrl}${path}`, { headers, method });
const png = "/files?path=2026/shelf.png";

test("a route sends a file in the configured folder with type, length, ETag, and headers that prevent browsers from running the file", async () => {
  const response = await get(png);
  expect(await response.text()).toBe("0123456789");
  expect(Object.fromEntries(response.headers)).toMatchObject({
    "content-type": "image/png",
    "content-length": "10",
    "accept-ranges": "bytes",
    "content-disposition": 'inline; filename="shelf.png"',
    "content-security-policy": "sandbox; default-src 'none'",
    "x-content-type-options": "nosniff",
    etag: expect.stringMatching(/^"[\w-]{22}"$/),
    "last-modified": expect.stringMatching(/GMT$/),
  });
});

test.each([
  ["/files?path=7.pdf", "application/pdf", 'attachment; filename="7.pdf"'],
  [
    "/files?path=7.pdf&name=Rechnung%20%C3%9C.pdf",
    "application/pdf",
    "attachment; filename=\"Rechnung _.pdf\"; filename*=UTF-8''Rechnung%20%C3%9C.pdf",
  ],
  ["/badge?as=svg", "image/svg+xml", 'attachment; filename="badge.svg"'],
  ["/badge?as=html", "text/html; charset=utf-8", 'attachment; filename="badge.html"'],
  ["/badge?as=png", "image/png", 'inline; filename="badge.png"'],
  ["/orders.csv", "text/csv; charset=utf-8", "inline"],
])("a route sends the file output %s with the type %s and the disposition %s", async (path, type, disposition) => {
  const { headers, status } = await get(path);
  expect({ status, type: headers.get("content-type"), disposition: headers.get("content-disposition") }).toEqual({
    status: 200,
    type,
    disposition,
  });
  expect(headers.get("content-security-policy")).toBe("sandbox; default-src 'none'");
});

test("a route sends a text output with a media type unchanged", async () => {
  expect(await (await get("/orders.csv")).text()).toBe("id,name\n1,Ä\n");
});

test.each([
  ["bytes=2-4", 206, "234", "bytes 2-4/10"],
  ["bytes=7-", 206, "789", "bytes 7-9/10"],
  ["bytes=-3", 206, "789", "bytes 7-9/10"],
  ["bytes=5-99", 206, "56789", "bytes 5-9/10"],
  ["bytes=10-", 416, "", "bytes */10"],
  ["bytes=0-1,4-5", 200, "0123456789", null],
  ["bytes=a-b", 200, "0123456789", null],
  ["items=0-1", 200, "0123456789", null],
])("the server answers a request for the range %s of a file output with %i", async (range, status, body, contentRange) => {
  const response = await get(png, { range });
  expect({ status: response.status, body: await response.text(), range: response.headers.get("content-range") }).toEqual({
    status,
    body,
    range: contentRange,
  });
});

test("an HTTP request with If-Range of another version of a file output gets the whole file", async () => {
  const etag = (await get(png)).headers.get("etag") ?? "";
  expect((await get(png, { range: "bytes=0-1", "if-range": etag })).status).toBe(206);
  expect((await get(png, { range: "bytes=0-1", "if-range": '"other"' })).status).toBe(200);
});

test("a caller gets 304 without a body when If-None-Match contains the current version of a file output", async () => {
  const etag = (await get(png)).headers.get("etag") ?? "";
  for (const given of [etag, `W/${etag}`, `"a", ${etag}`, "*"]) {
    const response = await get(png, { "if-none-match": given });
    expect({ status: response.status, body: await response.text(), etag: response.headers.get("etag") }).toEqual({
      status: 304,
      body: "",
      etag,
    });
  }
  expect((await get(png, { "if-none-match": '"other"' })).status).toBe(200);
  const modified = (await get(png)).headers.get("last-modified") ?? "";
  expect((await get(png, { "if-modified-since": modified })).status).toBe(304);
  expect((await get(png, { "if-modified-since": "Thu, 01 Jan 2026 00:00:00 GMT" })).status).toBe(200);
});

test("a HEAD request for a file output gets the headers of the file and no body", async () => {
  const response = await get(png, {}, "HEAD");
  expect({ status: response.status, length: response.headers.get("content-length"), body: await response.text() }).toEqual({
    status: 200,
    length: "10",
    body: "",
  });
});

test("a route sends an empty file, and refuses a range request for the empty file", async () => {
  const response = await get("/files?path=empty.png");
  expect({ status: response.status, length: response.headers.get("content-length") }).toEqual({ status: 200, length: "0" });
  expect((await get("/files?path=empty.png", { range: "bytes=0-" })).status).toBe(416);
});

test("a route with a status of its own ignores a range request and sends the whole file", async () => {
  const response = await fetch(`${baseUrl}/reports`, { method: "POST", headers: { range: "bytes=0-0" } });
  expect({ status: response.status, bytes: (await response.arrayBuffer()).byteLength }).toEqual({ status: 201, bytes: 3 });
});

test.each([
  ["../secret.pdf", "points outside the folder"],
  ["/etc/passwd", "points outside the folder"],
  ["2026/../../secret.pdf", "points outside the folder"],
  ["", "points outside the folder"],
  ["7.pdf\0.png", "points outside the folder"],
  ["link.pdf", "is a symbolic link, or goes through one"],
  ["up/secret.pdf", "is a symbolic link, or goes through one"],
  ["2026", "is not a file"],
  ["nothing.pdf", "does not exist"],
  ["a.exe", "does not exist"],
])("a file output with the path %j ends the call with internal, and the log contains the reason", async (path, why) => {
  const response = await get(`/files?path=${encodeURIComponent(path)}`);
  expect({ status: response.status, body: await response.json() }).toMatchObject({ status: 500, body: { code: "internal" } });
  expect(String(app.log.at(-1)?.fields["error"])).toContain(why);
});

test("a test call can read the file output that a handler returns", async () => {
  const sent = await expectOk(app.as(principal()).call("getInvoice", { path: "7.pdf" }, { surface: "direct" }));
  let content = "";
  for await (const part of sent.stream()) content += String(part);
  expect({ content, bytes: sent.bytes, mediaType: sent.mediaType }).toEqual({
    content: "%PDF-1.4 of seven",
    bytes: 17,
    mediaType: "application/pdf",
  });
});

test("the OpenAPI document names the media types of file outputs", async () => {
  const { paths } = (await (await get("/openapi.json", { authorization: "Bearer ana" })).json()) as {
    paths: Record<string, Record<string, { responses: Record<string, { content: object }> }>>;
  };
  expect(Object.keys(paths["/files"]?.["get"]?.responses["200"]?.content ?? {})).toEqual([
    "application/pdf",
    "image/*",
    "text/html",
    "image/svg+xml",
  ]);
  expect(paths["/orders.csv"]?.["get"]?.responses["200"]?.content).toEqual({ "text/csv": { schema: { type: "string" } } });
});

const answer = file({ mediaTypes: ["image/png"] });
test.each([
  ["inside an object", { output: Type.Object({ a: answer }) }, { direct: true }, "has a file inside its output"],
  ["in a stream", { output: stream(answer) }, { direct: true }, "has a file inside its output"],
  [
    "with maxBytes",
    { output: file({ maxBytes: 1, mediaTypes: ["a/b"] }) },
    { direct: true },
    "a file with maxBytes in its output",
  ],
  [
    "with odd types",
    { output: file({ mediaTypes: ["PNG"] }) },
    { direct: true },
    'has invalid mediaTypes in the file of its output: "PNG"',
  ],
])("boot refuses a file output %s", async (_, given, exposure, cause) => {
  const one = handler({
    description: "Answers.",
    effect: "read",
    input: Type.Object({}),
    auth: anyone,
    ...given,
    handle: (() => null) as never,
  } as never);
  const booting = bootTest({
    handlers: { one },
    expose: { one: exposure },
    plugins: [mcp({ authenticate: tokens({}) }), http({ port: 0, authenticate: tokens({}) })],
  });
  const error = await booting.then(
    (booted) => booted.stop(),
    (thrown: unknown) => thrown,
  );
  expect(isBootError(error) && error.problems.map((problem) => problem.cause).join("\n")).toContain(cause);
});
