// Threat T21, against a real key server on loopback.

import { createServer, type Server } from "node:http";
import type { AddressInfo } from "node:net";
import { exportJWK, exportSPKI, generateKeyPair, type JWTPayload, SignJWT, UnsecuredJWT } from "jose";
import type { Credentials } from "quater";
import { jwt } from "quater/auth";
import type { OptionsOf } from "quater/plugin-api";
import { afterAll, beforeAll, beforeEach, describe, expect, test } from "vitest";

const issuer = "https://issuer.example";
const audience = "https://shop.example";
const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
const other = await generateKeyPair("ES256");
const keySet = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "k1", alg: "ES256", use: "sig" }] });

let server: Server;
let jwks: string;
let asked = 0;
let answer: (path: string) => string = () => keySet;
beforeAll(async () => {
  server = createServer((req, res) => {
    asked++;
    res.setHeader("content-type", "application/json");
    if (req.url === "/moved") res.writeHead(302, { location: "/keys" });
    res.end(answer(req.url ?? ""));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  jwks = `http://127.0.0.1:${(server.address() as AddressInfo).port}/keys`;
});
afterAll(() => void server.close());
beforeEach(() => {
  asked = 0;
  answer = () => keySet;
});

const now = () => Math.floor(Date.now() / 1000);
type Changed = { readonly [Name in keyof JWTPayload]?: JWTPayload[Name] | undefined };
const claims = (more: Changed = {}): JWTPayload =>
  ({
    iss: issuer,
    aud: audience,
    sub: "ana",
    exp: now() + 60,
    scope: "orders:read orders:write",
    ...more,
  }) as JWTPayload;
const sign = (payload: JWTPayload, header: { alg?: string; kid?: string } = {}, key = privateKey) =>
  new SignJWT(payload).setProtectedHeader({ alg: "ES256", kid: "k1", ...header }).sign(key);
const ask = async (token: string, more: Partial<OptionsOf<typeof jwt>> = {}) =>
  jwt({ issuer, audience, jwks, ...more }).authenticate({
    surface: "http",
    isLocal: false,
    header: () => undefined,
    cookie: () => undefined,
    token,
  } satisfies Credentials);

test("jwt() turns a valid token into a principal with its scopes, roles and person", async () => {
  const token = await sign(claims({ roles: ["finance"], email: "ana@example.org", jti: "t1" }));
  expect(await ask(token, { personClaim: "email" })).toMatchObject({
    issuer,
    subject: "ana",
    kind: "user",
    person: "ana@example.org",
    credential: "jwt:t1",
    scopes: ["orders:read", "orders:write"],
    roles: ["finance"],
  });
  expect(await ask(await sign(claims({ scope: undefined, scp: ["a", 1] })))).toMatchObject({ scopes: ["a"], roles: [] });
});

describe("jwt() refuses wrong tokens", () => {
  test.each<[string, () => Promise<string> | string]>([
    ["another issuer's token", () => sign(claims({ iss: "https://evil.example" }))],
    ["a token for another service", () => sign(claims({ aud: "https://other.example" }))],
    ["an expired token", () => sign(claims({ exp: now() - 60 }))],
    ["a token that is not valid yet", () => sign(claims({ nbf: now() + 60 }))],
    ["a token without an expiry", () => sign(claims({ exp: undefined }))],
    ["a token without a subject", () => sign(claims({ sub: undefined }))],
    ["a token with another key's signature", () => sign(claims(), {}, other.privateKey)],
    ["a token with an unknown key id", () => sign(claims(), { kid: "k2" })],
    ["an unsigned token", () => new UnsecuredJWT(claims()).encode()],
    [
      "a token signed with the public key as secret",
      async () =>
        new SignJWT(claims())
          .setProtectedHeader({ alg: "HS256", kid: "k1" })
          .sign(new TextEncoder().encode(await exportSPKI(publicKey))),
    ],
    [
      "a changed token",
      async () =>
        (await sign(claims())).replace(
          /\.[^.]+\./,
          `.${Buffer.from(JSON.stringify(claims({ sub: "root" }))).toString("base64url")}.`,
        ),
    ],
    ["three parts of random text", () => "a.b.c"],
    ["a text that is not a token", () => "qk_abc"],
  ])("jwt() refuses a token because of %s", async (_name, make) => {
    expect(await ask(await make())).toBeUndefined();
  });
});

test("jwt() refuses a token with an algorithm that its options do not allow, even when the key set has a key for the algorithm", async () => {
  expect(await ask(await sign(claims()), { algorithms: ["RS256"] })).toBeUndefined();
});

test("jwt() does not fetch the key set again for each token with an unknown key id", async () => {
  const one = jwt({ issuer, audience, jwks });
  const token = await sign(claims(), { kid: "k2" });
  for (let n = 0; n < 20; n++)
    expect(
      await one.authenticate({ surface: "http", isLocal: false, header: () => undefined, cookie: () => undefined, token }),
    ).toBeUndefined();
  expect(asked).toBeLessThanOrEqual(2);
});

describe("jwt() throws errors while it cannot fetch the key set", () => {
  test.each<[string, string, () => string]>([
    ["not JSON", "/keys", () => "<html>"],
    ["too large", "/keys", () => JSON.stringify({ keys: [], pad: "x".repeat(300_000) })],
    ["a redirect", "/moved", () => ""],
  ])(
    "jwt() throws an error and does not refuse the token when the response to its key set request is %s",
    async (_name, path, give) => {
      answer = (asked) => (asked === path ? give() : keySet);
      await expect(ask(await sign(claims()), { jwks: jwks.replace("/keys", path) })).rejects.toThrow();
    },
  );
});
