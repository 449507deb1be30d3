// S6 and S7 together: while an attacker on 127.0.0.2 does its worst, every request of a client on 127.0.0.3 is answered, and
// the server's memory stays below 300 MiB. `npm run soak` attacks for minutes.

import { request } from "node:http";
import { connect, type Socket } from "node:net";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { type BuiltChild, builtChild } from "../audit/load.ts";
import { serving as start } from "./serving.ts";

const seconds = Number(process.env["QUATER_SOAK_EXHAUSTION"] ?? 3);
const attacker = "127.0.0.2";
const client = "127.0.0.3";

/** Bundled as the package is: a loader would add 80 MiB of its own to the memory that is measured. */
let child: BuiltChild;
beforeAll(async () => {
  child = await builtChild("test/plugins/http/exhaustion-child.ts");
});
afterAll(() => child.dispose());

const serving = (maxOutput?: number) => start(child.file, maxOutput === undefined ? {} : { MAX_OUTPUT: String(maxOutput) });

/** The status of `GET /hello`, asked from the address of the honest client, or what went wrong. */
const asked = (port: number): Promise<number | string | undefined> =>
  new Promise((resolve) => {
    const options = { port, host: "127.0.0.1", path: "/hello", localAddress: client, agent: false, timeout: 20_000 };
    const req = request(options, (answer) => answer.resume().on("end", () => resolve(answer.statusCode)));
    req.on("timeout", () => req.destroy(new Error("timeout")));
    req.on("error", (error) => resolve(error.message)).end();
  });

const mute = (port: number, text: string, localAddress = attacker): Socket => {
  const socket = connect({ port, host: "127.0.0.1", localAddress });
  socket.on("error", () => {}).pause();
  socket.write(text);
  return socket;
};
const get = (path: string) => `GET ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\n\r\n`;
const post = (path: string, body: string) =>
  `POST ${path} HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\nContent-Length: ${Buffer.byteLength(body)}\r\n\r\n${body}`;

const tool = (name: string, input: object, progressToken?: number) => {
  const _meta = progressToken === undefined ? {} : { _meta: { progressToken } };
  const body = JSON.stringify({ jsonrpc: "2.0", id: 1, method: "tools/call", params: { name, arguments: input, ..._meta } });
  return post("/mcp", body).replace("Content-Type", "Accept: application/json, text/event-stream\r\nContent-Type");
};

const endlessForm = `${post("/form", `--b\r\nContent-Disposition: form-data; name="text"\r\n\r\n${" ".repeat(1_040_000)}`)
  .replace("application/json", "multipart/form-data; boundary=b")
  .slice(0, -1)}`;

type Attack = (port: number) => Socket[];
/** The default of `maxOutputBytes` leaves room for no more, and a tool has its answer twice. */
const largest = 7_900_000;
const many =
  (count: number, text: string): Attack =>
  (port) =>
    Array.from({ length: count }, () => mute(port, text));
const attacks: readonly [string, Attack, number?][] = [
  ["1,000 sockets that pipeline four 404s with long paths and never read", many(1_000, get(`/${"\\".repeat(14_000)}`).repeat(4))],
  ["1,000 sockets that pipeline 404s of well-formed long paths", many(1_000, get(`/${"a".repeat(14_000)}`).repeat(4))],
  ["40 readers that stop reading an answer of 20 MB", many(40, get("/large?bytes=20000000"))],
  [
    "40 readers that stop reading an answer of 20 MB, where maxOutputBytes was raised for it",
    many(40, get("/large?bytes=20000000")),
    32 * 1024 * 1024,
  ],
  ["40 readers that stop reading the largest answer by default", many(40, get("/large?bytes=8388606"))],
  ["300 sockets that pipeline large answers", many(300, get("/large?bytes=1000000").repeat(30))],
  ...[60, 250].map((count): [string, Attack] => [
    `${count} calls that wait before the largest answer`,
    many(count, get(`/later?bytes=${largest}`)),
  ]),
  ["250 calls that wait before an answer below 1 MiB", many(250, get("/later?bytes=1000000").repeat(8))],
  ["250 streams of the largest items", many(250, get(`/items?bytes=${largest}&count=3`))],
  ["150 tools that wait before the largest answer", many(150, tool("later", { bytes: largest }))],
  ["150 tools that answer as an event stream", many(150, tool("told", { bytes: largest }, 1))],
  ["150 tools that tell of large items", many(150, tool("items", { bytes: 3_000_000, count: 2 }, 1))],
  ["150 tools that collect many items", many(150, tool("items", { bytes: 200_000, count: 30 }))],
  ["250 bodies of 1 MiB that do not end", many(250, post("/people", " ".repeat(1_048_576)).slice(0, -1))],
  ["250 forms with a text of 1 MiB that do not end", many(250, endlessForm)],
  [
    "keys and lists that take long to check",
    (port) => [
      ...many(3, post("/people", JSON.stringify({ people: { ["@".repeat(30_000)]: {} } })))(port),
      ...many(
        3,
        post(
          "/people",
          JSON.stringify({
            people: Object.fromEntries(Array.from({ length: 900 }, (_, at) => [`${at}${"@.".repeat(245)} `, {}])),
          }),
        ),
      )(port),
      ...many(3, post("/tags", JSON.stringify({ tags: Array.from({ length: 9_000 }, (_, a) => ({ a })) })))(port),
      ...many(3, post("/tags", JSON.stringify({ tags: Array.from({ length: 90_000 }, (_, a) => `t${a}`) })))(port),
    ],
  ],
];

