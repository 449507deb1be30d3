// quater remote add, login, list and remove: what is stored and where, what is refused, and that no token is ever shown.

import { chmodSync, existsSync, mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { change, knownRemotes } from "../../../../plugins/cli/remote/known.ts";
import shopManifest from "../fixtures/shop/manifest.ts";
import { quater, shop, type Typed } from "../kit.ts";
import { type Served, serve, userHome } from "./kit.ts";

let server: Served;
beforeAll(async () => {
  server = await serve(shopManifest, shop);
});
afterAll(() => server[Symbol.asyncDispose]());

/** A user without remotes. */
const user = () => {
  const home = userHome();
  const type = (line: string, typed: Typed = {}) =>
    quater(
      line.split(" ").map((word) => (word === "URL" ? server.url : word)),
      { cwd: home.env.QUATER_HOME.replace(/home$/, ""), ...typed, env: { ...home.env, ...typed.env } },
    );
  return { ...home, file: join(home.env.QUATER_HOME, "remotes.json"), type, [Symbol.dispose]: home[Symbol.dispose] };
};

test("quater remote add checks the server and stores the remote in a private file, and remote list shows no token", async () => {
  using ana = user();
  expect(await ana.type("remote add prod URL --token-env T", { env: { T: "remote" } })).toEqual({
    code: 0,
    out: `${JSON.stringify({ remote: "prod", url: server.url, isLoggedIn: true })}\n`,
    err: "",
  });
  expect([ana.env.QUATER_HOME, ana.file].map((path) => (statSync(path).mode & 0o777).toString(8))).toEqual(["700", "600"]);
  const listed = await ana.type("remote list");
  expect(JSON.parse(listed.out)).toEqual([{ name: "prod", url: server.url, isLoggedIn: true }]);
  expect(`${listed.out}${listed.err}`).not.toContain('"remote"');
  expect(await ana.type("--remote prod run greet --name Ana")).toEqual({ code: 0, out: '"Hello Ana"\n', err: "" });
});

test("quater remote add without a token checks that the server supports remotes, and prints how to log in", async () => {
  using ana = user();
  const added = await ana.type("remote add prod URL", { isTerminal: true });
  expect(added).toEqual({
    code: 0,
    out: "",
    err: `Added the remote prod, ${server.url}.\nTo log in, run npx quater remote login prod\n`,
  });
  expect(await ana.type("--remote prod actions")).toMatchObject({
    code: 64,
    err: "quater: There is no token for the remote prod. Run quater remote login prod\n",
  });
});

test.each([
  ["standard input", "remote login prod --token-file -", { stdin: "remote\n" }],
  ["a variable", "remote login prod --token-env T", { env: { T: "remote" } }],
])("quater remote login reads the token from %s, and checks the token before it stores the token", async (_, line, typed) => {
  using ana = user();
  await ana.type("remote add prod URL");
  expect(await ana.type(line, typed)).toMatchObject({ code: 0 });
  expect(knownRemotes(ana.env).get("prod")?.token).toBe("remote");
});

test("quater remote login reads the token from a file that only the user can read", async () => {
  using ana = user();
  await ana.type("remote add prod URL");
  const file = join(ana.env.QUATER_HOME, "prod.key");
  writeFileSync(file, "remote\n", { mode: 0o600 });
  expect(await ana.type(`remote login prod --token-file ${file}`)).toMatchObject({ code: 0 });
  chmodSync(file, 0o644);
  expect(await ana.type(`remote login prod --token-file ${file}`)).toMatchObject({
    code: 64,
    err: expect.stringContaining("can be read by other users. Run `chmod 600"),
  });
});

test("quater remote login does not store a token that the server refuses, and keeps the earlier token", async () => {
  using ana = user();
  await ana.type("remote add prod URL --token-env T", { env: { T: "remote" } });
  expect(await ana.type("remote login prod --token-env T", { env: { T: "wrong" } })).toMatchObject({ code: 77 });
  expect(knownRemotes(ana.env).get("prod")?.token).toBe("remote");
});

test("quater remote login without a terminal prints the other ways to pass a token", async () => {
  using ana = user();
  await ana.type("remote add prod URL");
  expect(await ana.type("remote login prod")).toMatchObject({
    code: 64,
    err: expect.stringContaining("Use --token-file FILE, --token-file - or --token-env NAME"),
  });
});

test.each(["remote login prod --token s3cret", "remote login prod --token=s3cret", "remote add x URL --token s3cret"])(
  "the quater program refuses %s and does not print the token",
  async (line) => {
    using ana = user();
    await ana.type("remote add prod URL");
    const { code, err } = await ana.type(line);
    expect({ code, err }).toEqual({ code: 64, err: expect.stringContaining("A token must not be in the command line") });
    expect(err).not.toContain("s3cret");
  },
);

test("quater uses the token in QUATER_REMOTE_TOKEN_<NAME> only for the remote of this name", async () => {
  using ana = user();
  await ana.type("remote add prod-eu URL");
  await ana.type("remote add stage URL");
  const env = { QUATER_REMOTE_TOKEN_PROD_EU: "remote" };
  expect(await ana.type("--remote prod-eu run greet --name x", { env })).toMatchObject({ code: 0 });
  expect(await ana.type("--remote stage run greet --name x", { env })).toMatchObject({ code: 64 });
});

test.each([
  ["http to another computer", "http://shop.example", "must begin with https://"],
  ["a password", "https://ana:pass1@shop.example", "must not have a user"],
  ["a query", "https://shop.example?x=1", "must not have a user, a password, a query"],
  ["another scheme", "ftp://shop.example", "is not valid"],
])("quater remote add refuses a URL with %s, and stores no remote", async (_, url, told) => {
  using ana = user();
  const { code, err } = await ana.type(`remote add prod ${url}`);
  expect({ code, err }).toEqual({ code: 64, err: expect.stringContaining(told) });
  expect(err).not.toContain("pass1");
  expect(existsSync(ana.file)).toBe(false);
});

test("quater remote add refuses a name with forbidden characters, and the name of a stored remote", async () => {
  using ana = user();
  expect(await ana.type("remote add ../x URL")).toMatchObject({
    code: 64,
    err: expect.stringContaining("is not a name for a remote"),
  });
  await ana.type("remote add prod URL");
  expect(await ana.type("remote add prod URL")).toMatchObject({ code: 64, err: expect.stringContaining("remote remove prod") });
});

test("quater remote remove deletes the remote with its token, and suggests a name for an unknown name", async () => {
  using ana = user();
  await ana.type("remote add prod URL --token-env T", { env: { T: "remote" } });
  expect(await ana.type("remote remove prdo")).toMatchObject({ code: 64, err: expect.stringContaining('did you mean "prod"?') });
  expect(await ana.type("remote remove prod")).toMatchObject({ code: 0 });
  expect(readFileSync(ana.file, "utf8")).not.toContain("token");
  expect(await ana.type("remote list")).toEqual({ code: 0, out: "[]\n", err: "" });
});

test.each([
  ["the file", (folder: string) => chmodSync(join(folder, "remotes.json"), 0o644), "can be read by other users. Run `chmod 600"],
  ["the folder", (folder: string) => chmodSync(folder, 0o755), "Other users can look into the folder"],
  [
    "a wrong URL",
    (folder: string) =>
      writeFileSync(join(folder, "remotes.json"), '{"version":1,"remotes":{"prod":{"url":"http://shop.example"}}}'),
    "has a wrong entry",
  ],
  ["no JSON", (folder: string) => writeFileSync(join(folder, "remotes.json"), "{"), "is not valid JSON"],
])("quater refuses an unsafe or wrong stored file of remotes with exit code 78: %s", async (_, spoil, told) => {
  using ana = user();
  change(ana.env, "prod", { name: "prod", url: "https://shop.example", token: "s3cret" });
  spoil(ana.env.QUATER_HOME);
  for (const line of ["remote list", "--remote prod run greet"]) {
    const { code, out, err } = await ana.type(line);
    expect({ code, out, err }).toEqual({ code: 78, out: "", err: expect.stringContaining(told) });
  }
});

test("without QUATER_HOME, quater stores remotes in XDG_CONFIG_HOME/quater", async () => {
  using ana = user();
  const config = join(ana.env.QUATER_HOME, "config");
  mkdirSync(config, { recursive: true });
  await quater(["remote", "add", "prod", server.url], { env: { XDG_CONFIG_HOME: config } });
  expect(readdirSync(join(config, "quater"))).toEqual(["remotes.json"]);
});

test("quater remote and commands with --remote load no manifest and no .env file", async () => {
  using ana = user();
  const folder = join(ana.env.QUATER_HOME, "project");
  mkdirSync(folder, { recursive: true });
  chmodSync(ana.env.QUATER_HOME, 0o700);
  writeFileSync(join(folder, "package.json"), "{}");
  writeFileSync(join(folder, "quater.config.mjs"), 'throw new Error("loaded");');
  writeFileSync(join(folder, ".env"), "NODE_OPTIONS=--bad\nQUATER_HOME=/nowhere\n");
  const type = (line: string) => ana.type(line, { cwd: folder });
  expect(await type("remote add prod URL")).toMatchObject({ code: 0 });
  const env = { QUATER_REMOTE_TOKEN_PROD: "remote" };
  for (const line of ["--remote prod run greet --name x", "--remote prod actions", "actions list --remote prod", "remote list"])
    expect(await ana.type(line, { cwd: folder, env })).toMatchObject({ code: 0, err: "" });
});

test("quater run reads --remote after the name of an action as an input of the action, not as its own flag", async () => {
  using ana = user();
  await ana.type("remote add prod URL");
  const env = { QUATER_REMOTE_TOKEN_PROD: "remote" };
  expect(await ana.type("--remote prod run greet --name x --remote other", { env })).toMatchObject({
    code: 65,
    err: expect.stringContaining("unknown_field"),
  });
});

test.each([
  ["serve", 'The command "serve" does not work with --remote'],
  ["keys list", 'The command "keys list" does not work with --remote'],
  ["approvals approve apr_1", "A stored token cannot decide approval requests"],
  ["approvals deny apr_1", "Decide the request on the approvals page"],
  ["approvals revoke apr_1", "A stored token cannot decide approval requests"],
  ["audit erase", 'The command "audit erase" does not work with --remote'],
])("the command quater %s refuses --remote with exit code 64", async (line, told) => {
  using ana = user();
  expect(await ana.type(`${line} --remote prod`)).toEqual({ code: 64, out: "", err: expect.stringContaining(told) });
});

test.each(["remote", "remote add", "remote login", "remote list", "remote remove"])(
  "the command quater %s --help prints an example",
  async (line) => {
    using ana = user();
    expect(await ana.type(`${line} --help`)).toMatchObject({ code: 0, out: expect.stringMatching(/\n {4}quater remote \w+/) });
  },
);
