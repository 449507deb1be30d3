// A credential that stops being one while its caller reads a stream: the stream ends, also while no item comes.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { anyone, authenticator, handler, type Principal, QuaterError, resource, stream, Type } from "quater";
import { httpRef } from "quater/http";
import { type Authentication, type Awaitable, definePlugin } from "quater/plugin-api";
import { apiKeys, http, mcp } from "quater/plugins";
import { bootTest, principal, type TestApp } from "quater/testing";
import { describe, expect, test, vi } from "vitest";
import { createKey, revokeKey } from "../../../plugins/auth/commands.ts";

const pause = () => new Promise((resolve) => setTimeout(resolve, 5));
const bea = principal({ subject: "bea", roles: ["reader"] });

/** Handlers that stream, what happened to their calls, and what the test lets them do: one for each app, so that tests may run at once. */
const streams = () => {
  const happened: string[] = [];
  const held: (() => void)[] = [];
  /** What the sources of `ignoring`, `slowToEnd` and `slowToEndWriting` wait for. */
  const hold = () => new Promise<void>((resolve) => held.push(resolve));
  const letGo = () => {
    for (const resolve of held.splice(0)) resolve();
  };
  /** Whether `untilEnough` has been read for long enough. */
  const until = { isEnough: () => true };
  const tx = resource({
    name: "tx",
    scope: "call",
    open: () => "tx",
    close: (_tx, { failed }) => void happened.push(failed ? "rolled back" : "committed"),
  });
  const about = {
    description: "Streams.",
    effect: "read",
    input: Type.Object({}),
    output: stream(Type.Integer()),
    auth: anyone,
    use: { tx },
  } as const;
  async function* busy() {
    for (let n = 0; ; n++) {
      yield n;
      await pause();
    }
  }
  async function* slowToEnd() {
    try {
      yield* busy();
    } finally {
      await hold();
      happened.push("source ended");
    }
  }
  /** Has a `return` of its own that waits, while its `next` goes on. */
  const slowIterator = (): AsyncIterable<number> => ({
    [Symbol.asyncIterator]: () => ({
      next: () => pause().then(() => ({ done: false, value: 0 })),
      return: () => hold().then(() => ({ done: true, value: undefined })),
    }),
  });
  const handlers = {
    busy: handler({ ...about, handle: busy }),
    writing: handler({ ...about, effect: "write", handle: busy }),
    silent: handler({
      ...about,
      async *handle(_, { signal }) {
        yield 0;
        await new Promise((_resolve, reject) => signal.addEventListener("abort", () => reject(signal.reason)));
      },
    }),
    endsAtSignal: handler({
      ...about,
      async *handle(_, { signal }) {
        yield 0;
        await new Promise<void>((resolve) => signal.addEventListener("abort", () => resolve()));
      },
    }),
    ignoring: handler({
      ...about,
      async *handle() {
        yield 0;
        await hold();
        happened.push("source ended");
      },
    }),
    slowToEnd: handler({ ...about, handle: slowToEnd }),
    slowToEndWriting: handler({ ...about, effect: "write", handle: slowToEnd }),
    slowIterator: handler({ ...about, handle: slowIterator as never }),
    untilEnough: handler({
      ...about,
      async *handle() {
        while (!until.isEnough()) {
          yield 0;
          await pause();
        }
      },
    }),
  };
  return { handlers, happened, letGo, until };
};
type Streams = ReturnType<typeof streams>;
type Name = keyof Streams["handlers"];

interface Boot extends Omit<Streams, "handlers"> {
  readonly app: TestApp;
  [Symbol.asyncDispose](): Promise<void>;
}

const boot = async (authenticate: Authentication, root?: string): Promise<Boot> => {
  const { handlers, happened, letGo, until } = streams();
  const told = definePlugin(() => ({
    name: "told",
    hooks: { settled: (_call, outcome) => void happened.push(outcome.ok ? "ok" : outcome.error.code) },
  }));
  const expose = Object.fromEntries(Object.keys(handlers).map((name) => [name, { http: `POST /${name}`, mcp: true }] as const));
  const app = await bootTest({
    handlers,
    expose: expose as never,
    plugins: [http({ port: 0, authenticate }), mcp({ authenticate }), told()],
    drainMs: 20,
    ...(root === undefined ? {} : { root }),
  });
  const stop = async () => {
    letGo();
    await app.stop();
  };
  return { app, happened, letGo, until, [Symbol.asyncDispose]: stop };
};

