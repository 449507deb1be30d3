// Every state of a token on every surface that takes tokens: status, challenge and code.

import { generateKeyPair } from "jose";
import { can, handler, Type } from "quater";
import { jwt } from "quater/auth";
import { http, httpRef } from "quater/http";
import { mcp } from "quater/mcp";
import { bootTest, principal, type TestApp } from "quater/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { AudienceCheck } from "../../../../plugins/mcp/authorization/audience.ts";
import { callText, post, session } from "../shop.ts";
import { type AuthorizationServer, authorizationServer } from "./authorization-server.ts";

const site = "https://shop.example";
const resource = `${site}/mcp`;
const metadata = `resource_metadata="${site}/.well-known/oauth-protected-resource/mcp"`;
const other = await generateKeyPair("ES256");
const input = Type.Object({});
const handlers = {
  read: handler({
    description: "Reads.",
    effect: "read",
    input,
    auth: can("read"),
    handle: (_, { principal }) => principal.kind,
  }),
  write: handler({ description: "Writes.", effect: "write", input, auth: can("write"), handle: () => "done" }),
};
const expose = { read: { http: "POST /read", mcp: true }, write: { http: "POST /write", mcp: true } } as const;

let server: AuthorizationServer;
let app: TestApp;
beforeAll(async () => {
  server = await authorizationServer();
  const { issuer, jwks } = server;
  app = await bootTest({
    handlers,
    expose,
    plugins: [
      http({ port: 0, publicUrl: site, authenticate: jwt({ issuer, jwks, audience: site }) }),
      mcp({ authenticate: jwt({ issuer, jwks, audience: resource }), authorization: { servers: [issuer] } }),
    ],
  });
});
afterAll(async () => {
  await app.stop();
  await server[Symbol.asyncDispose]();
});

interface State {
  readonly name: string;
  readonly token: () => Promise<string | undefined> | string | undefined;
  readonly tool?: keyof typeof handlers;
  /** Status, challenge and code over an HTTP route, over MCP with HTTP, and the code over MCP with stdio. */
  readonly expected: readonly [http: Answer, mcp: Answer, stdio: string];
}
type Answer = readonly [status: number, challenge: string | null, code: string];

const hour = 3_600;
const now = () => Math.floor(Date.now() / 1_000);
/** A token for both surfaces, with changes. */
const token = (changes: object = {}) => server.sign({ aud: [site, resource], scope: "read", ...changes });

const refused: State["expected"] = [
  [401, 'Bearer error="invalid_token"', "invalid_token"],
  [401, `Bearer error="invalid_token", ${metadata}, scope="read"`, "invalid_token"],
  "invalid_token",
];
const accepted: Answer = [200, null, "ok"];

const states: readonly State[] = [
  {
    name: "no token",
    token: () => undefined,
    expected: [
      [401, "Bearer", "unauthenticated"],
      [401, `Bearer ${metadata}, scope="read"`, "unauthenticated"],
      "unauthenticated",
    ],
  },
  { name: "a malformed token", token: () => "not.a.token", expected: refused },
  { name: "a token with a space", token: () => "a b", expected: refused },
  { name: "an API key", token: () => "qk_abc", expected: refused },
  { name: "an expired token", token: () => token({ exp: now() - hour }), expected: refused },
  { name: "a token that is not valid yet", token: () => token({ nbf: now() + hour }), expected: refused },
  { name: "a token of another issuer", token: () => token({ iss: "https://login.other.example" }), expected: refused },
  { name: "a token for another service", token: () => token({ aud: "https://other.example" }), expected: refused },
  { name: "a token without an audience", token: () => token({ aud: undefined }), expected: refused },
  {
    name: "a token with a wrong signature",
    token: () => server.sign({ aud: [site, resource], scope: "read" }, other.privateKey),
    expected: refused,
  },
  { name: "a token for the HTTP routes", token: () => token({ aud: site }), expected: [accepted, refused[1], refused[2]] },
  { name: "a token for the MCP server", token: () => token({ aud: resource }), expected: [refused[0], accepted, "ok"] },
  {
    name: "a token for a URL that begins like the MCP server",
    token: () => token({ aud: `${resource}/other` }),
    expected: refused,
  },
  {
    name: "a token without the scope",
    token: () => token(),
    tool: "write",
    expected: [
      [403, 'Bearer error="insufficient_scope", scope="write"', "missing_scope"],
      [403, `Bearer error="insufficient_scope", scope="read write", ${metadata}`, "missing_scope"],
      "missing_scope",
    ],
  },
  { name: "a good token", token: () => token(), expected: [accepted, accepted, "ok"] },
];

