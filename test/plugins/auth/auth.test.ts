import { chmodSync, mkdtempSync, readFileSync, rmSync, statSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type Credentials, isQuaterError } from "quater";
import { apiKeys, bearer, firstOf, localUser } from "quater/auth";
import type { Authenticator, RunMode } from "quater/plugin-api";
import { principal } from "quater/testing";
import { afterAll, describe, expect, test } from "vitest";
import { createKey } from "../../../plugins/auth/commands.ts";
import { demoApproverKey, developmentKey } from "../../../plugins/auth/development.ts";
import { changeKeyFile, parseKey } from "../../../plugins/auth/keyfile.ts";

const parent = mkdtempSync(join(tmpdir(), "quater-keys-"));
const folder = () => mkdtempSync(join(parent, "project-"));
afterAll(() => rmSync(parent, { recursive: true }));
const shown = (more: Partial<Credentials> = {}): Credentials => ({
  surface: "http",
  isLocal: false,
  header: () => undefined,
  cookie: () => undefined,
  ...more,
});
const plain = { kind: "service", scopes: [], roles: [] } as const;
const opened = async (root: string, command: RunMode = "serve"): Promise<Authenticator> => {
  const keys = apiKeys();
  await keys.open?.({ root, mode: command });
  return keys;
};

describe("apiKeys() authenticates callers with API keys", () => {
  test("apiKeys() turns a key into a principal with its rights and without its secret", async () => {
    const root = folder();
    const { key } = createKey(join(root, ".quater/keys.json"), {
      name: "billing",
      kind: "agent",
      actsFor: "ana",
      scopes: ["orders:read"],
      roles: ["finance"],
    });
    const who = await (await opened(root)).authenticate(shown({ token: key }));
    expect(who).toMatchObject({
      issuer: "keys",
      subject: "billing",
      kind: "agent",
      actsFor: "ana",
      scopes: ["orders:read"],
      roles: ["finance"],
    });
    expect(JSON.stringify(who)).not.toContain(parseKey(key)?.secret);
  });

  test("quater dev accepts a new key immediately, even when apiKeys() opened the key file before", async () => {
    const root = folder();
    createKey(join(root, ".quater/keys.json"), { name: "earlier", ...plain });
    const keys = await opened(root, "dev");
    const token = developmentKey(root, { scopes: [], roles: [] });
    expect(await keys.authenticate(shown({ token }))).toMatchObject({ kind: "agent" });
  });

  test("the key file of apiKeys() contains only hashes of keys, and only its owner can read the file", () => {
    const file = join(folder(), ".quater/keys.json");
    const { key } = createKey(file, { name: "a", ...plain });
    expect(readFileSync(file, "utf8")).not.toContain(parseKey(key)?.secret);
    expect(statSync(file).mode & 0o777).toBe(0o600);
  });

  test("apiKeys() refuses a key file that other users can read", async () => {
    const root = folder();
    createKey(join(root, ".quater/keys.json"), { name: "a", ...plain });
    chmodSync(join(root, ".quater/keys.json"), 0o644);
    await expect(async () => opened(root)).rejects.toThrow("can be read by other users");
  });

  test("apiKeys() refuses wrong, mistyped, unknown, expired and revoked keys", async () => {
    const root = folder();
    const file = join(root, ".quater/keys.json");
    const { key } = createKey(file, { name: "a", ...plain });
    const { key: old } = createKey(file, { name: "old", ...plain, expires: "1h" });
    const { key: gone } = createKey(file, { name: "gone", ...plain });
    changeKeyFile(file, (records) => ({
      result: undefined,
      records: records.map((record) => ({
        ...record,
        ...(record.name === "old" ? { expiresAt: "2020-01-01T00:00:00.000Z" } : {}),
        ...(record.name === "gone" ? { revokedAt: "2020-01-01T00:00:00.000Z" } : {}),
      })),
    }));
    const keys = await opened(root);
    const unknown = createKey(join(folder(), "other.json"), { name: "a", ...plain }).key;
    const tokens = [
      old,
      gone,
      unknown,
      `${key}x`,
      key.toUpperCase(),
      key.replace(/_[a-z2-7]{40}_/, `_${"a".repeat(40)}_`),
      "",
      "qk_",
    ];
    for (const token of tokens) expect(await keys.authenticate(shown({ token })), token).toBeUndefined();
    expect(await keys.authenticate(shown())).toBeUndefined();
    expect(await keys.authenticate(shown({ token: key }))).toBeDefined();
  });

  test("a running server refuses a revoked API key within a second", async () => {
    const root = folder();
    const file = join(root, ".quater/keys.json");
    const { key } = createKey(file, { name: "a", ...plain });
    const keys = await opened(root);
    expect(await keys.authenticate(shown({ token: key }))).toBeDefined();
    changeKeyFile(file, (records) => ({
      result: undefined,
      records: records.map((record) => ({ ...record, revokedAt: new Date().toISOString() })),
    }));
    await expect.poll(() => keys.authenticate(shown({ token: key })), { timeout: 1000, interval: 20 }).toBeUndefined();
  });

  test("only quater dev accepts the development key, and the key stays the same between starts", async () => {
    const root = folder();
    const key = developmentKey(root, { scopes: ["orders:read"], roles: [] });
    expect(await (await opened(root, "dev")).authenticate(shown({ token: key }))).toMatchObject({
      kind: "agent",
      scopes: ["orders:read"],
    });
    for (const command of ["serve", "stdio", "run", "test"] as const)
      expect(await (await opened(root, command)).authenticate(shown({ token: key }))).toBeUndefined();
    expect(developmentKey(root, { scopes: ["orders:read", "orders:write"], roles: [] })).toBe(key);
    expect(await (await opened(root, "dev")).authenticate(shown({ token: key }))).toMatchObject({
      scopes: ["orders:read", "orders:write"],
    });
    expect(statSync(join(root, ".quater/development-key")).mode & 0o777).toBe(0o600);
  });

  test("the key of the demo approver belongs to another person than the development key", async () => {
    const root = folder();
    const caller = developmentKey(root, { scopes: ["pay"], roles: [] });
    const key = demoApproverKey(root, ["finance"]);
    expect(await (await opened(root, "dev")).authenticate(shown({ token: key }))).toMatchObject({
      kind: "user",
      person: "demo-approver",
      scopes: [],
      roles: ["finance"],
    });
    for (const command of ["serve", "stdio", "run", "test"] as const)
      expect(await (await opened(root, command)).authenticate(shown({ token: key }))).toBeUndefined();
    expect(demoApproverKey(root, ["finance", "legal"])).toBe(key);
    expect(developmentKey(root, { scopes: ["pay"], roles: [] })).toBe(caller);
    expect(await (await opened(root, "dev")).authenticate(shown({ token: caller }))).toMatchObject({ kind: "agent" });
    expect(statSync(join(root, ".quater/demo-approver-key")).mode & 0o777).toBe(0o600);
  });

  test("quater keys create refuses a second valid key with the same name, and reports a broken key file", () => {
    const file = join(folder(), "keys.json");
    createKey(file, { name: "a", ...plain });
    expect(() => createKey(file, { name: "a", ...plain })).toThrow("A key with the name a already exists. Choose another name");
    writeFileSync(file, "{", { mode: 0o600 });
    try {
      createKey(file, { name: "b", ...plain });
      expect.unreachable();
    } catch (error) {
      expect(isQuaterError(error) && error.hint).toContain("Restore the key file");
    }
  });
});

