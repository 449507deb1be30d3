// Tokens that the app signs itself: jwt({ secret }).

import { exportSPKI, generateKeyPair, SignJWT, UnsecuredJWT } from "jose";
import { authenticated, handler, Type } from "quater";
import { jwt } from "quater/auth";
import { httpRef } from "quater/http";
import { firstOf, http } from "quater/plugins";
import { bootTest, type TestApp } from "quater/testing";
import { describe, expect, test } from "vitest";

/** Long enough for HS512, too: only the algorithm differs below. */
const secret = "0123456789abcdef".repeat(4);
const issuer = "https://shop.example";
const rules = { issuer, audience: "shop", secret, scheme: "Token" } as const;
const users = jwt(rules);
const bytes = (text: string) => new TextEncoder().encode(text);
const rsa = await generateKeyPair("RS256", { extractable: true });
const token = (alg = "HS256") =>
  new SignJWT({ iss: issuer, aud: "shop", sub: "ana" }).setProtectedHeader({ alg }).setExpirationTime("5 minutes");

const me = handler({
  description: "Say who calls.",
  effect: "read",
  input: Type.Object({}),
  auth: authenticated,
  handle: (_, { principal: { subject, person, scopes, roles, claims } }) => ({
    subject,
    person,
    scopes,
    roles,
    plan: claims["plan"] ?? "",
  }),
});
const boot = (authenticate = users): Promise<TestApp> =>
  bootTest({
    handlers: { me },
    expose: { me: { http: "GET /me" } },
    plugins: [http({ port: 0, authenticate: firstOf(authenticate) })],
  });
const get = async (app: TestApp, authorization: string | undefined) => {
  const headers = authorization === undefined ? {} : { authorization };
  const response = await fetch(`${app.services.get(httpRef).baseUrl}/me`, { headers });
  return { status: response.status, challenge: response.headers.get("www-authenticate"), ...((await response.json()) as object) };
};

test("jwt({ secret }) turns a token that the app signed into a principal with the scopes, roles and claims of the token", async () => {
  await using app = await boot();
  const signed = await users.sign({ sub: "ana", scope: "orders:read", roles: ["finance"], plan: "gold" }, 60);
  expect(await get(app, `Token ${signed}`)).toMatchObject({
    status: 200,
    subject: "ana",
    person: "ana",
    scopes: ["orders:read"],
    roles: ["finance"],
    plan: "gold",
  });
});

test("H19: a 401 response names the scheme that the authenticator reads, in its text and in WWW-Authenticate", async () => {
  await using app = await boot();
  const detail = "This call over http needs a credential: send Authorization: Token <credential>";
  expect(await get(app, undefined)).toMatchObject({ status: 401, challenge: "Token", code: "unauthenticated", detail });
  const signed = await users.sign({ sub: "ana" }, 60);
  expect(await get(app, `Bearer ${signed}`)).toMatchObject({ status: 401, challenge: "Token", code: "unauthenticated" });
  expect(await get(app, `Token ${signed}x`)).toMatchObject({ status: 401, challenge: "Token", code: "invalid_token" });
});

describe("jwt({ secret }) refuses wrong tokens", () => {
  test.each<[string, () => Promise<string> | string]>([
    ["of another secret", () => token().sign(bytes(secret.replace("0", "1")))],
    ["signed with HS512", () => token("HS512").sign(bytes(secret))],
    ["signed with HS384", () => token("HS384").sign(bytes(secret))],
    ["signed with a private key", () => token("RS256").sign(rsa.privateKey)],
    [
      "without a signature",
      () => new UnsecuredJWT({ iss: issuer, aud: "shop", sub: "ana" }).setExpirationTime("5 minutes").encode(),
    ],
    ["that has expired", () => token().setExpirationTime("-1 minute").sign(bytes(secret))],
    [
      "that never expires",
      () => new SignJWT({ iss: issuer, aud: "shop", sub: "ana" }).setProtectedHeader({ alg: "HS256" }).sign(bytes(secret)),
    ],
    ["for another service", () => token().setAudience("other").sign(bytes(secret))],
    ["of another issuer", () => token().setIssuer("https://other.example").sign(bytes(secret))],
  ])("jwt({ secret }) refuses a token %s", async (_, made) => {
    await using app = await boot();
    expect(await get(app, `Token ${await made()}`)).toMatchObject({ status: 401, code: "invalid_token" });
  });

  test("jwt({ jwks }) refuses a token that was signed with the issuer's public key as the secret", async () => {
    const spki = await exportSPKI(rsa.publicKey);
    const byIssuer = jwt({ issuer, audience: "shop", jwks: "http://127.0.0.1:1/keys" });
    await using app = await boot(byIssuer as typeof users);
    const answer = await get(app, `Bearer ${await token().sign(bytes(spki))}`);
    expect(answer.status).not.toBe(200);
  });
});

test.each<[string, () => Promise<string>, string]>([
  [
    "a claim that sign sets",
    () => users.sign({ sub: "ana", exp: 9_999_999_999 }, 60),
    "sign sets the claim exp itself. Remove exp from the claims",
  ],
  [
    "another issuer",
    () => users.sign({ sub: "ana", iss: "x" }, 60),
    "sign sets the claim iss itself. Remove iss from the claims",
  ],
  ["an empty subject", () => users.sign({ sub: "" }, 60), "The claims of a token need sub, a string that is not empty"],
  [
    "no expiry",
    () => users.sign({ sub: "ana" }, Number.POSITIVE_INFINITY),
    "The lifetime of a token must be from 1 to 31536000 seconds, but is Infinity",
  ],
  [
    "an expiry of zero",
    () => users.sign({ sub: "ana" }, 0),
    "The lifetime of a token must be from 1 to 31536000 seconds, but is 0",
  ],
])("sign() of jwt({ secret }) refuses %s", async (_, sign, message) => {
  await expect(sign()).rejects.toThrow(new TypeError(message));
});

test("sign() of jwt({ secret }) gives two tokens of one person different ids", async () => {
  const ids = await Promise.all(
    [1, 2].map(async () => {
      const credentials = { surface: "http", isLocal: false, header: () => undefined, cookie: () => undefined };
      return (await users.authenticate({ ...credentials, token: await users.sign({ sub: "ana" }, 60) }))?.credential;
    }),
  );
  expect(new Set(ids).size).toBe(2);
});
