import { PassThrough } from "node:stream";
import { finished } from "node:stream/promises";
import { setImmediate } from "node:timers/promises";
import { authenticated, handler, Type } from "quater";
import { mcp, mcpRef } from "quater/mcp";
import { bootTest, principal } from "quater/testing";
import { expect, test } from "vitest";
import { boot, callText, session, waiting } from "./shop.ts";

test("over stdio, the MCP server aborts a cancelled call and sends no answer", async () => {
  const { wait, started, aborted } = waiting();
  await using app = await boot({ handlers: { wait } });
  const stdio = session(app, "ana");
  stdio.write(callText("wait"));
  await started;
  stdio.write('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":99}}');
  stdio.write('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7,"reason":"changed my mind"}}');
  await aborted;
  expect(await stdio.end()).toEqual([]);
});

test("an MCP session over stdio ends when standard input and all calls have ended", async () => {
  const { wait, started, release } = waiting();
  await using app = await boot({ handlers: { wait } });
  const stdio = session(app, "ana");
  stdio.write(callText("wait"));
  await started;
  let hasEnded = false;
  void stdio.ended.then(() => {
    hasEnded = true;
  });
  const rest = stdio.end();
  await finished(stdio.input);
  await setImmediate(); // everything that the end of the input causes has happened by now
  expect(hasEnded).toBe(false);
  release();
  expect(await rest).toMatchObject([{ id: 7, result: { content: [{ text: "waited" }] } }]);
});

test("the calls of an MCP client over stdio are cancelled when the client no longer reads", async () => {
  const { wait, started, aborted } = waiting();
  await using app = await boot({ handlers: { wait } });
  const input = new PassThrough();
  const output = new PassThrough();
  const ended = app.services.get(mcpRef).serveStdio({ input, output, env: { QUATER_MCP_TOKEN: "ana" }, say: () => {} });
  input.write(`${callText("wait")}\n`);
  await started;
  output.destroy(new Error("EPIPE"));
  await aborted;
  await ended;
});

test("over stdio, the MCP server answers each call at its end, and refuses a request with an id in use", async () => {
  const { wait, started, release } = waiting();
  await using app = await boot({ handlers: { wait } });
  const stdio = session(app, "ana");
  stdio.write(callText("wait"));
  await started;
  stdio.write('{"jsonrpc":"2.0","id":8,"method":"ping"}');
  expect(await stdio.next()).toMatchObject({ id: 8 });
  stdio.write(callText("wait"));
  expect(await stdio.next()).toMatchObject({ id: 7, error: { code: -32600 } });
  release();
  expect(await stdio.next()).toMatchObject({ id: 7, result: {} });
  await stdio.end();
});

test("over stdio, the MCP caller is the principal of the token, or the local user without a token", async () => {
  const whoAmI = handler({
    description: "Tells who calls.",
    effect: "read",
    input: Type.Object({}),
    auth: authenticated,
    handle: (_input, { principal: { subject, kind, actsFor } }) => ({ subject, kind, actsFor: actsFor ?? "nobody" }),
  });
  await using app = await bootTest({
    handlers: { whoAmI },
    expose: { whoAmI: { mcp: true } },
    plugins: [
      mcp({
        authenticate: ({ token, isLocal }) =>
          token === "key"
            ? principal({ subject: "bot", kind: "service", actsFor: "ana" })
            : isLocal
              ? principal({ subject: "local" })
              : undefined,
      }),
    ],
  });
  const local = session(app);
  local.write(callText("whoAmI"));
  expect(await local.end()).toMatchObject([
    { result: { content: [{ text: '{"subject":"local","kind":"agent","actsFor":"local"}' }] } },
  ]);
  const keyed = session(app, "key");
  keyed.write(callText("whoAmI"));
  expect(await keyed.end()).toMatchObject([
    { result: { content: [{ text: '{"subject":"bot","kind":"agent","actsFor":"ana"}' }] } },
  ]);
  const refused = session(app, "stale");
  refused.write(callText("whoAmI"));
  expect(await refused.end()).toMatchObject([{ id: 7, error: { code: -32001, data: { code: "invalid_token" } } }]);
  expect(refused.said).toEqual([
    "The credential is unknown, expired, revoked, or made for another service. Ask the operator of this service for a new credential. Check QUATER_MCP_TOKEN",
  ]);
});

test("over stdio, an MCP call without the required scope gets a tool error that the model can read", async () => {
  await using app = await boot();
  const stdio = session(app, "ben");
  stdio.write(callText("wipe"));
  expect(await stdio.end()).toMatchObject([
    { result: { isError: true, content: [{ text: "This call needs a credential with the scope wipe" }] } },
  ]);
});

test("over stdio, the progress messages of an MCP call arrive before the answer of the call", async () => {
  await using app = await boot();
  const stdio = session(app, "ana");
  stdio.write(callText("count", '{"to":2}', ',"_meta":{"progressToken":"t"}'));
  const all = await stdio.end();
  expect(all.map(({ method, id, params }) => [method ?? id, params?.progress])).toEqual([
    ["notifications/progress", 1],
    ["notifications/progress", 2],
    [7, undefined],
  ]);
});
