// Login in a browser: the device authorization grant (RFC 8628), with an authorization server on a real socket.

import { anyone, handler, Type } from "quater";
import { jwt } from "quater/auth";
import { cli, http } from "quater/plugins";
import { bootTest } from "quater/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { change, knownRemotes } from "../../../../plugins/cli/remote/known.ts";
import { useLimits } from "../../../../plugins/cli/remote/requests.ts";
import { authorizationServer, freePort } from "../../mcp/oauth/authorization-server.ts";
import { quater } from "../kit.ts";
import { json, protocol, scripted, victim } from "./hostile-kit.ts";
import { userHome } from "./kit.ts";

let restore: () => void = () => {};
beforeAll(() => {
  restore = useLimits({ pollMs: 0 });
});
afterAll(() => restore());

const greet = handler({
  description: "Greets.",
  effect: "read",
  input: Type.Object({}),
  auth: anyone,
  handle: (_, { principal }) => `Hello ${principal.subject}`,
});

const shop = async () => {
  const login = await authorizationServer();
  const port = await freePort();
  const url = `http://127.0.0.1:${port}`;
  const app = await bootTest({
    handlers: { greet },
    expose: { greet: { cli: true } },
    plugins: [
      http({ port }),
      cli({
        remote: {
          authenticate: jwt({ issuer: login.issuer, audience: url, jwks: login.jwks }),
          login: { issuer: login.issuer, clientId: "quater-cli", scopes: ["remote:run"] },
        },
      }),
    ],
  });
  const home = userHome();
  const type = (line: string, isTerminal = false) => quater(line.split(" "), { env: home.env, isTerminal });
  await type(`remote add prod ${url}`);
  return {
    login,
    url,
    home,
    type,
    [Symbol.asyncDispose]: async () => {
      await app.stop();
      await login[Symbol.asyncDispose]();
      home[Symbol.dispose]();
    },
  };
};

test("quater remote login shows a code, waits for the browser, and stores a token only for this remote", async () => {
  await using here = await shop();
  const { code, out, err } = await here.type("remote login prod");
  expect({ code, out: JSON.parse(out) as object }).toEqual({ code: 0, out: { remote: "prod", url: here.url, isLoggedIn: true } });
  expect(err).toContain(
    `open this address of ${here.login.issuer} in a browser:\n  ${here.login.issuer}/confirm\nand confirm the code:\n  WDJB-MJHT\n`,
  );
  // RFC 8707: the audience is the URL that `remote add` got.
  expect(here.login.authorizations).toEqual([{ client_id: "quater-cli", scope: "remote:run", resource: here.url }]);
  expect(await here.type("--remote prod run greet")).toEqual({ code: 0, out: '"Hello ana"\n', err: "" });
  const stored = knownRemotes(here.home.env).get("prod");
  expect(Date.parse(stored?.expiresAt ?? "")).toBeGreaterThan(Date.now());
  expect((await here.type("remote list")).out).not.toContain(stored?.token);
});

test("quater does not send an expired token to a remote, and prints how to log in again", async () => {
  await using here = await shop();
  await here.type("remote login prod");
  const stored = knownRemotes(here.home.env).get("prod");
  if (stored === undefined) throw new Error("Not stored");
  change(here.home.env, "prod", { ...stored, expiresAt: "2020-01-01T00:00:00Z" });
  expect(await here.type("--remote prod run greet")).toEqual({
    code: 64,
    out: "",
    err: "quater: The token expired for the remote prod. Run quater remote login prod\n",
  });
  expect(JSON.parse((await here.type("remote list")).out)).toMatchObject([{ isLoggedIn: false }]);
});

test.each([
  ["access_denied", 64, "The login was refused in the browser"],
  ["expired_token", 64, "The code was not confirmed in time"],
  ["invalid_grant", 78, 'refused the login: "invalid_grant"'],
])("quater remote login that ends with %s exits with %i and stores no token", async (error, code, told) => {
  await using here = await shop();
  here.login.refuseDevices(error);
  const seen = await here.type("remote login prod");
  expect(seen).toMatchObject({ code, err: expect.stringContaining(told) });
  expect(knownRemotes(here.home.env).get("prod")?.token).toBeUndefined();
});

const asksFor = (issuer: string) =>
  json(
    {
      protocol,
      ok: false,
      error: { code: "unauthenticated", kind: "unauthenticated", message: "No", callId: "1" },
      login: { issuer, clientId: "x", scopes: ["y"] },
    },
    401,
  );