describe("localUser() authenticates the user who started the process", () => {
  test("localUser() makes a principal without rights, only for the user who started the process", async () => {
    const who = await localUser().authenticate(shown({ isLocal: true }));
    expect(who).toMatchObject({ issuer: "local", kind: "operator", scopes: [], roles: [] });
    expect(await localUser({ roles: ["admin"] }).authenticate(shown())).toBeUndefined();
  });

  test("localUser() refuses a call from the terminal with a wrong token, and does not run it as the local user", async () => {
    const either = firstOf(bearer({ verify: () => undefined }), localUser({ roles: ["admin"] }));
    expect(await either.authenticate(shown({ isLocal: true, token: "wrong" }))).toBeUndefined();
    expect(await either.authenticate(shown({ isLocal: true }))).toMatchObject({ roles: ["admin"] });
  });
});

test("firstOf calls its authenticators in order and stops at the first authenticator that returns a principal", async () => {
  const asked: string[] = [];
  const knowing = (name: string, knows: boolean) => () => {
    asked.push(name);
    return knows ? principal({ subject: name }) : undefined;
  };
  expect(await firstOf(knowing("a", false), knowing("b", true), knowing("c", true)).authenticate(shown())).toMatchObject({
    subject: "b",
  });
  expect(asked).toEqual(["a", "b"]);
});
