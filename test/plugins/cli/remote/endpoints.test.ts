// The server side of `--remote`: who gets the document and may call, what an answer has, and what the trail says.

import { request } from "node:http";
import { can, file, handler, stream, Type } from "quater";
import { httpRef } from "quater/http";
import { isBootError } from "quater/plugin-api";
import { apiKeys, audit, cli, firstOf, http, localUser, store } from "quater/plugins";
import { bootTest, principal, tokens } from "quater/testing";
import { expect, test } from "vitest";
import { eventsIn, tempFolder } from "../../audit/kit.ts";

const document = "/.well-known/quater-actions.json";
const call = "/__quater__/actions/call";
const protocol = "quater-actions.v2";

const ana = principal({ subject: "ana", scopes: ["pay", "remote:run"] });
const authenticate = tokens({
  ana,
  bob: principal({ subject: "bob", scopes: ["pay"] }),
  eve: principal({ scopes: ["remote:run"] }),
});

const pay = handler({
  description: "Pays somebody.",
  effect: "write",
  input: Type.Object({ cents: Type.Integer({ minimum: 1 }) }),
  auth: can("pay"),
  handle: ({ cents }) => ({ paid: cents }),
});
const steps = handler({
  description: "Works in steps.",
  effect: "read",
  input: Type.Object({}),
  output: stream(Type.Object({ n: Type.Integer() })),
  auth: can("pay"),
  async *handle(_, { progress }) {
    progress(0.5, "half");
    yield { n: 1 };
  },
});

const boot = (root: string, { allowedOrigins = [] as string[] } = {}) =>
  bootTest({
    root,
    handlers: { pay, steps },
    expose: { pay: { cli: true, http: "POST /payments" }, steps: { cli: true } },
    plugins: [http({ port: 0, authenticate, allowedOrigins }), cli({ remote: { authenticate } }), store(), audit()],
  });

const asking =
  (baseUrl: string | undefined, token: string | undefined) =>
  (path: string, body?: object, headers = {}) =>
    fetch(`${baseUrl}${path}`, {
      method: body === undefined ? "GET" : "POST",
      headers: {
        ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
        ...(body === undefined ? {} : { "content-type": "application/json" }),
        ...headers,
      },
      ...(body === undefined ? {} : { body: JSON.stringify(body) }),
    });

const parts = (values: object) => [{ from: "input", isText: false, values }];

test("the actions document for remotes lists what the caller may run, and needs the scope remote:run", async () => {
  using folder = tempFolder();
  await using app = await boot(folder.root);
  const url = app.services.find(httpRef)?.baseUrl;
  const seen = await (await asking(url, "ana")(document)).json();
  expect(seen).toMatchObject({
    protocol,
    service: { name: "test" },
    actions: [{ name: "pay", effect: "write" }, { name: "steps" }],
  });
  expect(await (await asking(url, "eve")(document)).json()).toMatchObject({ actions: [] });
  const bob = await asking(url, "bob")(document);
  expect([bob.status, await bob.json()]).toEqual([
    403,
    { protocol, ok: false, error: expect.objectContaining({ code: "missing_scope", details: { scopes: ["remote:run"] } }) },
  ]);
  const nobody = await asking(url, undefined)(document);
  expect([nobody.status, nobody.headers.get("www-authenticate"), await nobody.json()]).toEqual([
    401,
    "Bearer",
    { protocol, ok: false, error: expect.objectContaining({ code: "unauthenticated", kind: "unauthenticated" }) },
  ]);
});

test("the trail records a remote call on the surface cli with the mark remote, also when the call is refused", async () => {
  using folder = tempFolder();
  await using app = await boot(folder.root);
  const url = app.services.find(httpRef)?.baseUrl;
  const paid = await asking(url, "ana")(call, { protocol, action: "pay", parts: parts({ cents: 5 }) });
  expect([paid.status, await paid.json()]).toEqual([200, { protocol, ok: true, callId: expect.any(String), value: { paid: 5 } }]);
  const wrong = await asking(url, "ana")(call, { protocol, action: "pay", parts: parts({ cents: 0 }) });
  expect([wrong.status, await wrong.json()]).toEqual([
    422,
    { protocol, ok: false, error: expect.objectContaining({ code: "invalid_input", kind: "invalid_input" }) },
  ]);
  await asking(url, "bob")(call, { protocol, action: "pay", parts: parts({ cents: 5 }) });
  await asking(url, "nobody")(call, { protocol, action: "pay", parts: parts({ cents: 5 }) });
  await app.stop();
  const events = eventsIn(folder.root).filter(({ meta }) => /^(?:call|credential)/.test(meta.type));
  expect(events.map(({ meta }) => [meta.type, meta.surface, meta.remote, meta.errorCode, meta.principal?.subject])).toEqual([
    ["call.started", "cli", true, undefined, "ana"],
    ["call.ended", "cli", true, undefined, "ana"],
    ["call.refused", "cli", true, "invalid_input", "ana"],
    ["call.refused", "cli", true, "missing_scope", "bob"],
    ["credential.failed", "cli", true, "invalid_token", undefined],
  ]);
});

