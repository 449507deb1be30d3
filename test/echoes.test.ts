// What a caller sends comes back in errors, headers, log lines and events. Each place where that happens is tried here with
// 15 kB of text: nothing that a caller gets, and nothing that is stored, may grow with it.

import { request } from "node:http";
import { join } from "node:path";
import { authenticated, conflict, handler, invalid, notFound, Type } from "quater";
import { approvalsRef } from "quater/approval";
import { httpRef } from "quater/http";
import { approval, http, mcp } from "quater/plugins";
import { principal, type TestApp, tokens } from "quater/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { bootWithTrail, eventsIn, tempFolder } from "./plugins/audit/kit.ts";
import { quater } from "./plugins/cli/kit.ts";

const long = "x".repeat(15_000);
/** In characters; an answer names the place, what is wrong there, and what to do. */
const mostAnswer = 8_000;
const mostEvent = 2_000;
const mostLine = 2_000;

const people = {
  ana: principal({ subject: "ana", roles: ["finance"] }),
  // What a foreign issuer may put into its tokens.
  eve: principal({ subject: `eve-${long}`, credential: `jwt:${long}`, issuer: `https://${long}` }),
};

const input = Type.Object({ id: Type.String(), count: Type.Optional(Type.Integer()), more: Type.Optional(Type.Object({})) });
const read = { description: "Looks.", effect: "read" as const, input, auth: authenticated };
const handlers = {
  look: handler({ ...read, handle: ({ id }) => ({ id: id.length }) }),
  missing: handler({ ...read, handle: ({ id }) => notFound("order", id) }),
  clash: handler({ ...read, handle: ({ id }) => conflict(`The order ${id} is paid`) }),
  wrong: handler({ ...read, handle: ({ id }) => invalid(`/${id}`, `must not be ${id}`) }),
  told: handler({ ...read, auth: ({ input: { id } }) => `You may not see ${id}`, handle: () => ({}) }),
  breaks: handler({
    ...read,
    handle: ({ id }) => {
      throw new Error(`no ${id}`, { cause: new Error(id) });
    },
  }),
};

const folder = tempFolder();
let app: TestApp;
let base: string;

beforeAll(async () => {
  app = await bootWithTrail({
    root: folder.root,
    handlers,
    expose: Object.fromEntries(Object.keys(handlers).map((name) => [name, { http: `POST /${name}`, mcp: true }])),
    plugins: [
      http({ port: 0, authenticate: tokens(people), trustedProxies: ["127.0.0.1"] }),
      mcp({ authenticate: tokens(people) }),
      approval({ authenticate: tokens(people), policies: { finance: { approvers: [{ role: "finance" }] } } }),
    ],
  });
  base = app.services.get(httpRef).baseUrl ?? "";
  expect(app.services.get(approvalsRef)).toBeDefined();
});

afterAll(async () => {
  await app.stop();
  // The counts of refusals are written at the stop: this is the whole trail.
  const sizes = eventsIn(folder.root).map(({ row }) => row.meta.length + (row.body?.length ?? 0));
  expect(sizes.length).toBeGreaterThan(10);
  expect(Math.max(...sizes)).toBeLessThan(mostEvent);
  folder[Symbol.dispose]();
});

interface Sent {
  readonly method?: string;
  readonly path?: string;
  readonly headers?: Readonly<Record<string, string>>;
  readonly body?: string;
}

const send = ({ method = "POST", path = "/look", headers = {}, body }: Sent): Promise<{ status: number; text: string }> =>
  new Promise((resolve, reject) => {
    const type = body === undefined ? {} : { "content-type": "application/json" };
    const to = request(`${base}${path}`, { method, headers: { ...type, ...headers } }, (response) => {
      const head = response.rawHeaders.join("\n");
      let text = "";
      response.setEncoding("utf8").on("data", (part: string) => {
        text += part;
      });
      response.on("end", () => resolve({ status: response.statusCode ?? 0, text: `${head}\n${text}` }));
    });
    to.on("error", reject);
    to.end(body);
  });