/** A door that lets one caller in, whose answer a test changes. */
const changing = () => {
  let asked = 0;
  let answer: () => Awaitable<Principal | undefined> = () => bea;
  const door = authenticator({
    name: "changing",
    authenticate: ({ token }) => {
      asked++;
      return token === "bea" ? answer() : undefined;
    },
  });
  return {
    door,
    asked: () => asked,
    become: (next: () => Awaitable<Principal | undefined>) => {
      answer = next;
    },
  };
};

const how = ["as lines", "as events", "as a tool"] as const;

/** Reads a stream; `begun` is called once, when its first item has arrived. */
const read = async (app: TestApp, way: (typeof how)[number], name: Name, begun: () => void, key = "bea"): Promise<string> => {
  const base = app.services.get(httpRef).baseUrl ?? "";
  const isTool = way === "as a tool";
  const accept = { "as lines": "*/*", "as events": "text/event-stream", "as a tool": "application/json, text/event-stream" }[way];
  const params = { name, arguments: {}, _meta: { progressToken: 1 } };
  const answer = await fetch(`${base}/${isTool ? "mcp" : name}`, {
    method: "POST",
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json", accept },
    body: isTool ? JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params }) : "{}",
  });
  let text = "";
  for await (const part of answer.body ?? []) {
    if (text === "") begun();
    text += Buffer.from(part).toString();
  }
  return text;
};

