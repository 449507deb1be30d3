// O7: at a stop every caller learns how its call ended, before its connection closes.

import { Agent, request } from "node:http";
import { anyone, handler, resource, stream, Type } from "quater";
import { http, httpRef } from "quater/http";
import { mcp } from "quater/mcp";
import { definePlugin } from "quater/plugin-api";
import { bootTest, principal, type TestApp, tokens } from "quater/testing";
import { expect, test } from "vitest";

const signs = () => {
  let give: () => void = () => {};
  const given = new Promise<void>((resolve) => {
    give = resolve;
  });
  return { given, give };
};
const about = { description: "Runs on.", input: Type.Object({}), auth: anyone } as const;

const boot = async (drainMs: number, finish: Promise<void> = new Promise(() => {})) => {
  const begun: string[] = [];
  const ended: string[] = [];
  const closed: string[] = [];
  const unit = resource({
    name: "unit",
    scope: "call",
    open: () => 1,
    close: (_unit, { failed }) => void closed.push(failed ? "failed" : "ok"),
  });
  const deaf = (name: string) => async () => {
    begun.push(name);
    await finish;
    return "done";
  };
  const source = (name: string) =>
    async function* () {
      yield "first";
      begun.push(name);
      await finish;
      yield "last";
    };
  const handlers = {
    writes: handler({ ...about, effect: "write", use: { unit }, handle: deaf("writes") }),
    reads: handler({ ...about, effect: "read", use: { unit }, handle: deaf("reads") }),
    streams: handler({ ...about, effect: "write", output: stream(Type.String()), handle: source("streams") }),
    listens: handler({ ...about, effect: "read", output: stream(Type.String()), handle: source("listens") }),
  };
  const record = definePlugin(() => ({
    name: "record",
    hooks: { settled: (call, outcome) => void ended.push(`${call.handler} ${outcome.ok ? "ok" : outcome.error.code}`) },
  }));
  const authenticate = tokens({ ana: principal() });
  const app = await bootTest({
    handlers,
    expose: Object.fromEntries(Object.keys(handlers).map((name) => [name, { http: `POST /${name}`, mcp: true }])),
    plugins: [record(), http({ port: 0, authenticate }), mcp({ authenticate })],
    drainMs,
  });
  return { app, begun, ended, closed };
};

const urlOf = (app: TestApp) => app.services.get(httpRef).baseUrl ?? "";
const post = (app: TestApp, path: string, body: object = {}, accept = "*/*") =>
  fetch(`${urlOf(app)}${path}`, {
    method: "POST",
    headers: { authorization: "Bearer ana", "content-type": "application/json", accept },
    body: JSON.stringify(body),
  });
const tool = (app: TestApp, name: string) =>
  post(
    app,
    "/mcp",
    { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: {} } },
    "application/json, text/event-stream",
  );

test("O7: during a stop of the server, callers of handlers that ignore the AbortSignal get outcome_unknown", async () => {
  const { app, begun, ended } = await boot(50);
  const answers = [post(app, "/writes"), post(app, "/reads"), tool(app, "writes"), tool(app, "reads")];
  await expect.poll(() => begun.length).toBe(4);
  await app.stop();
  const [writes, reads, writesByMcp, readsByMcp] = await Promise.all(answers.map((answer) => answer));
  expect([writes?.status, writes?.headers.get("connection"), await writes?.json()]).toMatchObject([
    500,
    "close",
    { code: "outcome_unknown" },
  ]);
  expect([reads?.status, await reads?.json()]).toMatchObject([503, { code: "stopping" }]);
  expect(await writesByMcp?.text()).toMatch(/"code":"outcome_unknown".*"isError":true/);
  expect(await readsByMcp?.text()).toMatch(/"code":"stopping".*"isError":true/);
  expect(ended.sort()).toEqual(["reads stopping", "reads stopping", "writes outcome_unknown", "writes outcome_unknown"]);
});

