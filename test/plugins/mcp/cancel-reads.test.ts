// How a client of the revisions of 2025 cancels the reading of a resource, the getting of a prompt and a completion over HTTP,
// and which cancellations other instances receive.

import { setImmediate } from "node:timers/promises";
import { anyone, handler, Type } from "quater";
import { http } from "quater/http";
import { mcp } from "quater/mcp";
import { audit, store } from "quater/plugins";
import { tokens } from "quater/testing";
import { expect, test } from "vitest";
import { Calls, ClientCall } from "../../../plugins/mcp/transport/calls.ts";
import { SharedCancels } from "../../../plugins/mcp/transport/shared-cancels.ts";
import { storeRef } from "../../../plugins/store/service.ts";
import { onBothDialects } from "../approval/dialects-kit.ts";
import { mounting } from "../http/shop.ts";
import { as, callAndLeave, cancelled, sessionOf } from "./cancel-kit.ts";
import { boot, people, post } from "./shop.ts";

const ways = [
  ["resources/read", { uri: "wait://one" }],
  ["prompts/get", { name: "wait", arguments: { which: "one" } }],
  ["completion/complete", { ref: { type: "ref/prompt", name: "wait" }, argument: { name: "which", value: "o" } }],
] as const;

/** Boots with a handler whose calls and completions wait until they are aborted, and with a sign for the end of each connection. */
const bootWaiting = async () => {
  const signals: AbortSignal[] = [];
  const endings: (() => void)[] = [];
  let ends = 0;
  const waitFor = (signal: AbortSignal) =>
    new Promise<void>((resolve, reject) => {
      signals.push(signal);
      endings.push(resolve);
      signal.addEventListener("abort", () => reject(signal.reason));
    });
  const wait = handler({
    description: "Waits.",
    effect: "read",
    input: Type.Object({ which: Type.String() }),
    output: Type.String(),
    auth: anyone,
    complete: {
      which: async ({ signal }) => {
        await waitFor(signal);
        return ["one"];
      },
    },
    handle: async (_input, { signal }) => {
      await waitFor(signal);
      return "done";
    },
  });
  const noting = mounting(({ under }) =>
    under("/mcp", (ctx, next) => {
      ctx.res.once("close", () => {
        ends++;
      });
      return next();
    }),
  );
  const app = await boot({
    handlers: { wait },
    expose: { wait: { mcp: { resource: "wait://{which}", prompt: true } } },
    plugins: [http({ port: 0, authenticate: tokens(people) }), noting, mcp({ authenticate: tokens(people) })],
  });
  return { app, signals, end: () => endings.forEach((end) => void end()), ends: () => ends };
};

const message = (method: string, params: object) => JSON.stringify({ jsonrpc: "2.0", id: 7, method, params });

test.each(ways)(
  "M1: a notification of an MCP client cancels its request %s over HTTP, and the request gets no answer",
  async (method, params) => {
    const { app, signals } = await bootWaiting();
    await using _app = app;
    const session = await sessionOf(app);
    const call = post(app, message(method, params), as("ana", session));
    await expect.poll(() => signals.length, { interval: 5 }).toBe(1);
    expect((await post(app, cancelled(), as("ben", await sessionOf(app, "ben")))).response.status).toBe(202);
    expect(signals[0]?.aborted).toBe(false);
    expect((await post(app, cancelled(), as("ana", session))).response.status).toBe(202);
    const { response, text } = await call;
    expect([response.status, response.headers.get("content-type"), text]).toEqual([200, "text/event-stream", ""]);
    expect(signals[0]?.aborted).toBe(true);
  },
);

test.each(ways)(
  "M1: Quater aborts the seventeenth request %s of one caller whose MCP client has left",
  async (method, params) => {
    const { app, signals, end, ends } = await bootWaiting();
    await using _app = app;
    for (let count = 1; count <= 18; count++) {
      const leave = callAndLeave(app, message(method, params), as("ana"));
      await expect.poll(() => signals.length, { interval: 5 }).toBe(count);
      leave();
      await expect.poll(ends, { interval: 5 }).toBe(count);
    }
    await setImmediate();
    expect(signals.map(({ aborted }) => aborted)).toEqual([...Array(16).fill(false), true, true]);
    end();
  },
);

onBothDialects((claim) => {
  claim("cancellations of unknown MCP calls fill neither the store nor the limit of other callers", async ({ root, url }) => {
    await using app = await boot({
      root,
      plugins: [
        store({ ...(url === undefined ? {} : { url }), mayLoseCommits: true }),
        audit(),
        http({ port: 0, authenticate: tokens(people) }),
        mcp({ authenticate: tokens(people) }),
      ],
    });
    const calls = new Calls();
    const ofBen = new ClientCall();
    calls.begin("call of ben", ofBen);
    const warnings: string[] = [];
    const log = { warn: (text: string) => void warnings.push(text) };
    const kept = app.services.get(storeRef);
    const sending = new SharedCancels(kept, new Calls(), log as never);
    for (let count = 0; count < 1_000; count++) sending.send(`unknown ${count}`, "ana");
    sending.send("call of ben", "ben");
    await sending.stop();
    const open = await kept.open();
    const rows = await open.read<{ call_key: string }>(
      open.queries<{ mcp_cancelled: { call_key: string } }>().selectFrom("mcp_cancelled").select("call_key"),
    );
    // The first cancellation is written at once. 20 more of ana and one of ben wait for the next write.
    expect(rows.length).toBe(22);
    const reading = new SharedCancels(kept, calls, log as never);
    reading.watch();
    await expect.poll(() => ofBen.isTakenBack, { interval: 20, timeout: 5_000 }).toBe(true);
    calls.end("call of ben", ofBen);
    await reading.stop();
    expect(warnings).toEqual([]);
  });
});
