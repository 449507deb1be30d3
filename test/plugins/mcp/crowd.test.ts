// 50 callers with 20 calls each, all at the same time and with the same request ids and progress tokens. Answers and progress must
// reach only their caller.

import { setImmediate } from "node:timers/promises";
import { authenticated, handler, Type } from "quater";
import { http } from "quater/http";
import { mcp } from "quater/mcp";
import { principal, tokens } from "quater/testing";
import { expect, test } from "vitest";
import { boot, post, type Rpc, session } from "./shop.ts";

const callers = Array.from({ length: 50 }, (_, at) => `caller-${at}`);
const numbers = Array.from({ length: 20 }, (_, at) => at + 1);
const authenticate = tokens(Object.fromEntries(callers.map((subject) => [subject, principal({ subject })])));
// The callers share the address of this computer.
const plugins = [http({ port: 0, authenticate, maxConnectionsPerPeer: 1_000, maxRequests: 1_000 }), mcp({ authenticate })];

/** A handler whose calls continue when all calls have begun, and then run in turns. */
const together = (count: number) => {
  let begun = 0;
  const signs = new Map<number, () => void>();
  const begins = (number: number) => new Promise<void>((resolve) => void signs.set(number, resolve));
  const all = begins(count);
  const who = handler({
    description: "Says who calls.",
    effect: "read",
    input: Type.Object({ number: Type.Integer() }),
    output: Type.Object({ said: Type.String() }),
    auth: authenticated,
    handle: async ({ number }, { principal: { subject }, progress }) => {
      signs.get(++begun)?.();
      await all;
      for (const part of [1, 2]) {
        progress(part / 2, `${subject} ${number} ${part}`);
        for (let turn = 0; turn < (number % 3) + part; turn++) await setImmediate();
      }
      return { said: `${subject} ${number}` };
    },
  });
  return { who, begins };
};

const version = "io.modelcontextprotocol/protocolVersion";
const capabilities = "io.modelcontextprotocol/clientCapabilities";
const modern = { [version]: "2026-07-28", [capabilities]: {} };

const call = (number: number, meta: object = {}): string => {
  const params = { name: "who", arguments: { number }, _meta: { ...meta, progressToken: number } };
  return JSON.stringify({ jsonrpc: "2.0", id: number, method: "tools/call", params });
};

/** Returns the messages that a call must get. */
const expected = (subject: string, number: number) => [
  ...[1, 2].map((part) => ({
    method: "notifications/progress",
    params: { progressToken: number, message: `${subject} ${number} ${part}` },
  })),
  { id: number, result: { structuredContent: { said: `${subject} ${number}` } } },
];

const messagesIn = (events: string): readonly Rpc[] =>
  [...events.matchAll(/^data: (.+)$/gm)].map(([, json = ""]) => JSON.parse(json) as Rpc);

test.each([
  ["revision 2025-11-25", {}, {}],
  ["revision 2026-07-28", modern, { "mcp-protocol-version": "2026-07-28", "mcp-method": "tools/call", "mcp-name": "who" }],
])(
  "50 MCP callers over HTTP get only their own answers and progress from 20 parallel calls each, in %s",
  async (_era, meta, headers: Readonly<Record<string, string>>) => {
    const { who, begins } = together(1_000);
    await using app = await boot({ handlers: { who }, plugins });
    const calls: Promise<{ subject: string; number: number; messages: readonly Rpc[] }>[] = [];
    for (const subject of callers) {
      // Connections open a few at a time, because the queue of the operating system for new connections is short.
      const begun = calls.length + numbers.length === 1_000 ? undefined : begins(calls.length + numbers.length);
      for (const number of numbers)
        calls.push(
          post(app, call(number, meta), { ...headers, authorization: `Bearer ${subject}` }).then(({ text }) => ({
            subject,
            number,
            messages: messagesIn(text),
          })),
        );
      await begun;
    }
    const got = await Promise.all(calls);
    expect(got).toHaveLength(1_000);
    for (const { subject, number, messages } of got) {
      expect(messages).toHaveLength(3);
      expect(messages).toMatchObject(expected(subject, number));
    }
  },
);

test("50 MCP callers over stdio get only their own answers and progress from 20 parallel calls each", async () => {
  await using app = await boot({ handlers: { who: together(1_000).who }, plugins });
  const got = await Promise.all(
    callers.map(async (subject) => {
      const stdio = session(app, subject);
      for (const number of numbers) stdio.write(call(number));
      const messages: Rpc[] = [];
      while (messages.length < 3 * numbers.length) messages.push(await stdio.next());
      return { subject, messages: [...messages, ...(await stdio.end())] };
    }),
  );
  for (const { subject, messages } of got) {
    expect(messages).toHaveLength(3 * numbers.length);
    for (const number of numbers) {
      const own = messages.filter(({ id, params }) => id === number || params?.progressToken === number);
      expect(own).toMatchObject(expected(subject, number));
    }
  }
});