const ana = { authorization: "Bearer ana" };
const eve = { authorization: "Bearer eve" };
const json = (value: unknown): string => JSON.stringify(value);
const many = Object.fromEntries(Array.from({ length: 500 }, (_, n) => [`${"field".repeat(20)}${n}`, 1]));
/** Each character is written as eight. */
const unseen = "\u200b".repeat(5_000);

const overHttp: Readonly<Record<string, Sent>> = {
  "an unknown path": { path: `/${long}`, headers: ana },
  "a path that cannot be seen": { path: `/${encodeURIComponent("\u200b".repeat(1_500))}`, headers: ana },
  "a dry run without a credential": { path: `/__quater__/dry-run/${long}`, body: "{}" },
  "a dry run of an unknown handler": { path: `/__quater__/dry-run/${long}`, headers: ana, body: "{}" },
  "a dry run by a long name": { path: "/__quater__/dry-run/nothing", headers: eve, body: "{}" },
  "a long subject": { headers: eve, body: json({ id: 5 }) },
  "a name in the query": { path: `/look?${long}=1`, headers: ana, body: json({ id: "a" }) },
  "a value in the query": { path: `/look?count=${long}`, headers: ana, body: json({ id: "a" }) },
  "a repeated name in the query": { path: `/look?${long.slice(0, 7_000)}=1&${long.slice(0, 7_000)}=2`, headers: ana, body: "{}" },
  "an unknown field": { headers: ana, body: json({ id: "a", [long]: 1 }) },
  "an unknown field that cannot be seen": { headers: ana, body: json({ id: "a", [unseen]: 1 }) },
  "an unknown field of quotes": { headers: ana, body: json({ id: "a", ['"'.repeat(15_000)]: 1 }) },
  "a field inside of a field": { headers: ana, body: json({ id: "a", more: { [long]: 1 } }) },
  "five hundred unknown fields": { headers: ana, body: json({ id: "a", ...many }) },
  "a value of the wrong type": { headers: ana, body: json({ id: "a", count: long }) },
  "a key that is given twice": { headers: ana, body: `{"${long}":1,"${long}":2}` },
  "a forbidden key under a long one": { headers: ana, body: `{"${long}":{"__proto__":1}}` },
  "a number under a long key": { headers: ana, body: `{"${long}":1e999}` },
  "text that is not JSON": { headers: ana, body: long },
  "a type of content": { headers: { ...ana, "content-type": `text/${long}` }, body: "{}" },
  "an encoding of content": { headers: { ...ana, "content-encoding": long }, body: "{}" },
  "a host": { headers: { ...ana, host: long }, body: "{}" },
  "an origin": { headers: { ...ana, origin: `https://${long}` }, body: "{}" },
  "a credential": { headers: { authorization: `Bearer ${long}` }, body: "{}" },
  "a scheme of credentials": { headers: { authorization: `${long} a` }, body: "{}" },
  "an approval's id": { headers: { ...ana, "quater-approval": long }, body: "{}" },
  "a trace": { headers: { traceparent: `00-${long}`, "x-forwarded-for": long }, body: "{}" },
  "what was not found": { path: "/missing", headers: ana, body: json({ id: long }) },
  "what was not found and cannot be seen": { path: "/missing", headers: ana, body: json({ id: unseen }) },
  "a sentence of a handler": { path: "/clash", headers: ana, body: json({ id: long }) },
  "a place that a handler names": { path: "/wrong", headers: ana, body: json({ id: long }) },
  "a sentence of a policy": { path: "/told", headers: ana, body: json({ id: long }) },
  "an error of a handler": { path: "/breaks", headers: ana, body: json({ id: long }) },
  "a request for approval": { method: "GET", path: `/__quater__/approvals/${long}`, headers: ana },
  "a page": { method: "GET", path: `/approvals/${long}`, headers: ana },
  "a page to come back to": { method: "GET", path: `/approvals/sign-in?next=/approvals/${long}` },
  "a state of requests": { method: "GET", path: `/approvals/api/requests?state=${long}`, headers: ana },
  "a name in the query of the approvals": { method: "GET", path: `/approvals/api/requests?${long}=1`, headers: ana },
  "a field of a vote": { path: `/approvals/api/requests/apr_${"a".repeat(20)}/votes`, headers: ana, body: json({ [long]: 1 }) },
};