test.each([
  ["*/*", /^"first"\n\{"error":(\{.*\})\}\n$/],
  ["text/event-stream", /^data: "first"\n\nevent: error\ndata: (\{.*\})\n\n$/],
])(
  "O7: during a stop of the server, a stream whose source hangs and ignores the AbortSignal ends with an error frame (%s)",
  async (accept, frame) => {
    const { app, begun, ended } = await boot(50);
    const answers = await Promise.all([post(app, "/streams", {}, accept), post(app, "/listens", {}, accept)]);
    const texts = answers.map((answer) => answer.text());
    await expect.poll(() => begun.length).toBe(2);
    await app.stop();
    const codes = (await Promise.all(texts)).map((text) => (JSON.parse(frame.exec(text)?.[1] ?? "{}") as { code: string }).code);
    expect(codes).toEqual(["outcome_unknown", "stopping"]);
    expect(ended.sort()).toEqual(["listens stopping", "streams outcome_unknown"]);
  },
);

test("O7: a handler that ends after the answer of the stopping server changes neither the answer nor the trail", async () => {
  const { given, give } = signs();
  const { app, begun, ended, closed } = await boot(20, given);
  const answer = post(app, "/writes");
  await expect.poll(() => begun.length).toBe(1);
  await app.stop();
  give();
  expect(await (await answer).json()).toMatchObject({ code: "outcome_unknown" });
  await expect.poll(() => closed).toEqual(["ok"]);
  expect(ended).toEqual(["writes outcome_unknown"]);
});

test("O7: a call that ends within drainMs of a stop gets its normal answer, and its connection closes", async () => {
  const { given, give } = signs();
  const { app, begun, ended } = await boot(10_000, given);
  const answer = post(app, "/writes");
  await expect.poll(() => begun.length).toBe(1);
  const stopped = app.stop();
  give();
  const { status, headers } = await answer;
  await stopped;
  expect([status, headers.get("connection"), ended]).toEqual([200, "close", ["writes ok"]]);
});

test("O7: during a stop of the server, a request on a kept-alive connection gets 503 with Connection: close, and /health and /ready answer", async () => {
  const { given, give } = signs();
  const { app, begun } = await boot(10_000, given);
  const agents = Array.from({ length: 4 }, () => new Agent({ keepAlive: true, maxSockets: 1 }));
  const get = (agent: Agent | undefined, path: string, method = "GET") =>
    new Promise<[number | undefined, string | undefined, boolean]>((resolve, reject) => {
      const asked = request(`${urlOf(app)}${path}`, { agent, method, headers: { authorization: "Bearer ana" } }, (answer) => {
        answer.resume().on("end", () => resolve([answer.statusCode, answer.headers.connection, asked.reusedSocket]));
      });
      asked.on("error", reject).end();
    });
  for (const agent of agents) expect(await get(agent, "/health")).toEqual([200, "keep-alive", false]);
  const answer = post(app, "/writes");
  await expect.poll(() => begun.length).toBe(1);
  const stopped = app.stop();
  expect(await get(agents[0], "/openapi.json")).toEqual([503, "close", true]);
  expect(await get(agents[1], "/reads", "POST")).toEqual([503, "close", true]);
  expect(await get(agents[2], "/health")).toEqual([200, "close", true]);
  expect(await get(agents[3], "/ready")).toEqual([503, "close", true]);
  give();
  expect((await answer).status).toBe(200);
  await stopped;
  expect(begun).toEqual(["writes"]);
});

test("O7: a call does not run when the server answered with the code stopping before the request body had arrived", async () => {
  const { app, begun } = await boot(20);
  let send: (chunk?: string) => void = () => {};
  const answer = new Promise<number | undefined>((resolve) => {
    const asked = request(
      `${urlOf(app)}/writes`,
      { method: "POST", headers: { authorization: "Bearer ana", "content-type": "application/json", "content-length": 2 } },
      ({ statusCode }) => resolve(statusCode),
    );
    asked.on("error", () => {});
    asked.write("{");
    send = (chunk) => asked.end(chunk);
  });
  await fetch(`${urlOf(app)}/health`); // the request before it has arrived
  await new Promise((resolve) => setTimeout(resolve, 50));
  const stopped = app.stop();
  expect(await answer).toBe(503);
  send("}");
  await stopped;
  expect(begun).toEqual([]);
});
