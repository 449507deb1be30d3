// Who opens resources: a call, with its principal; an authenticator; the start; and the question whether the app is ready.

import { anyone, authenticated, authenticator, handler, type Principal, resource, Type } from "quater";
import { httpRef } from "quater/http";
import { definePlugin, isBootError } from "quater/plugin-api";
import { firstOf, http } from "quater/plugins";
import { bootTest, direct, expectOk, principal, type TestApp } from "quater/testing";
import { expect, test } from "vitest";

const database = resource({
  name: "database",
  scope: "app",
  open: () => ({ rows: new Map([["ana", ["invoice 7"]]]), session: (tenant: string) => `session of ${tenant}` }),
});
const session = resource({
  name: "session",
  scope: "call",
  use: { database },
  open: ({ database, principal, signal, callId }) => ({
    rows: database.rows.get(principal.subject) ?? [],
    said: database.session(principal.subject),
    callId,
    signal,
  }),
});

const mine = handler({
  description: "List my rows.",
  effect: "read",
  input: Type.Object({}),
  auth: authenticated,
  use: { session },
  handle: (_, { session, callId, signal }) => ({
    rows: session.rows,
    said: session.said,
    isSameCall: session.callId === callId && session.signal === signal,
  }),
});

test("H6: the open function of a call-scoped resource receives principal, AbortSignal and id of the call", async () => {
  await using app = await bootTest({ handlers: { mine } });
  const seen = (subject: string) => expectOk(app.as(principal({ subject })).call("mine"));
  expect(await seen("ana")).toEqual({ rows: ["invoice 7"], said: "session of ana", isSameCall: true });
  expect(await seen("ben")).toEqual({ rows: [], said: "session of ben", isSameCall: true });
});

test("H6: the open function of an app-scoped resource receives no principal, AbortSignal or call id", async () => {
  const given: unknown[] = [];
  const pool = resource({ name: "pool", scope: "app", open: (uses) => void given.push(...Object.keys(uses)) });
  const run = handler({
    description: "Run.",
    effect: "read",
    input: Type.Object({}),
    auth: anyone,
    use: { pool },
    handle: () => "done",
  });
  await using app = await bootTest({ handlers: { run } });
  await expectOk(app.as(principal()).call("run"));
  expect(given).toEqual([]);
});

const users = resource({
  name: "users",
  scope: "app",
  open: async () => ({ bySession: (id: string | undefined) => (id === "s-1" ? principal({ subject: "ana" }) : undefined) }),
});
const sessions = authenticator({
  name: "sessions",
  reads: { headers: ["x-session"] },
  use: { users },
  authenticate: ({ header }, { users }) => users.bySession(header("x-session")),
});
const who = handler({
  description: "Say who calls.",
  effect: "read",
  input: Type.Object({}),
  auth: authenticated,
  handle: (_, { principal }) => principal.subject,
});
const urlOf = (app: TestApp): string => app.services.get(httpRef).baseUrl ?? "";

test.each([
  ["alone", sessions],
  ["in firstOf", firstOf(({ token }) => (token === "t-1" ? principal({ subject: "bot" }) : undefined), sessions)],
])("H6: an authenticator can use app-scoped resources, %s", async (_, authenticate) => {
  const expose = { who: { http: "GET /who" } };
  const boot = () => bootTest({ handlers: { who }, expose, plugins: [http({ port: 0, authenticate })] });
  const app = await boot();
  const get = async (from: TestApp, id: string) => (await fetch(`${urlOf(from)}/who`, { headers: { "x-session": id } })).json();
  expect(await get(app, "s-1")).toBe("ana");
  expect(await get(app, "s-2")).toMatchObject({ code: "invalid_token" });
  // Two apps may share the authenticator, as a manifest and its copy in the gate suite do.
  await using other = await boot();
  await app.stop();
  expect(await get(other, "s-1")).toBe("ana");
});

test("H6: boot refuses an authenticator that uses a call-scoped resource, and reports this problem once", async () => {
  const wrong = authenticator({ name: "wrong", use: { session }, authenticate: () => undefined });
  const refusal = await bootTest({ handlers: { who }, plugins: [direct({ authenticate: firstOf(wrong, sessions) })] }).catch(
    (error: unknown) => error,
  );
  expect(isBootError(refusal) && refusal.problems).toEqual([
    expect.objectContaining({
      cause: 'The authenticator wrong uses the resource session of the scope "call"',
      remedy: 'Set scope: "app" in session',
    }),
  ]);
});

test("H6: an authenticator with resources throws an error when a wrapper function omits the second argument", async () => {
  const around = (credentials: Parameters<typeof sessions.authenticate>[0]) => sessions.authenticate(credentials);
  await expect(around({ header: () => "s-1" } as never)).rejects.toThrow(
    "The authenticator sessions needs resources, but was called without them. Pass the second argument of your authenticate function to sessions",
  );
});

interface Watched {
  isUp: boolean | "hangs";
  asked: number;
  opened: number;
}