test.each(Object.entries(overHttp))(
  "S8: an HTTP response to a request with a very long value stays short: %s",
  async (_what, sent) => {
    const before = app.log.length;
    const { status, text } = await send(sent);
    expect(status).toBeGreaterThanOrEqual(200);
    expect({ length: text.length < mostAnswer || text.slice(0, 400) }).toEqual({ length: true });
    for (const line of app.log.slice(before)) {
      const { error, ...fields } = line.fields;
      expect(json({ ...line, fields }).length).toBeLessThan(mostLine);
      expect(String(error ?? "").length).toBeLessThan(8 * 8_192 + 1_000);
    }
  },
);

const call = (params: object, id: unknown = 1): string => json({ jsonrpc: "2.0", id, method: "tools/call", params });

const overMcp: Readonly<Record<string, string>> = {
  "an unknown tool": call({ name: long, arguments: {} }),
  "an unknown tool that cannot be seen": call({ name: unseen, arguments: {} }),
  "an unknown method": json({ jsonrpc: "2.0", id: 1, method: long }),
  "an id": json({ jsonrpc: "2.0", id: long, method: "ping" }),
  "an id of a malformed message": `{"jsonrpc":"2.0","id":"${long}","id":"${long}"}`,
  "a progress token": call({ name: "look", arguments: { id: "a" }, _meta: { progressToken: long } }),
  "an approval": call({ name: "look", arguments: { id: "a" }, _meta: { "quater/approval": { id: long } } }),
  "a trace": call({ name: "look", arguments: { id: 5 }, _meta: { traceparent: long } }),
  "an unknown argument": call({ name: "look", arguments: { id: "a", [long]: 1 } }),
  "five hundred unknown arguments": call({ name: "look", arguments: { id: "a", ...many } }),
  "arguments with a key twice": `{"jsonrpc":"2.0","id":1,"method":"tools/call","params":{"name":"look","arguments":{"${long}":1,"${long}":1}}}`,
  "a version": json({
    jsonrpc: "2.0",
    id: 1,
    method: "initialize",
    params: { protocolVersion: long, capabilities: {}, clientInfo: { name: long, version: "1" } },
  }),
  "what was not found": call({ name: "missing", arguments: { id: long } }),
  "a sentence of a handler": call({ name: "clash", arguments: { id: long } }),
  "a sentence of a policy": call({ name: "told", arguments: { id: long } }),
};

test.each(Object.entries(overMcp))(
  "S8: an MCP response to a request with a very long value stays short: %s",
  async (_what, body) => {
    const accept = "application/json, text/event-stream";
    const { text } = await send({ path: "/mcp", headers: { ...ana, accept }, body });
    expect({ length: text.length < mostAnswer || text.slice(0, 400) }).toEqual({ length: true });
  },
);

test("S8: an MCP error about headers that disagree with the body does not repeat the headers", async () => {
  const headers = { ...ana, accept: "application/json, text/event-stream", "mcp-protocol-version": long };
  const { text } = await send({ path: "/mcp", headers, body: call({ name: "look", arguments: { id: "a" } }) });
  expect(text.length).toBeLessThan(mostAnswer);
});

const typed: Readonly<Record<string, readonly string[]>> = {
  "a command": [long],
  "a command of a family": ["audit", long],
  "a flag": [`--${long}`],
  "a flag with one dash": ["run", `-${long}`],
  "an action": ["run", long],
  "a flag of an action": ["run", "greet", `--${long}`, "1"],
  "a flag of a command": ["exposure", `--${long}`],
  "a word": ["exposure", long],
  "a value": ["run", "greet", "--name", "a", "--times", long],
  "a file": ["run", "greet", "--input", join("/nowhere", long.slice(0, 200))],
};

test.each(Object.entries(typed))("S8: an error on the terminal for a very long argument stays short: %s", async (_what, argv) => {
  for (const more of [[], ["--json"]]) {
    const { out, err, code } = await quater([...argv, ...more]);
    expect(code).not.toBe(0);
    expect({ length: out.length + err.length < mostAnswer || err.slice(0, 400) }).toEqual({ length: true });
  }
});
