// T27: a hostile remote, on real sockets: it harms nothing and learns no token but its own.

import { afterEach, expect, test } from "vitest";
import { useLimits } from "../../../../plugins/cli/remote/requests.ts";
import { action, json, listing, listOf, protocol, scripted, token, victim } from "./hostile-kit.ts";

const run = "--remote prod run pay --to bo";
const asked = ["actions --remote prod", run];

let restore: () => void = () => {};
afterEach(() => restore());

test.each([301, 302, 303, 307, 308])(
  "T27: quater refuses a redirect of a remote with the status %i to another host, and does not call the other host",
  async (status) => {
    await using other = await scripted(json(listOf()));
    await using server = await scripted((_, res) => void res.writeHead(status, { location: `${other.url}/.well-known/x` }).end());
    using ana = victim(server.url);
    for (const line of [...asked, "audit tail --remote prod"]) {
      const { code, out, err } = await ana.type(line);
      expect({ code, out, err }).toEqual({
        code: 78,
        out: "",
        err: expect.stringContaining(`answered with a redirect to "${other.url}"`),
      });
    }
    server.answer(listing((_, res) => void res.writeHead(status, { location: other.url }).end()));
    expect((await ana.type(run)).code).toBe(78);
    expect(other.asked).toEqual([]);
  },
);

test("T27: quater does not follow a redirect of a remote from https to http", async () => {
  await using server = await scripted((_, res) => void res.writeHead(302, { location: "http://shop.example/" }).end());
  using ana = victim(server.url);
  expect(await ana.type(asked[0] ?? "")).toMatchObject({ code: 78, err: expect.stringContaining('"http://shop.example"') });
});

test("T27: quater never requests a link to another host that the answer of a remote contains", async () => {
  await using other = await scripted(json({}));
  const links = { rpc: { path: `${other.url}/call` }, call: { url: other.url }, read: { path: "//evil.example/" } };
  await using server = await scripted((req, res) =>
    (req.method === "GET" ? json({ ...listOf(action()), ...links }) : json({ protocol, ok: true, callId: "1", value: 1 }))(
      req,
      res,
    ),
  );
  using ana = victim(server.url);
  expect(await ana.type(run)).toMatchObject({ code: 0, out: "1\n" });
  expect(other.asked).toEqual([]);
  expect(server.asked.map(({ line, authorization }) => [line, authorization])).toEqual([
    ["GET /.well-known/quater-actions.json", `Bearer ${token}`],
    ["POST /__quater__/actions/call", `Bearer ${token}`],
  ]);
});

test.each([
  ["a document", (body: string) => body],
  ["a refusal", (body: string) => body],
])("T27: quater refuses %s of 10 MB from a remote with exit code 78", async (what) => {
  const text = JSON.stringify({ ...listOf(), padding: "x".repeat(10_000_000) });
  await using server = await scripted(
    (_, res) => void res.writeHead(what === "a document" ? 200 : 401, { "content-type": "application/json" }).end(text),
  );
  using ana = victim(server.url);
  for (const line of asked)
    expect(await ana.type(line)).toMatchObject({
      code: 78,
      err: expect.stringContaining("answered with more than 4 MiB at once"),
    });
});

test("T27: quater refuses an endless line in the result of a remote call with exit code 78", async () => {
  restore = useLimits({ lineBytes: 100_000 });
  await using server = await scripted(
    listing((_, res) => {
      res.writeHead(200, { "content-type": "application/x-ndjson" });
      const more = () => {
        while (!res.destroyed && res.write("x".repeat(10_000)));
        if (!res.destroyed) res.once("drain", more);
      };
      more();
    }),
  );
  using ana = victim(server.url);
  expect((await ana.type(run)).code).toBe(78);
});

test.each([
  ["never answers", () => {}],
  [
    "stops in the middle of its answer",
    (_: unknown, res: import("node:http").ServerResponse) =>
      void res.writeHead(200, { "content-type": "application/json" }).write('{"protocol"'),
  ],
])("T27: the command for a remote that %s ends at the time limit", async (_, answering) => {
  restore = useLimits({ silenceMs: 100 });
  await using server = await scripted(answering);
  using ana = victim(server.url);
  for (const line of asked)
    expect(await ana.type(line)).toMatchObject({ code: 69, err: expect.stringContaining("the answer took too long") });
  server.answer(listing(answering));
  // The write was sent, so nobody knows whether it took effect.
  expect(await ana.type(run)).toMatchObject({ code: 76, err: expect.stringContaining("do not repeat it") });
  server.answer(listing(answering, action({ effect: "read" })));
  expect((await ana.type(run)).code).toBe(69);
});

