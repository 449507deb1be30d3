// S6: clients that never read, and clients with many connections, leave room for the others.

import { connect, type Socket } from "node:net";
import { anyone, handler, Type } from "quater";
import { http, httpRef } from "quater/http";
import { definePlugin, type OptionsOf } from "quater/plugin-api";
import { bootTest, type TestApp } from "quater/testing";
import { afterEach, expect, test } from "vitest";
import type { TestBoot } from "../../../core/testing/index.ts";
import { networkOf } from "../../../plugins/http/sockets.ts";
import { raw } from "./socket.ts";

const open: Socket[] = [];
afterEach(() => {
  for (const socket of open.splice(0)) socket.destroy();
});

const large = handler({
  description: "Gives a large answer.",
  effect: "read",
  input: Type.Object({ bytes: Type.Integer() }),
  auth: anyone,
  handle: ({ bytes }) => "x".repeat(bytes),
});

const boot = (options: OptionsOf<typeof http>, more: Partial<TestBoot> = {}) =>
  bootTest({
    handlers: { large },
    expose: { large: { http: "GET /large", public: true } },
    maxOutputBytes: 64 * 1024 * 1024,
    ...more,
    plugins: [...(more.plugins ?? []), http({ port: 0, ...options })],
  });
const urlOf = (app: TestApp) => app.services.get(httpRef).baseUrl ?? "";

