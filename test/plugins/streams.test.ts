// How a stream ends is told alike on every surface, and never by silence.

import { anyone, handler, stream, Type } from "quater";
import { http, httpRef } from "quater/http";
import { mcp } from "quater/mcp";
import { bootTest, principal, type TestApp, tokens } from "quater/testing";
import { expect, test } from "vitest";

const pause = () => new Promise((resolve) => setTimeout(resolve, 5));
const about = {
  description: "Counts without an end.",
  input: Type.Object({ watches: Type.Boolean() }),
  output: stream(Type.Integer()),
  auth: anyone,
} as const;
async function* endless(signal: AbortSignal, watches: boolean) {
  for (let n = 0; ; n++) {
    if (watches) signal.throwIfAborted();
    yield n;
    await pause();
  }
}
const handlers = {
  reads: handler({ ...about, effect: "read", handle: ({ watches }, { signal }) => endless(signal, watches) }),
  writes: handler({ ...about, effect: "write", handle: ({ watches }, { signal }) => endless(signal, watches) }),
};

const boot = (): Promise<TestApp> => {
  const authenticate = tokens({ ana: principal() });
  return bootTest({
    handlers,
    expose: { reads: { http: "POST /reads", mcp: true }, writes: { http: "POST /writes", mcp: true } },
    plugins: [http({ port: 0, authenticate }), mcp({ authenticate })],
    drainMs: 20,
  });
};

const send = async (app: TestApp, path: string, accept: string, body: object): Promise<Response> => {
  const headers = { authorization: "Bearer ana", "content-type": "application/json", accept };
  const url = `${app.services.get(httpRef).baseUrl}${path}`;
  return fetch(url, { method: "POST", headers, body: JSON.stringify(body) });
};

type Ask = (app: TestApp, name: string, input: object) => Promise<Response>;
const surfaces: readonly [string, Ask, RegExp][] = [
  ["as lines", (app, name, input) => send(app, `/${name}`, "*/*", input), /\n\{"error":(\{.*\})\}\n$/],
  ["as events", (app, name, input) => send(app, `/${name}`, "text/event-stream", input), /\nevent: error\ndata: (\{.*\})\n\n$/],
  [
    "collected by a tool",
    (app, name, input) => {
      const params = { name, arguments: input, _meta: { progressToken: 1 } }; // told item by item, so that it is under way
      return send(app, "/mcp", "application/json, text/event-stream", { jsonrpc: "2.0", id: 1, method: "tools/call", params });
    },
    /"quater\/error":(\{.*?"errors":\[\])/,
  ],
];
const cases = surfaces.flatMap(([how, ask, last]) => [true, false].map((watches) => ({ how, ask, last, watches })));

test.each(cases)(
  "a stream that a stop of the server interrupts ends with an error, $how (source watches the AbortSignal of the call: $watches)",
  async (given) => {
    const app = await boot();
    const { ask, last, watches } = given;
    const answers = await Promise.all(["reads", "writes"].map((name) => ask(app, name, { watches })));
    await app.stop();
    const texts = await Promise.all(answers.map((answer) => answer.text()));
    expect(texts.map((text) => /"code":"(\w+)"/.exec(last.exec(text)?.[1] ?? "")?.[1])).toEqual(["stopping", "outcome_unknown"]);
    expect(texts.join()).not.toContain("event: end");
    expect(app.log.filter(({ level }) => level === "error")).toEqual([]);
  },
);
