// How a client of the revisions of 2025 cancels a call over HTTP: with a notification in its session, and not by closing the
// connection.

import { setImmediate } from "node:timers/promises";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";
import { anyone, handler, Type } from "quater";
import { http } from "quater/http";
import { mcp } from "quater/mcp";
import { audit, store } from "quater/plugins";
import { principal, tokens } from "quater/testing";
import { describe, expect, test } from "vitest";
import { Sessions } from "../../../plugins/mcp/transport/session-ids.ts";
import { onBothDialects } from "../approval/dialects-kit.ts";
import { mounting } from "../http/shop.ts";
import { as, callAndLeave, cancelled, initialize, sessionOf } from "./cancel-kit.ts";
import { boot, callText, people, post, urlOf, waiting } from "./shop.ts";

/** A handler that waits until it is told to end or aborted, and the state of its last call. */
const watched = () => {
  const state = { isAborted: false, isFinished: false };
  let begin = () => {};
  let release = () => {};
  const started = new Promise<void>((resolve) => {
    begin = resolve;
  });
  const released = new Promise<void>((resolve) => {
    release = resolve;
  });
  const watch = handler({
    description: "Waits.",
    effect: "read",
    input: Type.Object({}),
    auth: anyone,
    handle: async (_input, { signal }) => {
      signal.addEventListener("abort", () => {
        state.isAborted = true;
        release();
      });
      begin();
      await released;
      state.isFinished = true;
      return null;
    },
  });
  return { watch, started, release: () => release(), state };
};

/** Boots with a sign for the end of the connection of each POST. */
const bootWithEnds = (handlers: NonNullable<Parameters<typeof boot>[0]>["handlers"]) => {
  let seen = 0;
  const noting = mounting(({ under }) =>
    under("/mcp", (ctx, next) => {
      ctx.res.once("close", () => {
        seen++;
      });
      return next();
    }),
  );
  const plugins = [http({ port: 0, authenticate: tokens(people) }), noting, mcp({ authenticate: tokens(people) })];
  return { booting: boot({ ...(handlers === undefined ? {} : { handlers }), plugins }), seen: () => seen };
};

test.each(["aborts its signal", "waits too short a time"])(
  "M1: the AbortSignal of a handler aborts over HTTP when the client of the MCP SDK %s",
  async (how) => {
    const { wait, started, aborted } = waiting();
    await using app = await boot({ handlers: { wait } });
    const client = new Client({ name: "test", version: "1" });
    const requestInit = { headers: { authorization: "Bearer ana" } };
    await client.connect(new StreamableHTTPClientTransport(new URL(urlOf(app)), { requestInit }) as never);
    const leaving = new AbortController();
    const options = how === "aborts its signal" ? { signal: leaving.signal } : { timeout: 500 };
    const call = client.callTool({ name: "wait", arguments: {} }, undefined, options);
    const outcome = expect(call).rejects.toThrow();
    await started;
    leaving.abort();
    await outcome;
    await aborted;
    await client.close();
  },
);

test("M1: a cancelled MCP call over HTTP gets an event stream without an answer", async () => {
  const { wait, started, aborted } = waiting();
  await using app = await boot({ handlers: { wait } });
  const session = await sessionOf(app);
  const call = post(app, callText("wait"), as("ana", session));
  await started;
  const { response } = await post(app, cancelled(), as("ana", session));
  expect(response.status).toBe(202);
  await aborted;
  const answer = await call;
  expect([answer.response.status, answer.response.headers.get("content-type")]).toEqual([200, "text/event-stream"]);
  expect(answer.text).toBe("");
});

test("M1: a client can cancel an MCP call only with the principal, the session and the id of the call", async () => {
  const { watch, started, release, state } = watched();
  await using app = await boot({ handlers: { watch } });
  const session = await sessionOf(app);
  const other = await sessionOf(app);
  const ofBen = await sessionOf(app, "ben");
  const call = post(app, callText("watch"), as("ana", session));
  await started;
  const wrong: readonly (readonly [body: string, headers: Record<string, string>, status: number])[] = [
    [cancelled(), as("ana"), 202],
    [cancelled(), as("ana", other), 202],
    [cancelled(), as("ben", ofBen), 202],
    [cancelled(), as("ben", session), 404],
    [cancelled(8), as("ana", session), 202],
    [cancelled("7"), as("ana", session), 202],
    ['{"jsonrpc":"2.0","method":"notifications/cancelled","params":{}}', as("ana", session), 202],
  ];
  for (const [body, said, status] of wrong) expect((await post(app, body, said)).response.status).toBe(status);
  expect(state.isAborted).toBe(false);
  release();
  expect((await call).rpc).toMatchObject({ id: 7, result: {} });
});

test("M1: before MCP revision 2026-07-28, a client that closes its connection does not cancel its call", async () => {
  const { watch, started, release, state } = watched();
  const { booting, seen } = bootWithEnds({ watch });
  await using app = await booting;
  const leave = callAndLeave(app, callText("watch"), as("ana"));
  await started;
  leave();
  await expect.poll(seen, { interval: 5 }).toBe(1);
  await setImmediate(); // All listeners of the connection's end have run.
  expect(state.isAborted).toBe(false);
  release();
  await expect.poll(() => state.isFinished, { interval: 5 }).toBe(true);
  expect(state.isAborted).toBe(false);
});