test.each([
  ["closes the connection", (_: unknown, res: import("node:http").ServerResponse) => void res.destroy()],
  [
    "ends its answer before the last line",
    (_: unknown, res: import("node:http").ServerResponse) =>
      void res.writeHead(200, { "content-type": "application/x-ndjson" }).end('{"progress":{"fraction":0.5}}\n'),
  ],
])("T27: after a write, quater exits with 76 for an unknown outcome if the remote %s", async (_, answering) => {
  await using server = await scripted(listing(answering));
  using ana = victim(server.url);
  expect(await ana.type(run)).toMatchObject({ code: 76, err: expect.stringContaining("remote_unanswered") });
  expect((await ana.type(`${run} --dry-run`)).code).toBe(69);
  server.answer(listing(answering, action({ effect: "read" })));
  expect((await ana.type(run)).code).toBe(69);
});

test("quater exits with 69 for a remote without a listener, also for a write, because quater sent nothing", async () => {
  const server = await scripted(listing(() => {}));
  using ana = victim(server.url);
  await server[Symbol.asyncDispose]();
  expect(await ana.type(run)).toMatchObject({ code: 69, err: expect.stringContaining("no program listens at this address") });
});

test.each<[string, unknown]>([
  ["no JSON", "<html>"],
  ["a list", []],
  ["null", null],
  ["another protocol", { protocol: "quater-actions.v1", actions: [] }],
  ["another protocol with escapes", { protocol: "v9\u001b[2J", actions: [] }],
  ["no service", { protocol, actions: [] }],
  ["actions that are no list", { ...listOf(), actions: {} }],
  ["an action without a name", listOf({ ...action(), name: undefined })],
  ["an action with a flag as name", listOf(action({ name: "--config=x" }))],
  ["an action with escapes as name", listOf(action({ name: "pay\u001b[2J" }))],
  ["two actions with one name", listOf(action(), action())],
  ["an unknown effect", listOf(action({ effect: "harmless" }))],
  ["a description that is a number", listOf(action({ description: 5 }))],
  ["an input that is a text", listOf(action({ input: "x" }))],
  ["properties that are a list", listOf(action({ input: { type: "object", properties: [] } }))],
  ["a property that is a text", listOf(action({ input: { type: "object", properties: { to: "x" } } }))],
  ["required that is a text", listOf(action({ input: { type: "object", properties: {}, required: "to" } }))],
  ["problems without codes", listOf(action({ problems: [{}] }))],
  ["an approval that is a text", listOf(action({ needsApproval: "no" }))],
])("T27: quater refuses a remote's document of actions with %s with exit code 78, and sends no call", async (_, body) => {
  await using server = await scripted(
    (_req, res) =>
      void res.writeHead(200, { "content-type": "application/json" }).end(typeof body === "string" ? body : JSON.stringify(body)),
  );
  using ana = victim(server.url);
  for (const line of [...asked, "actions describe pay --remote prod", "remote add other URL".replace("URL", server.url)])
    for (const isTerminal of [false, true]) expect((await ana.type(line, { isTerminal })).code).toBe(78);
  expect(server.asked.every(({ line }) => line.startsWith("GET "))).toBe(true);
});

test("T27: quater refuses a remote's document that is nested a million levels deep with exit code 78", async () => {
  const deep = `${'{"a":'.repeat(500_000)}1${"}".repeat(500_000)}`;
  await using server = await scripted(
    (_, res) => void res.writeHead(200, { "content-type": "application/json" }).end(`{"protocol":"${protocol}","a":${deep}}`),
  );
  using ana = victim(server.url);
  expect((await ana.type("actions --remote prod")).code).toBe(78);
});

const failure = (error: object) =>
  json({ protocol, ok: false, error: { code: "conflict", kind: "conflict", message: "No", callId: "1", ...error } }, 409);
const approval = (details: object) =>
  failure({
    code: "approval_required",
    kind: "approval_required",
    details: { approval: { id: "apr_aaaaaaaaaaaaaaaaaaaa", ...details } },
  });

test.each([
  ["an envelope without ok", json({ protocol })],
  ["an envelope of another protocol", json({ protocol: "x", ok: true })],
  ["an unknown kind", failure({ kind: "fatal" })],
  ["a code with another kind", failure({ code: "not_found" })],
  ["a code with spaces", failure({ code: "rm -rf" })],
  ["a message that is an object", failure({ message: {} })],
  ["errors that are a text", failure({ errors: "x" })],
  ["an approval id with shell code", approval({ id: "apr_1; rm -rf ~" })],
  ["a link that is a script", approval({ url: "javascript:alert(1)" })],
  ["a link with escapes", approval({ url: "\u001b]8;;http://evil.example\u0007" })],
  ["an expiry that is a text", approval({ expiresAt: "soon\u001b[2J" })],
])("T27: quater refuses an answer of a remote with %s with exit code 78", async (_, answering) => {
  await using server = await scripted(listing(answering));
  using ana = victim(server.url);
  for (const isTerminal of [false, true]) expect((await ana.type(run, { isTerminal })).code).toBe(78);
});