test("the server sends items and progress of a remote call as lines, and sends the envelope as the last line", async () => {
  using folder = tempFolder();
  await using app = await boot(folder.root);
  const answer = await asking(app.services.find(httpRef)?.baseUrl, "ana")(call, { protocol, action: "steps", parts: [] });
  expect(answer.headers.get("content-type")).toBe("application/x-ndjson");
  const lines = (await answer.text()).trim().split("\n");
  expect(lines.map((line) => JSON.parse(line) as unknown)).toEqual([
    { progress: { fraction: 0.5, message: "half" } },
    { item: { n: 1 } },
    { protocol, ok: true, callId: answer.headers.get("x-request-id") },
  ]);
});

test.each([
  ["an allowed origin", { origin: "https://app.example" }],
  ["the metadata of a browser", { "sec-fetch-site": "same-origin" }],
])("the endpoints for remotes refuse a request with %s, and no handler runs", async (_, headers) => {
  using folder = tempFolder();
  await using app = await boot(folder.root, { allowedOrigins: ["https://app.example"] });
  const url = new URL(app.services.find(httpRef)?.baseUrl ?? "");
  // fetch would not send these headers as they are.
  const status = await new Promise((resolve) => {
    const sent = request(new URL(call, url), {
      method: "POST",
      headers: { authorization: "Bearer ana", "content-type": "application/json", ...headers },
    });
    sent.on("response", (response) => resolve(response.resume().statusCode));
    sent.end(JSON.stringify({ protocol, action: "pay", parts: parts({ cents: 5 }) }));
  });
  expect(status).toBe(403);
});

test.each([
  ["another media type", { headers: { "content-type": "text/plain" } }],
  ["another protocol", { body: { protocol: "quater-actions.v1", action: "pay", parts: [] } }],
  ["no protocol", { body: { action: "pay", parts: [] } }],
  ["an unknown field", { body: { protocol, action: "pay", parts: [], principal: { subject: "root" } } }],
  ["an unknown source", { body: { protocol, action: "pay", parts: [{ from: "path", isText: false, values: {} }] } }],
  ["a number as text", { body: { protocol, action: "pay", parts: [{ from: "flags", isText: true, values: { cents: 5 } }] } }],
  ["a malformed approval", { body: { protocol, action: "pay", parts: [], approvalId: "apr 1" } }],
  ["a list as body", { body: [] }],
])(
  "the endpoints for remotes refuse a call with %s with the error code invalid_input",
  async (_, { headers = {}, body }: { headers?: object; body?: object }) => {
    using folder = tempFolder();
    await using app = await boot(folder.root);
    const sent = body ?? { protocol, action: "pay", parts: parts({ cents: 5 }) };
    const answer = await asking(app.services.find(httpRef)?.baseUrl, "ana")(call, sent, headers);
    expect([answer.status, await answer.json()]).toEqual([
      422,
      { protocol, ok: false, error: expect.objectContaining({ code: "invalid_input" }) },
    ]);
  },
);

test("a request of a known caller that is not valid is recorded", async () => {
  using folder = tempFolder();
  await using app = await boot(folder.root);
  const url = app.services.find(httpRef)?.baseUrl ?? "";
  const send = async (path: string, body: string, type = "application/json") =>
    (
      await fetch(`${url}${path}`, {
        method: "POST",
        headers: { authorization: "Bearer ana", "content-type": type },
        body,
      })
    ).status;
  const valid = JSON.stringify({ protocol, action: "pay", parts: parts({ cents: 5 }) });
  expect(await send(call, "{")).toBe(400);
  expect(await send(call, valid, "text/plain")).toBe(422);
  expect(await send(call, JSON.stringify({ protocol, action: "pay", parts: [], more: "x".repeat(1_100_000) }))).toBe(413);
  expect(await send("/__quater__/actions/read", '{"a":1,"a":2}')).toBe(400);
  await app.stop();
  const refused = eventsIn(folder.root).filter(({ meta }) => meta.type === "call.refused");
  expect(refused.map(({ meta }) => [meta.errorCode, meta.principal?.subject, meta.remote])).toEqual([
    ["json_invalid", "ana", true],
    ["invalid_input", "ana", true],
    ["too_large", "ana", true],
    ["json_duplicate_key", "ana", true],
  ]);
});

