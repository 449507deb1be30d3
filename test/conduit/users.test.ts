// Users and profiles of Conduit, as the RealWorld specification describes them.

import { readdirSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { httpRef } from "quater/http";
import { afterAll, expect, test } from "vitest";
import { conduit } from "./kit.ts";

/** The client for tests whose results do not depend on the data of other tests. */
const shared = await conduit();
const zoe = await shared.register("zoe");
afterAll(() => shared.app.stop());

const blank = "can't be blank";
const user = { username: "ana", email: "ana@test.com", password: "password123" };
const shown = {
  username: "ana",
  email: "ana@test.com",
  bio: null,
  image: null,
  token: expect.stringMatching(/^[^.]+\.[^.]+\.[^.]+$/),
};

test("H15: a user of the Conduit app can register, log in, and read their own account", async () => {
  await using client = await conduit();
  const registered = await client.ask("POST /users", { body: { user } });
  expect(registered).toMatchObject({ status: 201, body: { user: shown } });
  expect(registered.headers.get("content-type")).toMatch(/^application\/json/);
  expect(Object.keys(registered.body.user).sort()).toEqual(["bio", "email", "image", "token", "username"]);
  const loggedIn = await client.ask("POST /users/login", { body: { user: { email: user.email, password: user.password } } });
  expect(loggedIn).toMatchObject({ status: 200, body: { user: shown } });
  const { token } = loggedIn.body.user;
  expect(await client.ask("GET /user", { token })).toMatchObject({ status: 200, body: { user: shown } });
});

test.each([
  ["a registration without a name", "POST /users", { ...user, username: "" }, { username: [blank] }],
  ["a registration without an address", "POST /users", { ...user, email: "" }, { email: [blank] }],
  ["a registration without a password", "POST /users", { ...user, password: "" }, { password: [blank] }],
  ["a registration with missing fields", "POST /users", {}, { username: [blank], email: [blank], password: [blank] }],
  ["a registration with a short password", "POST /users", { ...user, password: "seven77" }, { password: [expect.any(String)] }],
  ["a registration with a malformed address", "POST /users", { ...user, email: "ana" }, { email: ["is invalid"] }],
  ["a log-in without an address", "POST /users/login", { email: "", password: "x" }, { email: [blank] }],
  ["a log-in without a password", "POST /users/login", { email: "ana@test.com", password: "" }, { password: [blank] }],
])("H15: the Conduit app refuses %s with 422", async (_, route, given, errors) => {
  expect(await shared.ask(route, { body: { user: given } })).toMatchObject({ status: 422, body: { errors } });
});

test("H15: the Conduit app refuses a user name or email address of another user with 409", async () => {
  await using client = await conduit();
  await client.register("ana");
  const bea = await client.register("bea");
  const errors = (about: string) => ({ status: 409, body: { errors: { [about]: ["has already been taken"] } } });
  expect(await client.ask("POST /users", { body: { user: { ...user, email: "b@test.com" } } })).toMatchObject(errors("username"));
  expect(await client.ask("POST /users", { body: { user: { ...user, username: "b" } } })).toMatchObject(errors("email"));
  const rename = (change: object) => client.ask("PUT /user", { token: bea, body: { user: change } });
  expect(await rename({ username: "ana" })).toMatchObject(errors("username"));
  expect(await rename({ email: "ana@test.com" })).toMatchObject(errors("email"));
  expect(await rename({ username: "bea", email: "bea@test.com" })).toMatchObject({ status: 200 });
});

test("H15: the Conduit app answers a wrong password and an unknown email address with the same 401", async () => {
  await using client = await conduit();
  await client.register("ana");
  for (const email of ["ana@test.com", "nobody@test.com"]) {
    const answer = await client.ask("POST /users/login", { body: { user: { email, password: "wrongpassword" } } });
    expect(answer).toMatchObject({ status: 401, body: { errors: { credentials: ["invalid"] } } });
    expect(answer.headers.get("www-authenticate")).toBe("Token");
  }
});

test("H15: an update of a Conduit user changes the sent fields and keeps the other fields", async () => {
  await using client = await conduit();
  const token = await client.register("ana");
  const change = async (given: object) => (await client.ask("PUT /user", { token, body: { user: given } })).body.user;
  expect(await change({ bio: "A bio", image: "https://example.com/a.jpg" })).toMatchObject({
    ...shown,
    bio: "A bio",
    image: "https://example.com/a.jpg",
  });
  expect(await change({ bio: "" })).toMatchObject({ bio: null, image: "https://example.com/a.jpg" });
  expect(await change({ image: null })).toMatchObject({ bio: null, image: null });
  const renamed = await change({ username: "anna", email: "anna@test.com", password: "bonjour1", token });
  expect(renamed).toMatchObject({ username: "anna", email: "anna@test.com" });
  expect((await client.ask("GET /user", { token: renamed.token })).body.user).toMatchObject({ username: "anna", bio: null });
  const logIn = (password: string) => client.ask("POST /users/login", { body: { user: { email: "anna@test.com", password } } });
  expect(await logIn("bonjour1")).toMatchObject({ status: 200 });
  expect(await logIn("password123")).toMatchObject({ status: 401 });
});

test.each([{ email: "" }, { email: null }, { username: "" }, { username: null }, { password: "seven77" }])(
  "H15: the Conduit app refuses the user update %o with 422",
  async (change) => {
    const [field = ""] = Object.keys(change);
    expect(await shared.ask("PUT /user", { token: zoe, body: { user: change } })).toMatchObject({
      status: 422,
      body: { errors: { [field]: [expect.any(String)] } },
    });
  },
);

test("H15: a Conduit profile says whether the caller follows this user", async () => {
  await using client = await conduit();
  const token = await client.register("ana");
  await client.register("bea");
  const profile = (following: boolean) => ({
    status: 200,
    body: { profile: { username: "bea", bio: null, image: null, following } },
  });
  expect(await client.ask("GET /profiles/bea")).toMatchObject(profile(false));
  expect(await client.ask("GET /profiles/bea", { token })).toMatchObject(profile(false));
  // A client by an older version of the specification sends a body, which the server must ignore.
  const body = { user: { email: "ana@test.com" } };
  expect(await client.ask("POST /profiles/bea/follow", { token, body })).toMatchObject(profile(true));
  expect(await client.ask("POST /profiles/bea/follow", { token })).toMatchObject(profile(true));
  expect(await client.ask("GET /profiles/bea", { token })).toMatchObject(profile(true));
  expect(await client.ask("GET /profiles/bea")).toMatchObject(profile(false));
  expect(await client.ask("DELETE /profiles/bea/follow", { token })).toMatchObject(profile(false));
  expect(await client.ask("GET /profiles/bea", { token })).toMatchObject(profile(false));
});

test("H15: the Conduit app answers a request for an unknown profile with 404", async () => {
  await using client = await conduit();
  const token = await client.register("ana");
  for (const route of ["GET /profiles/nobody", "POST /profiles/nobody/follow", "DELETE /profiles/nobody/follow"])
    expect(await client.ask(route, { token })).toMatchObject({ status: 404, body: { errors: { profile: ["not found"] } } });
});

test.each([
  "GET /user",
  "PUT /user",
  "POST /profiles/bea/follow",
  "DELETE /profiles/bea/follow",
  "GET /articles/feed",
  "POST /articles",
  "PUT /articles/any",
  "DELETE /articles/any",
  "POST /articles/any/favorite",
  "DELETE /articles/any/favorite",
  "POST /articles/any/comments",
  "DELETE /articles/any/comments/1",
])("H15: %s of the Conduit app needs a token", async (route) => {
  const body = /^P.* \/(?:user|articles)/.test(route) && !route.endsWith("favorite") ? { article: {} } : undefined;
  const given = body === undefined ? {} : { body };
  expect(await shared.ask(route, given)).toMatchObject({ status: 401, body: { errors: { token: ["is missing"] } } });
  expect(await shared.ask(route, { ...given, token: "a.b.c" })).toMatchObject({
    status: 401,
    body: { errors: { token: ["is invalid"] } },
  });
});

test.each(["GET /profiles/zoe", "GET /articles", "GET /articles/any", "GET /articles/any/comments", "GET /tags"])(
  "H15: %s of the Conduit app needs no token, and refuses a wrong token",
  async (route) => {
    expect((await shared.ask(route)).status).not.toBe(401);
    expect(await shared.ask(route, { token: "a.b.c" })).toMatchObject({
      status: 401,
      body: { errors: { token: ["is invalid"] } },
    });
  },
);

test.each([
  ["no JSON", "{", 400],
  ["a list", [], 422],
  ["no envelope", { email: "ana@test.com", password: "x" }, 422],
  ["an envelope with a number", { user: 7 }, 422],
  ["a field that is not known", { user: { ...user, isAdmin: true } }, 422],
])("H15: the Conduit app refuses a body with %s in the error format of its specification", async (_, body, status) => {
  const answer = await shared.ask("POST /users", { body });
  expect(answer.status).toBe(status);
  expect(Object.values(answer.body.errors)).toEqual([[expect.any(String)]]);
  expect(Object.keys(answer.body)).toEqual(["errors"]);
});

test("H15: web pages of every origin may call the Conduit app", async () => {
  const { baseUrl } = shared.app.services.get(httpRef);
  const preflight = await fetch(`${baseUrl}/api/articles`, {
    method: "OPTIONS",
    headers: {
      origin: "https://reader.example",
      "access-control-request-method": "POST",
      "access-control-request-headers": "authorization,content-type,x-requested-with",
    },
  });
  expect(preflight.ok).toBe(true);
  expect(preflight.headers.get("access-control-allow-origin")).toBe("*");
  expect(preflight.headers.get("access-control-allow-headers")).toContain("authorization");
});

test("H15: the source of the Conduit app has at most 600 lines", () => {
  const files = readdirSync(import.meta.dirname).filter((name) => name.endsWith(".ts") && !/(?:test|kit)\.ts$/.test(name));
  const lines = files.flatMap((name) =>
    readFileSync(join(import.meta.dirname, name), "utf8")
      .trimEnd()
      .split("\n"),
  );
  expect(files).toHaveLength(8);
  expect(lines.length).toBeLessThanOrEqual(600);
});