test("T27: quater shows escapes in all texts that a remote sends, and the terminal does not execute them", async () => {
  const evil = "\u001b]0;owned\u0007\u001b[2J\u009b31m\u202e";
  const described = action({
    description: `Pays${evil}`,
    auth: evil,
    problems: [{ code: "sold_out" }],
    input: {
      type: "object",
      properties: {
        to: { type: "string", description: evil, default: evil, pattern: evil },
        [`x${evil}`]: { type: "string", enum: [evil] },
      },
    },
    needsApproval: true,
    requirement: { words: evil },
  });
  const lines =
    (...all: object[]) =>
    (_: unknown, res: import("node:http").ServerResponse) =>
      void res
        .writeHead(200, { "content-type": "application/x-ndjson" })
        .end(all.map((line) => `${JSON.stringify(line)}\n`).join(""));
  const end = { protocol, ok: true, callId: "1" };
  const answers = [
    json({ ...end, value: evil }),
    json({ ...end, value: { [evil]: evil } }),
    json({ ...end, value: [{ a: evil }, { a: evil }] }),
    lines({ progress: { fraction: 0.5, message: evil } }, { item: evil }, { item: { [evil]: evil } }, end),
    failure({ message: evil, details: { [evil]: evil }, errors: [{ path: evil, message: evil }], callId: evil }),
    approval({ url: `https://shop.example/${encodeURIComponent(evil)}` }),
  ];
  await using server = await scripted(() => {});
  using ana = victim(server.url);
  for (const answering of answers) {
    server.answer(listing(answering, described));
    await ana.type(run, { isTerminal: true }); // `type` throws for escapes
  }
  for (const line of [
    "actions --remote prod",
    "actions describe pay --remote prod",
    "actions search pays --remote prod",
    "--remote prod run pay --help",
  ])
    expect((await ana.type(line, { isTerminal: true })).code).toBe(0);
  server.answer(
    lines(
      { item: { write: `${evil}\n` } },
      { item: { say: evil } },
      { item: { show: [{ a: evil }] } },
      { ...end, value: { code: 0 } },
    ),
  );
  expect((await ana.type("audit tail --remote prod", { isTerminal: true })).code).toBe(0);
});

test.each([
  ["text that is not JSON for a program", [{ item: { write: "rm -rf ~\n" } }]],
  ["an unknown output", [{ item: { run: "x" } }]],
  ["a value without output", [{ item: 5 }]],
  ["an exit code that is a text", [{ protocol, ok: true, callId: "1", value: { code: "0" } }]],
  ["an exit code of 300", [{ protocol, ok: true, callId: "1", value: { code: 300 } }]],
  ["an unknown line", [{ exec: "x" }]],
])("T27: a quater command that reads from a remote refuses %s with exit code 78", async (_, all) => {
  await using server = await scripted(
    (_req, res) =>
      void res
        .writeHead(200, { "content-type": "application/x-ndjson" })
        .end(all.map((line) => `${JSON.stringify(line)}\n`).join("")),
  );
  using ana = victim(server.url);
  expect((await ana.type("audit tail --remote prod")).code).toBe(78);
});

test("T27: quater prints a warning beside a remote's approval link to another host", async () => {
  await using server = await scripted(listing(approval({ url: "https://evil.example/approvals/1" })));
  using ana = victim(server.url);
  expect(await ana.type(run, { isTerminal: true })).toMatchObject({
    code: 75,
    err: expect.stringContaining('The link leads to "https://evil.example", which is not the host of the remote prod'),
  });
  server.answer(listing(approval({ url: `${server.url}/approvals/1` })));
  expect((await ana.type(run, { isTerminal: true })).err).not.toContain("The link leads to");
});

test("T27: quater sends no variable of the user's environment to a remote, except the secrets of the action", async () => {
  const input = { type: "object", properties: { to: { type: "string" }, pin: { type: "string", "x-quater-secret": true } } };
  await using server = await scripted(listing(json({ protocol, ok: true, callId: "1" }), action({ input })));
  using ana = victim(server.url);
  await ana.type(run, {
    env: { QUATER_TOKEN: "local-token", QUATER_INPUT_PIN: "1234", QUATER_INPUT_CARD: "4242", PATH: "/bin" },
  });
  const sent = JSON.stringify(server.asked);
  expect(sent).toContain("1234");
  expect(sent).not.toMatch(/local-token|4242|\/bin/);
});

test.each([
  ["HTML with 502", 502, "text/html", 69],
  ["HTML with 200", 200, "text/html", 78],
  ["HTML with 404", 404, "text/html", 78],
  ["problem details with 421", 421, "application/problem+json", 78],
  ["problem details with 503", 503, "application/problem+json", 69],
])("quater refuses an answer of a server that is not a Quater server: %s", async (_, status, type, code) => {
  await using server = await scripted(
    (_req, res) => void res.writeHead(status, { "content-type": type }).end('{"detail":"Go away\\u001b[2J"}'),
  );
  using ana = victim(server.url);
  expect((await ana.type("actions --remote prod", { isTerminal: true })).code).toBe(code);
  expect((await ana.type(`remote add other ${server.url}`)).code).toBe(code);
});