test("M1: a call of MCP revision 2026-07-28 aborts when its client closes the stream", async () => {
  const { wait, started, aborted } = waiting();
  await using app = await boot({ handlers: { wait } });
  const meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} };
  const said = { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "wait" };
  const leave = callAndLeave(app, callText("wait", "{}", `,"_meta":${JSON.stringify(meta)}`), { ...as("ana"), ...said });
  await started;
  leave();
  await aborted;
});

test("M1: Quater aborts the seventeenth call of one caller whose MCP client has left", async () => {
  const signals: AbortSignal[] = [];
  const endings: (() => void)[] = [];
  const hang = handler({
    description: "Waits until it is aborted.",
    effect: "read",
    input: Type.Object({}),
    auth: anyone,
    handle: (_input, { signal }) => {
      signals.push(signal);
      return new Promise((resolve) => {
        endings.push(() => resolve(null));
        signal.addEventListener("abort", () => resolve(null));
      });
    },
  });
  const { booting, seen } = bootWithEnds({ hang });
  await using app = await booting;
  for (let count = 1; count <= 18; count++) {
    const leave = callAndLeave(app, callText("hang"), as("ana"));
    await expect.poll(() => signals.length, { interval: 5 }).toBe(count);
    leave();
    await expect.poll(seen, { interval: 5 }).toBe(count);
  }
  await setImmediate();
  expect(signals.map(({ aborted }) => aborted)).toEqual([...Array(16).fill(false), true, true]);
  for (const end of endings) end();
});

test("M1: the MCP server answers 404 to a session id that is wrong or belongs to another caller", async () => {
  await using app = await boot();
  const session = await sessionOf(app);
  const ping = '{"jsonrpc":"2.0","id":1,"method":"ping"}';
  const status = async (said: string, body = ping, token = "ana") => (await post(app, body, as(token, said))).response.status;
  expect(session).toMatch(/^[A-Za-z0-9_-]{72}$/);
  expect(await status(session)).toBe(200);
  const changed = `${session.startsWith("A") ? "B" : "A"}${session.slice(1)}`;
  for (const wrong of ["", "x", changed, session.slice(1), `${session}A`, `${session}=`]) {
    const { response, rpc } = await post(app, ping, as("ana", wrong));
    expect([wrong, response.status, rpc.id]).toEqual([wrong, 404, 1]);
  }
  expect(await status(session, ping, "ben")).toBe(404);
  expect(await status(changed, initialize)).toBe(200);
  expect(await status(session, initialize)).toBe(200);
  // A refused handshake opens no session.
  const refused = await post(app, '{"jsonrpc":"2.0","id":1,"method":"initialize"}');
  expect(refused.response.headers.get("mcp-session-id")).toBeNull();
});

describe("MCP session ids expire and belong to one caller", () => {
  const day = 24 * 3_600_000;
  const [old, fresh] = [Buffer.alloc(32, 1), Buffer.alloc(32, 2)];

  test("an MCP session id is valid for 30 days, and a session id with a future time is not valid", () => {
    let now = 1_800_000_000_000;
    const sessions = new Sessions(
      () => [old],
      () => now,
    );
    const id = sessions.issue(people.ana);
    expect(sessions.accepts(id, people.ana)).toBe(true);
    now += 30 * day;
    expect(sessions.accepts(id, people.ana)).toBe(true);
    now += 1;
    expect(sessions.accepts(id, people.ana)).toBe(false);
    now -= 31 * day;
    expect(sessions.accepts(id, people.ana)).toBe(false);
  });

  test("an MCP session id from before a rotation of the keys is still valid", () => {
    const id = new Sessions(() => [old]).issue(people.ana);
    expect(new Sessions(() => [fresh, old]).accepts(id, people.ana)).toBe(true);
    expect(new Sessions(() => [fresh]).accepts(id, people.ana)).toBe(false);
  });

  test("two MCP sessions of one caller have different session ids", () => {
    const sessions = new Sessions(() => [old]);
    expect(sessions.issue(people.ana)).not.toBe(sessions.issue(people.ana));
    expect(sessions.accepts(sessions.issue(people.ana), principal({ subject: "ana", issuer: "another" }))).toBe(false);
  });
});

onBothDialects((claim) => {
  claim("M1: an instance aborts an MCP call when another instance receives the cancellation", async ({ root, url }) => {
    const { wait, started, aborted } = waiting();
    const instance = () =>
      boot({
        root,
        handlers: { wait },
        plugins: [
          store({ ...(url === undefined ? {} : { url }), mayLoseCommits: true }),
          audit(),
          http({ port: 0, authenticate: tokens(people) }),
          mcp({ authenticate: tokens(people) }),
        ],
      });
    await using here = await instance();
    await using there = await instance();
    const session = await sessionOf(there);
    const call = post(here, callText("wait"), as("ana", session));
    await started;
    expect((await post(there, cancelled(), as("ana", session))).response.status).toBe(202);
    await aborted;
    expect((await call).text).toBe("");
  });
});