/** The code of the error that the stream ended with. */
const codeOf = (way: (typeof how)[number], text: string): string | undefined => {
  const last = {
    "as lines": /\n\{"error":(\{.*\})\}\n$/,
    "as events": /\nevent: error\ndata: (\{.*\})\n\n$/,
    "as a tool": /"quater\/error":(\{.*?"errors":\[\])/,
  }[way];
  return /"code":"(\w+)"/.exec(last.exec(text)?.[1] ?? "")?.[1];
};

const names = ["busy", "silent", "endsAtSignal", "ignoring", "slowToEnd", "slowIterator"] as const;

// These tests wait for a check that comes once a second, so they run at once.
describe.concurrent("S5: a stream ends after its credential was revoked", () => {
  test.each(how)(
    "S5: a stream that the client reads %s ends with invalid_token after its credential was revoked",
    async (way) => {
      const { door, become } = changing();
      await using it = await boot(door);
      let waiting = names.length;
      const begun = () => {
        if (--waiting === 0) become(() => undefined);
      };
      const texts = await Promise.all(names.map((name) => read(it.app, way, name, begun)));
      expect(texts.map((text) => codeOf(way, text))).toEqual(names.map(() => "invalid_token"));
      expect(texts.join()).not.toContain("event: end");
      expect(it.app.log.filter(({ level }) => level === "error")).toEqual([]);
    },
  );

  test("S5: a stream ends with invalid_token after its key was revoked in the key file", async () => {
    const root = mkdtempSync(join(tmpdir(), "quater-revoked-streams-"));
    using _cleanUp = { [Symbol.dispose]: () => rmSync(root, { recursive: true, force: true }) };
    const file = join(root, ".quater/keys.json");
    const { key } = createKey(file, { name: "bea", kind: "user", person: "bea", scopes: [], roles: [] });
    await using it = await boot(apiKeys(), root);
    const text = await read(it.app, "as events", "silent", () => void revokeKey(file, "bea"), key);
    expect(codeOf("as events", text)).toBe("invalid_token");
  });

  test.each<[string, () => Principal | undefined, string]>([
    ["becomes somebody else's", () => principal({ subject: "cleo" }), "invalid_token"],
    ["loses a role", () => principal({ subject: "bea", roles: [] }), "invalid_token"],
    ["gets another value in a claim", () => principal({ ...bea, claims: { plan: "free" } }), "invalid_token"],
    ["cannot be checked", () => JSON.parse("{"), "authenticator_failed"],
    [
      "is refused by its authenticator",
      () => {
        throw new QuaterError({ code: "key_stolen", kind: "forbidden", message: "The key was stolen" });
      },
      "key_stolen",
    ],
  ])("S5: a stream ends with an error when the credential of its caller %s", async (_, answer, code) => {
    const { door, become } = changing();
    await using it = await boot(door);
    const text = await read(it.app, "as lines", "silent", () => become(answer));
    expect(codeOf("as lines", text)).toBe(code);
  });

  test("S5: a write whose credential is revoked during the stream of its output ends with outcome_unknown", async () => {
    const { door, become } = changing();
    await using it = await boot(door);
    const text = await read(it.app, "as lines", "writing", () => become(() => undefined));
    expect(codeOf("as lines", text)).toBe("outcome_unknown");
    expect(text).toContain("The credential became invalid while the call ran, so the server stopped the call.");
    expect(text).toContain("The call may have taken effect, so do not repeat it");
    expect(text).not.toContain("another"); // a new credential would invite a repetition
  });
});

test.concurrent.each(["busy", "silent", "endsAtSignal"] as const)(
  'S5: a stream with the source "%s", which ends at the abort of the AbortSignal, is rolled back and recorded once after a revocation',
  async (name) => {
    const { door, become } = changing();
    await using it = await boot(door);
    await read(it.app, "as lines", name, () => become(() => undefined));
    await it.app.stop();
    expect(it.happened).toEqual(["rolled back", "invalid_token"]);
  },
);

test.concurrent.each([
  ["ignoring", "invalid_token"],
  ["slowToEnd", "invalid_token"],
  ["slowToEndWriting", "outcome_unknown"],
] as const)(
  'S5: a stream with the source "%s" keeps its resources until the source ends, and its reader gets an error immediately after a revocation',
  async (name, code) => {
    const { door, become } = changing();
    await using it = await boot(door);
    const text = await read(it.app, "as lines", name, () => become(() => undefined));
    expect(codeOf("as lines", text)).toBe(code);
    expect(it.happened).toEqual([code]);
    it.letGo();
    await vi.waitFor(() => expect(it.happened).toEqual([code, "source ended", "rolled back"]), 30_000);
  },
);

test.concurrent.each([
  ["busy", "authenticator_failed"],
  ["silent", "authenticator_failed"],
  ["writing", "outcome_unknown"],
] as const)(
  'S5: a stream with the source "%s" ends when the authenticator no longer answers',
  { timeout: 30_000 },
  async (name, code) => {
    const { door, become } = changing();
    await using it = await boot(door);
    const text = await read(it.app, "as events", name, () => become(() => new Promise<never>(() => {})));
    expect(codeOf("as events", text)).toBe(code);
    expect(it.app.log).toMatchObject([{ fields: { error: expect.stringContaining("did not answer within 5 seconds") } }]);
  },
);

test.concurrent("S5: a stream with a valid credential continues, and the gate checks the credential about once a second", async () => {
  const { door, asked } = changing();
  await using it = await boot(door);
  it.until.isEnough = () => asked() >= 3;
  const text = await read(it.app, "as events", "untilEnough", () => {});
  expect(text).toMatch(/\nevent: end\ndata: \{\}\n\n$/);
  expect(text.match(/data: 0/g)?.length).toBeGreaterThan(asked());
});

test.concurrent("S5: a stream continues when its authenticator returns the same rights in another order", async () => {
  const { door, asked, become } = changing();
  const fields = { subject: "bea", scopes: ["a", "b"], roles: ["x", "y"], claims: { plan: { a: 1, b: 2 }, team: "t" } };
  become(() => principal(fields));
  await using it = await boot(door);
  it.until.isEnough = () => asked() >= 3;
  const reordered = { ...fields, scopes: ["b", "a", "b"], roles: ["y", "x"], claims: { team: "t", plan: { b: 2, a: 1 } } };
  const text = await read(it.app, "as events", "untilEnough", () => become(() => principal(reordered)));
  expect(text).toMatch(/\nevent: end\ndata: \{\}\n\n$/);
});
