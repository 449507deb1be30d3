// The client of a call closes its connection while the handler runs. Nobody reads the answer, so the log must contain the outcome
// of the handler.

import { once } from "node:events";
import { connect } from "node:net";
import { anyone, type Handler, handler, resource, Type } from "quater";
import { http, httpRef } from "quater/http";
import { definePlugin } from "quater/plugin-api";
import { bootTest, type TestApp } from "quater/testing";
import { expect, test } from "vitest";

interface Signs {
  begun: () => void;
  ended: () => void;
}
const signs: Signs = { begun: () => {}, ended: () => {} };
const signOf = (name: keyof Signs): Promise<void> =>
  new Promise((resolve) => {
    signs[name] = resolve;
  });
const record = definePlugin(() => ({ name: "record", hooks: { settled: () => signs.ended() } }));

const about = { description: "Runs on.", input: Type.Object({}), auth: anyone } as const;

/** Waits until its client has left, and then ends as `end` does. */
const waiting = (effect: "read" | "write", end: (signal: AbortSignal) => unknown, more: object = {}): Handler =>
  handler({
    ...about,
    ...more,
    effect,
    handle: async (_, { signal }) => {
      signs.begun();
      if (!signal.aborted) await once(signal, "abort");
      return end(signal);
    },
  });

/** Posts, and closes the connection once the handler waits, or where it is to wait for a body. @returns The log. */
const leave = async (given: Handler, body = "{}", length = body.length): Promise<TestApp["log"]> => {
  await using app = await bootTest({
    handlers: { waits: given },
    expose: { waits: { http: "POST /waits", public: true } },
    plugins: [http({ port: 0 }), record()],
  });
  const [begun, ended] = [signOf("begun"), signOf("ended")];
  const { port } = new URL(app.services.get(httpRef).baseUrl ?? "");
  const socket = connect(Number(port), "127.0.0.1");
  await once(socket, "connect");
  const head = `POST /waits HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\ncontent-length: ${length}\r\n\r\n`;
  await new Promise<void>((resolve) => socket.write(head + body, () => resolve()));
  if (length === body.length) await begun;
  socket.destroy();
  await ended;
  return [...app.log];
};

const broke = () => {
  throw new Error("the disk is full");
};

/** As axios rejects when its signal aborts. */
const canceled = () => {
  throw Object.assign(new Error("canceled"), { name: "CanceledError", code: "ERR_CANCELED" });
};
test("Quater logs a read that fails after its HTTP client has left with the level info", async () => {
  expect(await leave(waiting("read", canceled))).toMatchObject([
    { level: "info", fields: { callId: expect.any(String), error: expect.stringContaining("CanceledError") } },
  ]);
});

test.each([
  ["read", "info", "waits ended with an error after the call was cancelled"],
  ["write", "error", "waits failed"],
] as const)(
  "Quater logs a %s that fails after its HTTP client has left as %s with the call id",
  async (effect, level, message) => {
    expect(await leave(waiting(effect, broke))).toMatchObject([
      {
        level,
        message,
        fields: {
          handler: "waits",
          surface: "http",
          callId: expect.any(String),
          error: expect.stringContaining("the disk is full"),
        },
      },
    ]);
  },
);

test("Quater logs a commit that fails after the HTTP client has left with the call id", async () => {
  const unit = resource({ name: "unit", scope: "call", open: () => 1, close: broke });
  expect(await leave(waiting("write", () => "done", { use: { unit } }))).toMatchObject([
    { level: "error", fields: { callId: expect.any(String), error: expect.stringContaining("the disk is full") } },
  ]);
});

test.each([
  ["throws what its signal aborted with", (signal: AbortSignal) => Promise.reject(signal.reason)],
  [
    "throws an error around that",
    (signal: AbortSignal) => Promise.reject(new Error("The query was cancelled", { cause: signal.reason })),
  ],
  ["ends after all", () => "done"],
])("Quater logs no error when the client has left and the handler %s", async (_, end) => {
  expect(await leave(waiting("write", end))).toEqual([]);
});

test("Quater logs no error when an HTTP client leaves before the end of its request body", async () => {
  expect(await leave(waiting("write", broke), "{", 2)).toEqual([]);
});
