// A handler that changed something and returned has run, also when its result cannot be sent. No surface may call that a
// failure: its caller would repeat the call.

import { PassThrough } from "node:stream";
import { anyone, conflict, type Handler, handler, resource, stream, Type, unavailable } from "quater";
import { cli } from "quater/cli";
import { http, httpRef } from "quater/http";
import { mcp } from "quater/mcp";
import { definePlugin } from "quater/plugin-api";
import { audit, store } from "quater/plugins";
import { bootTest, principal, type TestApp, tokens } from "quater/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { kernelOf } from "../../core/testing/kernel-of.ts";
import { act } from "../../plugins/cli/actions/act.ts";
import { readRunArguments } from "../../plugins/cli/actions/run-arguments.ts";
import { Terminal } from "../../plugins/cli/output/terminal.ts";
import { eventsIn, tempFolder } from "./audit/kit.ts";

const ended: string[] = [];
/** `closed` fails for handlers whose commit is to fail. */
const unitOf = (name: string, closed: () => void = () => {}) =>
  resource({
    name,
    scope: "call",
    open: () => 1,
    close: (_unit, { failed }) => {
      ended.push(failed ? "rolled back" : "committed");
      closed();
    },
  });
const unit = unitOf("unit");
const unitThatFails = unitOf("unitThatFails", () => {
  throw new Error("commit failed");
});
const search = resource({ name: "search", scope: "call", open: () => 1, close: () => unavailable("The index is down") });
const index = resource({ name: "index", scope: "call", open: () => 1, close: () => conflict("The index has changed") });

const about = {
  description: "Changes something.",
  effect: "write",
  input: Type.Object({}),
  auth: anyone,
  use: { unit },
} as const;
const nested = (levels: number): unknown => JSON.parse(`${"[".repeat(levels)}${"]".repeat(levels)}`);
const circle = () => {
  const value: Record<string, unknown> = {};
  value["self"] = value;
  return value;
};
const large = "x".repeat(10_001);

const changing: Readonly<Record<string, Handler>> = {
  tooLarge: handler({ ...about, handle: () => large }),
  wrongShape: handler({ ...about, output: Type.Object({ id: Type.Integer() }), handle: (_) => ({ id: "one" }) as never }),
  notJson: handler({ ...about, handle: () => ({ at: new Date() }) }),
  circular: handler({ ...about, handle: circle }),
  deep: handler({ ...about, handle: () => nested(1_001) }),
  noStream: handler({ ...about, output: stream(Type.String()), handle: (() => "text") as never }),
  failsToCommit: handler({ ...about, use: { unit: unitThatFails }, handle: () => "done" }),
  failsAround: handler({ ...about, handle: () => "done" }),
  searchIsDown: handler({ ...about, use: { search, unit }, handle: () => "done" }),
  indexConflicts: handler({ ...about, use: { index, unit }, handle: () => "done" }),
  refusedAround: handler({ ...about, handle: () => "done" }),
  largeItem: handler({
    ...about,
    output: stream(Type.String()),
    async *handle() {
      yield large;
    },
  }),
  wrongItem: handler({
    ...about,
    output: stream(Type.Integer()),
    async *handle() {
      yield "one" as never;
    },
  }),
};
const reading = {
  reads: handler({ ...about, effect: "read", handle: () => large }),
  readsWrong: handler({ ...about, effect: "read", output: Type.Integer(), handle: (_) => "one" as never }),
};
const handlers = { ...changing, ...reading, thousand: handler({ ...about, handle: () => nested(1_000) }) };

const failures: Readonly<Record<string, () => never>> = {
  failsAround: () => {
    throw new Error("the plugin broke");
  },
  refusedAround: () => unavailable("The queue is full"),
};
/** Fails behind the handler, as a plugin might. */
const around = definePlugin(() => ({
  name: "around",
  hooks: (operation) => {
    const fail = failures[operation?.name ?? ""];
    if (fail === undefined) return undefined;
    return { around: (_call, next) => next().then(fail) };
  },
}));

let app: TestApp;
const folder = tempFolder();
beforeAll(async () => {
  const authenticate = tokens({ ana: principal() });
  app = await bootTest({
    root: folder.root,
    handlers,
    expose: Object.fromEntries(Object.keys(handlers).map((name) => [name, { http: `POST /${name}`, mcp: true, cli: true }])),
    plugins: [around(), http({ port: 0, authenticate }), mcp({ authenticate }), cli({ authenticate }), store(), audit()],
    maxOutputBytes: 10_000,
  });
});
afterAll(async () => {
  await app.stop();
  folder[Symbol.dispose]();
});

interface Told {
  readonly code: string;
  readonly message: string;
  readonly callId: string;
  /** The HTTP status, the text of the tool's result, or the exit code. */
  readonly how: unknown;
}

const post = (path: string, body: object, accept = "application/json") =>
  fetch(`${app.services.get(httpRef).baseUrl}${path}`, {
    method: "POST",
    headers: { authorization: "Bearer ana", "content-type": "application/json", accept },
    body: JSON.stringify(body),
  });

const overHttp = async (name: string): Promise<Told> => {
  const response = await post(`/${name}`, {});
  const { code, detail, callId } = (await response.json()) as { code: string; detail: string; callId: string };
  return { code, message: detail, callId, how: response.status };
};

const overMcp = async (name: string): Promise<Told> => {
  const request = { jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: {} } };
  const response = await post("/mcp", request, "application/json, text/event-stream");
  const { result } = (await response.json()) as {
    result: { isError: boolean; content: [{ text: string }]; _meta: { "quater/error": Omit<Told, "how"> } };
  };
  expect(result.isError).toBe(true);
  return { ...result._meta["quater/error"], how: result.content[0].text };
};