test.each(attacks)(
  "S6, S7: during an attack by one client, other clients get answers and the server's memory stays limited: %s",
  async (name, attack, maxOutput) => {
    using server = await serving(maxOutput);
    const waves: Socket[][] = [];
    const answers: unknown[] = [];
    let most = 0;
    try {
      for (let second = 0; second < seconds; second++) {
        // New connections take the places of those that the server closed. A paused socket does not notice its end, so old ones
        // are closed after five waves: this process may open only so many files.
        if (second % 3 === 0) {
          waves.push(attack(server.port));
          if (waves.length > 5) for (const socket of waves.shift() ?? []) socket.destroy();
        }
        for (let tenth = 0; tenth < 10; tenth++) {
          most = Math.max(most, server.residentMiB());
          await setTimeout(100);
        }
        answers.push(await asked(server.port));
      }
    } finally {
      for (const socket of waves.flat()) socket.destroy();
    }
    if (process.env["QUATER_SOAK_EXHAUSTION"] !== undefined) {
      const answered = answers.filter((status) => status === 200).length;
      process.stdout.write(`${name}: ${most.toFixed(0)} MiB at most, ${answered} of ${seconds} requests answered\n`);
    }
    expect(answers).toEqual(Array(seconds).fill(200));
    expect(most).toBeLessThan(300);
  },
  (seconds * 20 + 60) * 1_000,
);

test("S6: a reader of 1.5 MB per second gets its whole answer while six other clients leave the memory limit of answers unread", async () => {
  using server = await serving();
  const open: Socket[] = [];
  try {
    const peers = Array.from({ length: 6 }, (_, at) => `127.0.0.${at + 11}`);
    for (const peer of peers) for (let at = 0; at < 10; at++) open.push(mute(server.port, get("/later?bytes=7900000"), peer));
    await setTimeout(1_500); // their answers are being written, or wait
    const bytes = 7_000_000;
    const reader = connect({ port: server.port, host: "127.0.0.1", localAddress: client });
    reader.write(get(`/large?bytes=${bytes}`));
    let taken = 0;
    const begin = performance.now();
    const further = setInterval(() => {
      for (const peer of peers) open.push(mute(server.port, get("/large?bytes=7900000"), peer));
    }, 100);
    const ended = new Promise<void>((resolve) => {
      reader.once("error", () => {}).once("close", resolve);
      reader.on("data", async (part: Buffer) => {
        taken += part.length;
        if (taken > bytes) return resolve();
        reader.pause();
        await setTimeout(Math.max(0, taken / 1_500 - (performance.now() - begin)));
        reader.resume();
      });
    });
    await ended;
    clearInterval(further);
    open.push(reader);
    expect(taken).toBeGreaterThan(bytes);
    expect(performance.now() - begin).toBeGreaterThan(4_000); // longer than a period in which the pace is measured
  } finally {
    for (const socket of open) socket.destroy();
  }
}, 60_000);