const watched = (more: { readonly opens?: "start" } = {}) => {
  const state: Watched = { isUp: true, asked: 0, opened: 0 };
  const store = resource({
    name: "store",
    scope: "app",
    ...more,
    open: () => {
      state.opened++;
      return state.isUp ? state : Promise.reject(new Error("connection refused"));
    },
    isReady: async (opened) => {
      opened.asked++;
      if (opened.isUp === "hangs") return new Promise<never>(() => {});
      return opened.isUp;
    },
  });
  const run = handler({
    description: "Run.",
    effect: "read",
    input: Type.Object({}),
    auth: anyone,
    use: { store },
    handle: (_, { store }) => store.asked,
  });
  return { state, handlers: { run } };
};

const readyOf = async (app: TestApp) => {
  const response = await fetch(`${urlOf(app)}/ready`);
  return { status: response.status, ...((await response.json()) as object) };
};
const plugins = [http({ port: 0 })];
const expose = { run: { http: "GET /run", public: true } };
const isReady = { status: "ready" };
const notReady = { status: "not ready", waitingFor: ["store"] };

test("H23: /ready answers 503 while isReady of an app-scoped resource returns false", async () => {
  const { state, handlers } = watched();
  await using app = await bootTest({ handlers, expose, plugins });
  expect(await readyOf(app)).toMatchObject(isReady);
  state.isUp = false;
  await expect.poll(() => readyOf(app), { timeout: 5_000 }).toMatchObject(notReady);
  state.isUp = true;
  await expect.poll(() => readyOf(app), { timeout: 5_000 }).toMatchObject(isReady);
});

test("H23: /ready answers 503 when a resource cannot be opened, and the log contains the error of the resource", async () => {
  const { state, handlers } = watched();
  state.isUp = false;
  await using app = await bootTest({ handlers, expose, plugins });
  expect(await readyOf(app)).toMatchObject(notReady);
  expect(app.log).toContainEqual(
    expect.objectContaining({
      message: "The resource store is not ready for calls",
      fields: { error: expect.stringContaining("connection refused") },
    }),
  );
});

test("H23: parallel requests of /ready share one isReady call, and a call that never returns counts as not ready", async () => {
  const { state, handlers } = watched();
  state.isUp = "hangs";
  await using app = await bootTest({ handlers, expose, plugins });
  const answers = await Promise.all(Array.from({ length: 20 }, () => readyOf(app)));
  expect(new Set(answers.map(({ status }) => status))).toEqual(new Set(["not ready"]));
  expect(state).toMatchObject({ asked: 1, opened: 1 });
});

test('H23: a resource with opens: "start" is open before plugins start', async () => {
  const { state, handlers } = watched({ opens: "start" });
  let openedBefore = 0;
  const late = definePlugin(() => ({
    name: "late",
    start: () => {
      openedBefore = state.opened;
    },
  }));
  await using app = await bootTest({ handlers, plugins: [late()] });
  expect(openedBefore).toBe(1);
  await expectOk(app.as(principal()).call("run"));
  expect(state.opened).toBe(1);
});

test('H23: the app does not start when a resource with opens: "start" fails to open', async () => {
  const { state, handlers } = watched({ opens: "start" });
  state.isUp = false;
  const refusal = await bootTest({ handlers }).catch((error: unknown) => error);
  expect(isBootError(refusal) && refusal.problems).toEqual([
    expect.objectContaining({ cause: "The resource store failed in open: Error: connection refused" }),
  ]);
});

test('H23: a command that runs once does not open resources with opens: "start"', async () => {
  const { state, handlers } = watched({ opens: "start" });
  await using app = await bootTest({ handlers, mode: "run" });
  expect(state.opened).toBe(0);
  await expectOk(app.as(principal()).call("run"));
  expect(state.opened).toBe(1);
});

test("H23: boot refuses opens and isReady on a call-scoped resource", async () => {
  const wrong = (more: object) => resource({ name: "tx", scope: "call", open: () => "tx", ...(more as Record<string, never>) });
  const causes = await Promise.all(
    [{ opens: "start" }, { isReady: () => true }, { opens: "later" }].map(async (more) => {
      const run = handler({ ...mineParts, use: { tx: wrong(more) } });
      const refusal = await bootTest({ handlers: { run } }).catch((error: unknown) => error);
      return isBootError(refusal) ? refusal.problems.map(({ cause }) => cause) : [];
    }),
  );
  expect(causes.flat()).toEqual([
    'The handler run uses the resource tx of the scope "call", which has opens: "start"',
    'The handler run uses the resource tx of the scope "call", which has isReady',
    'The handler run uses the resource tx, which has an invalid value for opens: "later"',
  ]);
});

const mineParts = {
  description: "Run.",
  effect: "read",
  input: Type.Object({}),
  auth: anyone,
  handle: (_: unknown, { principal }: { readonly principal: Principal }) => principal.subject,
} as const;