const overCli = async (name: string): Promise<Told> => {
  const [stdin, stdout, stderr] = [new PassThrough(), new PassThrough(), new PassThrough()];
  stdin.end();
  const env = { QUATER_TOKEN: "ana" };
  const terminal = new Terminal({ stdin, stdout, stderr }, env);
  const kernel = kernelOf(app);
  const operation = kernel.catalog.get(name);
  if (operation === undefined) throw new Error(name);
  const how = await act(
    { gate: kernel, catalog: kernel.catalog },
    {
      env,
      cwd: folder.root,
      terminal,
      isJson: true,
      isJsonAsked: true,
      isHelp: false,
      config: undefined,
      heedInterrupt: () => new AbortController().signal,
      idle: new AbortController().signal,
      sayFailuresAs: () => {},
    },
    operation,
    readRunArguments([name]),
  );
  await terminal.end();
  const { error } = JSON.parse(String(stderr.read())) as { error: Omit<Told, "how"> };
  return { ...error, how };
};

const surfaces = { http: overHttp, mcp: overMcp, cli: overCli } as const;
const expectedHow = (message: string) => ({
  http: 500,
  mcp: `${message}\nThe call may have taken effect. Do not repeat the call before you have checked whether it took effect.`,
  cli: 76,
});

const endOf = async (callId: string) => {
  const found = () => eventsIn(folder.root).filter(({ meta }) => meta.callId === callId && meta.type === "call.ended");
  await expect.poll(() => found().length).toBe(1);
  const [event] = found();
  return { outcome: event?.meta.outcome, errorCode: event?.meta.errorCode };
};

const undelivered = (name: string, why: string) => ({
  name,
  code: "output_undelivered",
  message: `${name} finished, but its output ${why}. Do not repeat the call`,
  outcome: "succeeded",
  end: "committed",
});
const [tooLarge, wrong] = ["is too large to be sent", "does not match the output schema and could not be sent"];
const unknown = (name: string, end: string, message: string) => ({
  name,
  code: "outcome_unknown",
  message,
  outcome: "unknown",
  end,
});
const afterwards = "finished, but the call failed after that. The call may have taken effect, so do not repeat it";
const stopped = (name: string, why: string) =>
  unknown(
    name,
    "rolled back",
    `${name} was stopped, because an item of its output ${why}. The call may have taken effect, so do not repeat it`,
  );
const cases = [
  undelivered("tooLarge", tooLarge),
  undelivered("wrongShape", wrong),
  undelivered("notJson", wrong),
  undelivered("circular", wrong),
  undelivered("deep", wrong),
  undelivered("noStream", wrong),
  unknown("failsToCommit", "committed", `failsToCommit ${afterwards}`),
  unknown("failsAround", "rolled back", `failsAround ${afterwards}`),
  unknown("searchIsDown", "committed", `searchIsDown ${afterwards}`),
  unknown("indexConflicts", "committed", `indexConflicts ${afterwards}`),
  unknown("refusedAround", "rolled back", `refusedAround ${afterwards}`),
  stopped("largeItem", tooLarge),
  stopped("wrongItem", wrong),
];

describe.each(Object.entries(surfaces))("M12: Quater reports results that it cannot send over %s", (surface, ask) => {
  test.each(cases)("M12: $name: the answer says that the handler ran, and the trail contains the same outcome", async (row) => {
    ended.splice(0);
    const logged = app.log.length;
    const { code, message, callId, how } = await ask(row.name);
    expect({ code, message, how }).toEqual({
      code: row.code,
      message: row.message,
      how: expectedHow(row.message)[surface as keyof typeof surfaces],
    });
    expect(ended).toEqual([row.end]);
    expect(await endOf(callId)).toEqual({ outcome: row.outcome, errorCode: row.code });
    expect(app.log.slice(logged)).toMatchObject([{ level: "error", fields: { callId, error: expect.any(String) } }]);
  });

  test.each([
    ["reads", "output_too_large"],
    ["readsWrong", "internal"],
  ])("M12: the error of a read whose result cannot be sent says that nothing changed: %s fails with %s", async (name, code) => {
    ended.splice(0);
    expect(await ask(name)).toMatchObject({ code });
    expect(ended).toEqual(["rolled back"]);
  });
});

test("M12: every surface sends a result with 1,000 levels of nesting", async () => {
  const answers = await app.acrossSurfaces({ handler: "thousand", input: { json: "{}" }, token: "ana" });
  expect(Object.values(answers).map(({ ok }) => ok)).toEqual([true, true, true]);
});

test("M12: a write ends with outcome_unknown when the items of its stream together are too large for one tool result", async () => {
  const name = "manyItems";
  const root = tempFolder();
  const authenticate = tokens({ ana: principal() });
  const many = handler({
    ...about,
    output: stream(Type.String()),
    async *handle() {
      for (let n = 0; n < 3; n++) yield "x".repeat(5_000);
    },
  });
  await using other = await bootTest({
    root: root.root,
    handlers: { [name]: many },
    expose: { [name]: { mcp: true } },
    plugins: [http({ port: 0, authenticate }), mcp({ authenticate }), store(), audit()],
    maxOutputBytes: 10_000,
  });
  ended.splice(0);
  const answers = await other.acrossSurfaces({ handler: name, input: { json: "{}" }, token: "ana" });
  expect(answers["mcp"]).toMatchObject({ ok: false, ...stoppedAs(name) });
  expect(ended).toEqual(["rolled back"]);
  const last = () => eventsIn(root.root).find(({ meta }) => meta.type === "call.ended")?.meta;
  await expect.poll(last).toMatchObject({ outcome: "unknown", errorCode: "outcome_unknown" });
});

const stoppedAs = (name: string) => {
  const { code, message } = stopped(name, tooLarge);
  return { code, message };
};
