import { anyone, handler, type Resource, resource, Type, unavailable } from "quater";
import { definePlugin, type Uses } from "quater/plugin-api";
import { bootTest, principal } from "quater/testing";
import { describe, expect, test } from "vitest";
import { OpenResources, usesProblems } from "../../core/model/resource.ts";

const made = (happened: string[], name: string, scope: "app" | "call", use?: Uses): Resource<string> =>
  resource({
    name,
    scope,
    ...(use === undefined ? {} : { use }),
    open: async () => {
      await new Promise((resolve) => setImmediate(resolve));
      happened.push(`open ${name}`);
      return name;
    },
    close: (_value, { failed }) => void happened.push(`close ${name}${failed ? " failed" : ""}`),
  });

const using = (use: Uses, more: object = {}) =>
  handler({
    description: "Uses.",
    effect: "write",
    input: Type.Object({}),
    auth: anyone,
    use,
    handle: () => "done",
    ...more,
  } as never);

describe("the gate opens and closes call-scoped resources", () => {
  test("the gate closes call-scoped resources in reverse order of opening, before settled hooks run", async () => {
    const happened: string[] = [];
    const [a, b] = [made(happened, "a", "call"), made(happened, "b", "call")];
    const told = definePlugin(() => ({
      name: "told",
      hooks: { settled: (_call, { ok }) => void happened.push(`settled ${ok}`) },
    }));
    const run = using({ a, b }, { handle: () => happened.push("handle") });
    await using app = await bootTest({ handlers: { run }, plugins: [told()] });
    await app.as(principal()).call("run");
    expect(happened).toEqual(["open a", "open b", "handle", "close b", "close a", "settled true"]);
  });

  test("the gate closes a call-scoped resource after the other resource that uses this resource", async () => {
    const happened: string[] = [];
    const [x, y] = [made(happened, "x", "call"), made(happened, "y", "call")];
    const outer = made(happened, "outer", "call", { x, y });
    await using app = await bootTest({ handlers: { run: using({ outer }) } });
    await app.as(principal()).call("run");
    expect(happened).toEqual(["open x", "open y", "open outer", "close outer", "close y", "close x"]);
  });

  test.each<[string, object]>([
    ["the handler throws", { handle: () => JSON.parse("{") }],
    ["the output of a read is wrong", { effect: "read", output: Type.Integer() }],
    ["the policy refuses", { auth: () => false }],
  ])("the close function of a call-scoped resource receives failed: true when %s", async (_name, more) => {
    const happened: string[] = [];
    await using app = await bootTest({ handlers: { run: using({ tx: made(happened, "tx", "call") }, more) } });
    expect((await app.as(principal()).call("run")).ok).toBe(false);
    expect(happened).toEqual(["open tx", "close tx failed"]);
  });

  test("the call-scoped resources of a write close with failed: false when only the output of the handler was wrong", async () => {
    const happened: string[] = [];
    const run = using({ tx: made(happened, "tx", "call") }, { output: Type.Integer() });
    await using app = await bootTest({ handlers: { run } });
    expect(await app.as(principal()).call("run")).toMatchObject({ ok: false, error: { code: "output_undelivered" } });
    expect(happened).toEqual(["open tx", "close tx"]);
  });

  test("a policy and its handler share a call-scoped resource, and a dry run closes the resource with failed: true", async () => {
    const happened: string[] = [];
    const run = using({ tx: made(happened, "tx", "call") }, { auth: ({ tx }: { tx: string }) => tx === "tx" });
    await using app = await bootTest({ handlers: { run } });
    await app.as(principal()).call("run");
    expect(happened).toEqual(["open tx", "close tx"]);
    await app.as(principal()).call("run", {}, { dryRun: true });
    expect(happened.slice(2)).toEqual(["open tx", "close tx failed"]);
  });

  test("the gate opens no call-scoped resources for a call that was refused before", async () => {
    const happened: string[] = [];
    await using app = await bootTest({ handlers: { run: using({ tx: made(happened, "tx", "call") }) } });
    expect((await app.as(principal()).call("run", { unknown: 1 })).ok).toBe(false);
    expect(happened).toEqual([]);
  });

  test.each([
    ["read", "internal"],
    ["write", "outcome_unknown"],
  ])(
    "when the close function of a call-scoped resource throws after a successful %s, the call ends with %s and the other resources still close",
    async (effect, code) => {
      const happened: string[] = [];
      const failing = resource({
        name: "tx",
        scope: "call",
        open: () => "tx",
        close: () => Promise.reject(new Error("commit failed")),
      });
      const run = using({ first: made(happened, "first", "call"), failing }, { effect });
      await using app = await bootTest({ handlers: { run } });
      expect(await app.as(principal()).call("run")).toMatchObject({ ok: false, error: { code } });
      expect(happened).toEqual(["open first", "close first"]);
    },
  );
});

describe("the kernel opens and closes app-scoped resources", () => {
  test("parallel calls open an app-scoped resource once, and stop closes the resource after the other resources that use this resource", async () => {
    const happened: string[] = [];
    const pool = made(happened, "pool", "app");
    const database = made(happened, "database", "app", { pool });
    const app = await bootTest({ handlers: { run: using({ database, pool }) } });
    await Promise.all(Array.from({ length: 5 }, () => app.as(principal()).call("run")));
    expect(happened).toEqual(["open pool", "open database"]);
    await app.stop();
    expect(happened.slice(2)).toEqual(["close database", "close pool"]);
  });

  test("the next call opens an app-scoped resource again when the resource failed to open before", async () => {
    let attempts = 0;
    const flaky = resource({
      name: "flaky",
      scope: "app",
      open: () => (++attempts === 1 ? Promise.reject(new Error("no route")) : "up"),
    });
    await using app = await bootTest({
      handlers: { run: using({ flaky }, { handle: (_: unknown, context: { flaky: string }) => context.flaky }) },
    });
    expect(await app.as(principal()).call("run")).toMatchObject({ ok: false, error: { code: "internal" } });
    expect(await app.as(principal()).call("run")).toMatchObject({ ok: true, value: "up" });
    await app.as(principal()).call("run");
    expect(attempts).toBe(2);
  });

  test("a caller gets the error unavailable that the open function of a resource throws", async () => {
    const down = resource({ name: "down", scope: "app", open: () => unavailable("The database is down") });
    await using app = await bootTest({ handlers: { run: using({ down }) } });
    expect(await app.as(principal()).call("run")).toMatchObject({
      error: { code: "unavailable", message: "The database is down", retryAfterSeconds: 1 },
    });
  });

  test("the stop of the app waits for an app-scoped resource that is still opening, and closes the resource", async () => {
    const happened: string[] = [];
    const open = new OpenResources();
    const opening = open.open({ a: made(happened, "a", "app") });
    await open.close({ failed: false });
    await opening;
    expect(happened).toEqual(["open a", "close a"]);
  });

  test("boot refuses an app-scoped resource that uses a call-scoped resource", () => {
    const tx = made([], "tx", "call");
    expect(usesProblems({ repository: made([], "repository", "app", { tx }) })).toEqual([
      {
        cause: 'uses the resource repository of the scope "app", which uses the resource tx of the scope "call"',
        remedy: 'Set scope: "call" in repository, or scope: "app" in tx',
      },
    ]);
    expect(usesProblems({ tx: made([], "tx", "call", { pool: made([], "pool", "app") }) })).toEqual([]);
  });
});