const overRoute = async (tool: string, token: string | undefined): Promise<Answer> => {
  const response = await fetch(`${app.services.get(httpRef).baseUrl}/${tool}`, {
    method: "POST",
    headers: { "content-type": "application/json", ...(token === undefined ? {} : { authorization: `Bearer ${token}` }) },
    body: "{}",
  });
  const body = (await response.json()) as string | { readonly code: string };
  const challenge = response.headers.get("www-authenticate");
  return [response.status, challenge, typeof body === "string" ? "ok" : body.code];
};

type Rpc = Awaited<ReturnType<typeof post>>["rpc"];
const codeOf = ({ error, result }: Rpc): string => error?.data?.code ?? result?._meta?.["quater/error"]?.code ?? "ok";

const overMcp = async (tool: string, token: string | undefined): Promise<Answer> => {
  const { response, rpc } = await post(app, callText(tool), token === undefined ? {} : { authorization: `Bearer ${token}` });
  return [response.status, response.headers.get("www-authenticate"), codeOf(rpc)];
};

/** A call of revision 2026-07-28. */
const overModernMcp = async (tool: string, token: string | undefined): Promise<Answer> => {
  const version = "2026-07-28";
  const meta = { "io.modelcontextprotocol/protocolVersion": version, "io.modelcontextprotocol/clientCapabilities": {} };
  const body = callText(tool, "{}", `,"_meta":${JSON.stringify(meta)}`);
  const headers = { "mcp-protocol-version": version, "mcp-method": "tools/call", "mcp-name": tool };
  const { response, rpc } = await post(app, body, {
    ...headers,
    ...(token === undefined ? {} : { authorization: `Bearer ${token}` }),
  });
  return [response.status, response.headers.get("www-authenticate"), codeOf(rpc)];
};

const overStdio = async (tool: string, token: string | undefined): Promise<string> => {
  const { write, next, end } = session(app, token);
  write(callText(tool));
  const code = codeOf(await next());
  await end();
  return code;
};

describe.each(states)("$name", ({ token, tool = "read", expected: [http, mcp, stdio] }) => {
  test("an HTTP route answers a call with a token in this state with the expected status and error code", async () =>
    expect(await overRoute(tool, await token())).toEqual(http));
  test("MCP over HTTP answers a call with a token in this state with the expected status and error code", async () =>
    expect(await overMcp(tool, await token())).toEqual(mcp));
  test("MCP of revision 2026-07-28 answers a call with a token in this state like the older MCP revisions", async () =>
    expect(await overModernMcp(tool, await token())).toEqual(mcp));
  test("MCP over stdio answers a call with a token in this state with the expected error code", async () =>
    expect(await overStdio(tool, await token())).toBe(stdio));
});

test("tools/list contains a tool with missing scopes over HTTP, but not over stdio, where nobody can sign in", async () => {
  const good = await token();
  const list = '{"jsonrpc":"2.0","id":1,"method":"tools/list"}';
  const namesIn = ({ result }: Rpc) => result?.tools?.map(({ name }) => name);
  expect(namesIn((await post(app, list, { authorization: `Bearer ${good}` })).rpc)).toEqual(["read", "write"]);
  const { write, next, end } = session(app, good);
  write(list);
  expect(namesIn(await next())).toEqual(["read"]);
  await end();
});

test("the MCP server does not read a token in the query of the URL", async () => {
  const { baseUrl } = app.services.get(httpRef);
  const headers = { "content-type": "application/json", accept: "application/json, text/event-stream" };
  const response = await fetch(`${baseUrl}/mcp?access_token=${await token()}`, {
    method: "POST",
    headers,
    body: callText("read"),
  });
  expect([response.status, response.headers.get("www-authenticate")]).toEqual([401, `Bearer ${metadata}, scope="read"`]);
});

test("over MCP, every caller with a token is an agent", async () => {
  const { rpc } = await post(app, callText("read"), { authorization: `Bearer ${await token()}` });
  expect(rpc.result?.content?.[0]?.text).toContain("agent");
});

test.each(["https://login.shop.example", "https://login.shop.example/", "https://Login.shop.example"])(
  "a token of the issuer %s needs the audience of the MCP server, however mcp() writes the issuer",
  (issuer) => {
    const check = new AudienceCheck({ servers: ["https://login.shop.example/"] });
    check.set("https://shop.example");
    const holder = (aud: string | readonly string[]) => principal({ issuer, claims: { aud } });
    expect(() => check.check(holder("https://other.example"))).toThrow("made for another service");
    expect(() => check.check(holder(["https://other.example", "https://shop.example/mcp"]))).not.toThrow();
  },
);