test.each([
  "http://login.example",
  "javascript:alert(1)",
  "https://user:pass@login.example",
  "https://login.example/?x",
  "\u001b[2J",
])("T27: quater remote login refuses a remote that names the authorization server %j with exit code 78", async (issuer) => {
  await using server = await scripted(asksFor(issuer));
  using ana = victim(server.url);
  expect((await ana.type("remote login prod", { isTerminal: true })).code).toBe(78);
});

const metadata = (issuer: string, more: object = {}) => ({
  issuer,
  device_authorization_endpoint: `${issuer}/device`,
  token_endpoint: `${issuer}/token`,
  ...more,
});
const device = {
  device_code: "d",
  user_code: "u",
  verification_uri: "https://login.example/confirm",
  expires_in: 60,
  interval: 0,
};
const evil = "\u001b[2J";

test.each<[string, (issuer: string, path: string) => unknown]>([
  ["another issuer", (issuer) => metadata(issuer, { issuer: "https://other.example" })],
  ["a token endpoint on another host", (issuer) => metadata(issuer, { token_endpoint: "https://other.example/token" })],
  ["no device endpoint", (issuer) => metadata(issuer, { device_authorization_endpoint: undefined })],
  [
    "a page that is a script",
    (issuer, path) => (path === "/device" ? { ...device, verification_uri: "javascript:1" } : metadata(issuer)),
  ],
  [
    "a page over http",
    (issuer, path) => (path === "/device" ? { ...device, verification_uri: "http://login.example/" } : metadata(issuer)),
  ],
  [
    "a page whose beginning looks like another host",
    (issuer, path) =>
      path === "/device" ? { ...device, verification_uri: "https://login.example@evil.example/" } : metadata(issuer),
  ],
  ["no code", (issuer, path) => (path === "/device" ? { ...device, user_code: 5 } : metadata(issuer))],
  [
    "a token with spaces",
    (issuer, path) =>
      path === "/token"
        ? { access_token: "a b", token_type: "Bearer" }
        : path === "/device"
          ? { ...device, user_code: evil }
          : metadata(issuer),
  ],
  [
    "a token of another type",
    (issuer, path) =>
      path === "/token" ? { access_token: "a", token_type: "mac" } : path === "/device" ? device : metadata(issuer),
  ],
])(
  "T27: quater remote login refuses an authorization server with %s with exit code 78, and stores no token",
  async (_, answers) => {
    await using login = await scripted((req, res) => json(answers(login.url, req.url ?? ""))(req, res));
    await using server = await scripted(asksFor(login.url));
    using ana = victim(server.url);
    expect((await ana.type("remote login prod", { isTerminal: true })).code).toBe(78);
    // The stored token of the remote never goes to the authorization server.
    expect(login.asked.every(({ authorization, body }) => authorization === undefined && !body.includes("s3cret"))).toBe(true);
  },
);

test("T27: quater remote login warns about a login page on another host, and prints the host in ASCII letters", async () => {
  const page = { ...device, verification_uri: "https://l\u043egin.example/confirm" };
  await using login = await scripted((req, res) =>
    json(
      req.url === "/token" ? { error: "access_denied" } : req.url === "/device" ? page : metadata(login.url),
      req.url === "/token" ? 400 : 200,
    )(req, res),
  );
  await using server = await scripted(asksFor(login.url));
  using ana = victim(server.url);
  const { code, err } = await ana.type("remote login prod", { isTerminal: true });
  expect(code).toBe(64);
  expect(err).toContain("\n  https://xn--lgin-55d.example/confirm\n");
  expect(err).toContain('The address leads to "https://xn--lgin-55d.example", which is not the host of the authorization server');
});

test("T27: quater remote login waits between two polls, also if the authorization server asks for no pause", async () => {
  // The code expires within one pause, so there is at most one question.
  using _ = { [Symbol.dispose]: useLimits({ pollMs: 400 }) };
  await using login = await scripted((req, res) =>
    json(
      req.url === "/token"
        ? { error: "authorization_pending" }
        : req.url === "/device"
          ? { ...device, interval: -5, expires_in: 0.3 }
          : metadata(login.url),
      req.url === "/token" ? 400 : 200,
    )(req, res),
  );
  await using server = await scripted(asksFor(login.url));
  using ana = victim(server.url);
  expect((await ana.type("remote login prod", { isTerminal: true })).code).toBe(64);
  expect(login.asked.filter(({ line }) => line === "POST /token").length).toBeLessThan(2);
});