test("a call with a file finds no hidden handler, and its refusal is recorded", async () => {
  using folder = tempFolder();
  const scan = (auth: ReturnType<typeof can>) =>
    handler({
      description: "Reads a scan.",
      effect: "write",
      input: Type.Object({ scan: file({ mediaTypes: ["image/png"], maxBytes: 1000 }) }),
      auth,
      handle: () => 1,
    });
  await using app = await bootTest({
    root: folder.root,
    handlers: { onHttp: scan(can("pay")), forOthers: scan(can("scan")), open: scan(can("pay")) },
    expose: { onHttp: { http: "POST /scans" }, forOthers: { cli: true }, open: { cli: true } },
    plugins: [http({ port: 0, authenticate }), cli({ remote: { authenticate } }), store(), audit()],
  });
  const url = app.services.find(httpRef)?.baseUrl;
  const answers = ["onHttp", "nothing", "forOthers", "open"].map(async (action) => {
    const answer = await asking(url, "ana")(call, { protocol, action, parts: parts({ scan: "x" }) });
    const { error } = (await answer.json()) as { error: { code: string } };
    return [action, answer.status, error.code];
  });
  expect(await Promise.all(answers)).toEqual([
    ["onHttp", 404, "unknown_handler"],
    ["nothing", 404, "unknown_handler"],
    ["forOthers", 403, "missing_scope"],
    ["open", 422, "invalid_input"],
  ]);
  await app.stop();
  const refused = eventsIn(folder.root).filter(({ meta }) => meta.type === "call.refused" && meta.errorCode === "invalid_input");
  expect(refused.map(({ meta }) => [meta.handler, meta.remote])).toEqual([["open", true]]);
});

test("remote explain checks the input only for callers with the scopes and roles of the handler", async () => {
  await using app = await bootTest({
    handlers: { pay },
    expose: { pay: { cli: true } },
    plugins: [
      http({ port: 0 }),
      cli({
        remote: {
          authenticate: tokens({
            ana: principal({ scopes: ["pay", "remote:explain"] }),
            eve: principal({ scopes: ["remote:explain"] }),
          }),
        },
      }),
    ],
  });
  const explained = async (token: string) => {
    const input = { action: "pay", surface: "cli", parts: parts({ cents: 0, more: 1 }) };
    const answer = await asking(app.services.find(httpRef)?.baseUrl, token)("/__quater__/actions/read", {
      protocol,
      command: "explain",
      input,
      isJson: true,
    });
    const [line = ""] = (await answer.text()).split("\n");
    const { item } = JSON.parse(line) as { item: { show: { steps: { step: string; verdict: string; errors?: object[] }[] } } };
    return item.show.steps.filter(({ step }) => step === "rights" || step === "bind");
  };
  expect(await explained("ana")).toMatchObject([{ verdict: "passes" }, { verdict: "stops", errors: [{}, {}] }]);
  const eve = await explained("eve");
  expect(eve).toMatchObject([{ verdict: "stops", code: "missing_scope" }, { verdict: "skipped" }]);
  expect(JSON.stringify(eve)).not.toMatch(/cents|minimum|unknown/);
});

test("a token of a remote caller does not work for a local call, and QUATER_TOKEN does not work for a remote call", async () => {
  await using app = await bootTest({
    handlers: { pay },
    expose: { pay: { cli: true } },
    plugins: [http({ port: 0 }), cli({ authenticate: tokens({ local: ana }), remote: { authenticate: tokens({ far: ana }) } })],
  });
  const probe = (token: string) => app.acrossSurfaces({ handler: "pay", input: { json: '{"cents":5}' }, token }, ["cli"]);
  expect(await probe("local")).toMatchObject({ cli: { ok: true } });
  expect(await probe("far")).toMatchObject({ cli: { ok: false, code: "invalid_token" } });
  const url = app.services.find(httpRef)?.baseUrl;
  expect((await asking(url, "local")(document)).status).toBe(401);
  expect((await asking(url, "far")(document)).status).toBe(200);
});

test("without the cli() option remote, the server has no endpoints for remotes", async () => {
  await using app = await bootTest({
    handlers: { pay },
    expose: { pay: { cli: true } },
    plugins: [http({ port: 0 }), cli({ authenticate })],
  });
  const url = app.services.find(httpRef)?.baseUrl;
  for (const path of [document, call, "/__quater__/actions/read"]) expect((await asking(url, "ana")(path)).status).toBe(404);
});

test.each([
  ["localUser()", localUser(), "uses localUser(), but remote callers are not the user who started the server"],
  ["localUser() inside firstOf()", firstOf(apiKeys(), localUser()), "uses localUser()"],
])("boot refuses %s as the authenticator of remote callers", async (_, remote, cause) => {
  const booting = bootTest({
    handlers: { pay },
    expose: { pay: { cli: true } },
    plugins: [http({ port: 0 }), cli({ authenticate, remote: { authenticate: remote } })],
  });
  const error: unknown = await booting.catch((thrown: unknown) => thrown);
  expect(isBootError(error) && error.problems).toEqual([expect.objectContaining({ cause: expect.stringContaining(cause) })]);
});

test("boot refuses the cli() option remote without http()", async () => {
  const booting = bootTest({ handlers: { pay }, expose: { pay: { cli: true } }, plugins: [cli({ remote: { authenticate } })] });
  const error: unknown = await booting.catch((thrown: unknown) => thrown);
  expect(isBootError(error) && error.problems).toEqual([
    expect.objectContaining({
      cause: "cli() has the option remote, but http() is not configured, so no remote caller can reach the server",
    }),
  ]);
});