/** A client that sends and does not read. */
const mute = (app: TestApp, text: string, localAddress = "127.0.0.1") => {
  const socket = connect({ port: Number(new URL(urlOf(app)).port), host: "127.0.0.1", localAddress });
  open.push(socket);
  socket.on("error", () => {});
  socket.pause();
  socket.write(text);
  return socket;
};
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: localhost\r\n\r\n`;
/** Whether the server has closed the connection: what it had sent before stands in front of the end. */
const closedByServer = (socket: Socket): Promise<number> => {
  let bytes = 0;
  socket.on("data", (part: Buffer) => {
    bytes += part.length;
  });
  return new Promise((resolve) => {
    socket.once("close", () => resolve(bytes));
    socket.resume();
  });
};
/** Resolves once so many bytes are there. */
const wholeOf = (socket: Socket, bytes: number): Promise<number> => {
  let taken = 0;
  return new Promise((resolve) => {
    socket.on("data", (part: Buffer) => {
      taken += part.length;
      if (taken >= bytes) resolve(taken);
    });
  });
};
const connections = (sockets: readonly Socket[]) =>
  Promise.all(
    sockets.map(
      (socket) =>
        new Promise<boolean>((resolve) => {
          socket.once("close", () => resolve(false));
          socket.once("data", () => resolve(true));
          socket.resume();
          socket.write(get("/health"));
        }),
    ),
  );

test("S6: the server closes the connection of a client that reads no byte of an answer within the stall time", async () => {
  await using app = await boot({ stallTimeoutMs: 400 });
  const bytes = 30_000_000;
  const stalled = mute(app, get(`/large?bytes=${bytes}`));
  const whole = fetch(`${urlOf(app)}/large?bytes=${bytes}`).then((answer) => answer.text());
  expect((await whole).length).toBe(bytes + 2);
  await new Promise((resolve) => setTimeout(resolve, 1_500)); // longer than the stall time, the promise itself
  expect(await closedByServer(stalled)).toBeLessThan(bytes);
});

test("S6: a client that reads slowly gets the whole answer, even when reading takes longer than the stall time", async () => {
  await using app = await boot({ stallTimeoutMs: 3_000 });
  const bytes = 30_000_000;
  const slow = mute(app, get(`/large?bytes=${bytes}`));
  let taken = 0;
  const begin = performance.now();
  const whole = new Promise<void>((resolve, reject) => {
    slow.once("close", () => reject(new Error(`closed after ${taken} bytes`)));
    slow.on("data", (part: Buffer) => {
      taken += part.length;
      if (taken > bytes) resolve();
      slow.pause();
      setTimeout(() => slow.resume(), 15);
    });
  });
  slow.resume();
  await whole;
  expect(performance.now() - begin).toBeGreaterThan(3_000);
}, 60_000);

test.each([
  ["pipelined requests that get 404", get(`/${"a".repeat(200)}`).repeat(31)],
  ["bytes that Node's parser refuses", "rubbish\r\n\r\n"],
  ["health", get("/health")],
])("S6: a client that reads nothing cannot keep its connection open with %s", async (_name, text) => {
  await using app = await boot({ stallTimeoutMs: 300 });
  const socket = mute(app, text);
  const port = Number(new URL(urlOf(app)).port);
  const isOpen = async () => {
    const { readFileSync } = await import("node:fs");
    const hex = port.toString(16).toUpperCase().padStart(4, "0");
    // Established or half closed, seen from the server.
    const lines = readFileSync("/proc/net/tcp", "utf8").split("\n");
    return lines.some((line) =>
      new RegExp(
        `^\\s*\\d+: [0-9A-F]{8}:${hex} [0-9A-F]{8}:${(socket.localPort ?? 0).toString(16).toUpperCase().padStart(4, "0")} (01|08|05)`,
      ).test(line),
    );
  };
  await expect.poll(isOpen, { interval: 100 }).toBe(false); // idle connections end after five seconds
});

test("S6: HTTP requests on one connection run one after the other, and the answers keep the order of the requests", async () => {
  let running = 0;
  let most = 0;
  const seen: number[] = [];
  const slow = handler({
    description: "Waits.",
    effect: "write",
    input: Type.Object({ n: Type.Integer() }),
    auth: anyone,
    handle: async ({ n }) => {
      most = Math.max(most, ++running);
      await new Promise((resolve) => setTimeout(resolve, 5));
      seen.push(n);
      running--;
      return { n };
    },
  });
  await using app = await boot({}, { handlers: { slow }, expose: { slow: { http: "POST /slow", public: true } } });
  const post = (n: number) => {
    const body = JSON.stringify({ n });
    return `POST /slow HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n${n === 19 ? "Connection: close\r\n" : ""}\r\n${body}`;
  };
  const socket = mute(app, Array.from({ length: 20 }, (_, n) => post(n)).join(""));
  let text = "";
  socket.on("data", (part: Buffer) => {
    text += part.toString("latin1");
  });
  await new Promise((resolve) => socket.once("close", resolve).resume());
  const order = Array.from({ length: 20 }, (_, n) => n);
  expect([...text.matchAll(/\{"n":(\d+)\}/g)].map(([, n]) => Number(n))).toEqual(order);
  expect([most, seen]).toEqual([1, order]);
});

test("S6: the server closes the connection of a client that pipelines more than 32 requests, and runs no other request of the client", async () => {
  let ran = 0;
  const hang = handler({
    description: "Waits.",
    effect: "read",
    input: Type.Object({}),
    auth: anyone,
    handle: (_input, { signal }) => {
      ran++;
      return new Promise<null>((resolve) => signal.addEventListener("abort", () => resolve(null)));
    },
  });
  await using app = await boot({}, { handlers: { hang }, expose: { hang: { http: "GET /hang", public: true } } });
  expect(await closedByServer(mute(app, get("/hang").repeat(500)))).toBe(0);
  expect(ran).toBe(1);
  expect((await raw(urlOf(app), get("/health"))).status).toBe(200);
});

test("S6: the server refuses connections above the limit for one client address, and accepts connections of other addresses", async () => {
  await using app = await boot({ maxConnectionsPerPeer: 5 });
  const attacker = Array.from({ length: 12 }, () => mute(app, "", "127.0.0.2"));
  const answered = await connections(attacker);
  expect(answered.filter(Boolean)).toHaveLength(5);
  expect(await connections([mute(app, "", "127.0.0.3")])).toEqual([true]);
  expect(app.log).toMatchObject([
    { level: "warn", message: expect.stringContaining("5 open connections"), fields: { peer: "127.0.0.2" } },
  ]);
  for (const socket of attacker) socket.destroy();
  // A place is free again once the server has seen the end.
  await expect.poll(async () => connections([mute(app, "", "127.0.0.2")]), { timeout: 5_000 }).toEqual([true]);
});

test("S6: the limit of connections per client address does not apply to trusted proxies", async () => {
  await using app = await boot({ maxConnectionsPerPeer: 2, trustedProxies: ["127.0.0.2"] });
  const proxy = Array.from({ length: 6 }, () => mute(app, "", "127.0.0.2"));
  expect(await connections(proxy)).toEqual(Array(6).fill(true));
});

test("S6: the connection limits of http() also apply to the listener of another plugin", async () => {
  let port = 0;
  const apart = definePlugin(() => ({
    name: "apart",
    needs: [httpRef],
    setup: ({ services }) => ({
      start: async () => {
        const listener = await services.get(httpRef).listen("apart", { port: 0 }, [], ({ at }) => {
          at("/health", (ctx) => {
            ctx.body = "here";
          });
        });
        port = Number(new URL(listener.baseUrl ?? "").port);
      },
    }),
  }));
  await using _app = await boot({ maxConnectionsPerPeer: 3 }, { plugins: [apart()] });
  const sockets = Array.from({ length: 6 }, () => {
    const socket = connect({ port, host: "127.0.0.1" });
    open.push(socket);
    return socket.on("error", () => {});
  });
  expect((await connections(sockets)).filter(Boolean)).toHaveLength(3);
});

test.each([
  ["127.0.0.1", "127.0.0.1"],
  ["::ffff:10.0.0.7", "10.0.0.7"],
  ["2001:db8:1:2:aaaa:bbbb:cccc:dddd", "2001:db8:1:2::/64"],
  ["2001:db8:1:2::1", "2001:db8:1:2::/64"],
  ["2001:DB8:1::5", "2001:db8:1:0::/64"],
  ["fe80::1%eth0", "fe80:0:0:0::/64"],
  ["::1", "0:0:0:0::/64"],
])("S6: the limit of connections per client address counts the address %s as %s", (address, network) =>
  expect(networkOf(address)).toBe(network),
);

test("S6: the server delays requests of a client with unread answers, and then runs them one after the other", async () => {
  let ran = 0;
  const counted = handler({
    description: "Gives a large answer.",
    effect: "read",
    input: Type.Object({ bytes: Type.Integer() }),
    auth: anyone,
    handle: ({ bytes }) => {
      ran++;
      return "x".repeat(bytes);
    },
  });
  await using app = await boot({ stallTimeoutMs: 60_000 }, { handlers: { large: counted } });
  const bytes = 20_000_000;
  const readers = Array.from({ length: 6 }, () => mute(app, get(`/large?bytes=${bytes}`), "127.0.0.2"));
  // Another peer does not wait.
  expect((await (await fetch(`${urlOf(app)}/large?bytes=1`)).text()).length).toBe(3);
  await expect.poll(() => ran, { timeout: 40_000 }).toBe(7); // the last of them runs when those before were cut off
  const taken = await Promise.all(readers.map((reader) => Promise.race([closedByServer(reader), wholeOf(reader, bytes)])));
  expect(taken.filter((one) => one < bytes).length).toBeGreaterThanOrEqual(5);
}, 60_000);

/** Waits, so that several calls run before the first of them is answered. */
const later = handler({
  description: "Waits, and gives a large answer.",
  effect: "write",
  input: Type.Object({ bytes: Type.Integer() }),
  auth: anyone,
  handle: async ({ bytes }) => {
    await new Promise((resolve) => setTimeout(resolve, 200));
    return "x".repeat(bytes);
  },
});
const bootLater = () =>
  boot(
    { stallTimeoutMs: 60_000 },
    {
      handlers: { large, later },
      expose: { large: { http: "GET /large", public: true }, later: { http: "POST /later", public: true } },
    },
  );
const post = (path: string, body: string) =>
  `POST ${path} HTTP/1.1\r\nHost: localhost\r\nContent-Type: application/json\r\nContent-Length: ${body.length}\r\n\r\n${body}`;

test("S6: a client that reads steadily keeps its connection while other answers to the address of the client wait", async () => {
  await using app = await bootLater();
  const bytes = 20_000_000;
  const steady = mute(app, get(`/large?bytes=${bytes}`), "127.0.0.2");
  let taken = 0;
  const begin = performance.now();
  const ended = new Promise<void>((resolve) => {
    steady.once("close", resolve);
    steady.on("data", (part: Buffer) => {
      taken += part.length;
      if (taken > bytes) return resolve();
      steady.pause();
      setTimeout(() => steady.resume(), taken / 3_000 - (performance.now() - begin)); // 3 MB per second
    });
  });
  steady.resume();
  await expect.poll(() => taken).toBeGreaterThan(0);
  const next = mute(app, get("/large?bytes=1000000"), "127.0.0.2");
  await ended;
  expect(taken).toBeGreaterThan(bytes);
  expect(await wholeOf(next.resume(), 1_000_000)).toBeGreaterThan(1_000_000);
}, 60_000);

test("S6: when too many unread answers wait, the server drops new large answers and their callers get an error", async () => {
  await using app = await bootLater();
  // All these calls run before the first of them ends.
  const bytes = 7_000_000;
  const text = post("/later", JSON.stringify({ bytes }));
  const statuses = await Promise.all(
    Array.from({ length: 40 }, () =>
      raw(urlOf(app), text, { keepOpen: true }).then(({ status, body }) => [status, body] as const),
    ),
  );
  const dropped = statuses.filter(([status]) => status === 500);
  expect(statuses.filter(([status]) => status === 200).length).toBeGreaterThanOrEqual(2);
  expect(dropped.length).toBeGreaterThan(20);
  expect(dropped.length + statuses.filter(([status]) => status === 200).length).toBe(40);
  expect(JSON.parse(dropped[0]?.[1] ?? "")).toMatchObject({ code: "output_undelivered" });
}, 60_000);
