// Requests at four times the rate that a server can answer. Each is answered or refused, none waits for ever, the server is
// back to normal within 5 seconds, and its memory stays below 256 MiB. `npm run soak` does this for 30 seconds.

import { request } from "node:http";
import { setTimeout } from "node:timers/promises";
import { afterAll, beforeAll, expect, test } from "vitest";
import { figures } from "../approval/figures.ts";
import { type BuiltChild, builtChild } from "../audit/load.ts";
import { serving } from "./serving.ts";

const seconds = Number(process.env["QUATER_SOAK_OVERLOAD"] ?? 5);
const backWithinMs = 5_000;
/** A request without an answer after this time hangs. */
const hangMs = 60_000;

let child: BuiltChild;
beforeAll(async () => {
  child = await builtChild("test/plugins/http/overload-child.ts");
});
afterAll(() => child.dispose());

interface Asked {
  /** Resolves when the request has left this process, or has failed. */
  readonly sent: Promise<void>;
  /** The status, with 503 only for an answer with Retry-After, or the code of an error of the connection. */
  readonly ended: Promise<number | string>;
}

const send = (port: number, path: string, localAddress: string, timeout = hangMs): Asked => {
  const req = request({ port, host: "127.0.0.1", path, localAddress, agent: false, timeout });
  const sent = new Promise<void>((resolve) => req.once("finish", resolve).once("close", resolve));
  const ended = new Promise<number | string>((resolve) => {
    req.on("response", (answer) => {
      answer.resume();
      const isWhole = answer.statusCode !== 503 || answer.headers["retry-after"] === "1";
      resolve(isWhole ? (answer.statusCode ?? 0) : "503 without Retry-After");
    });
    req.on("timeout", () => req.destroy(Object.assign(new Error("timeout"), { code: "timeout" })));
    req.on("error", (error: NodeJS.ErrnoException) => resolve(error.code ?? error.message));
  });
  req.end();
  return { sent, ended };
};

/** Answers per second to ten clients that each send the next request when they have the answer. */
const capacity = async (port: number, path: string): Promise<number> => {
  const end = performance.now() + 2_000;
  let answered = 0;
  const client = async () => {
    while (performance.now() < end) if ((await send(port, path, "127.0.0.2").ended) === 200) answered++;
  };
  await Promise.all(Array.from({ length: 10 }, client));
  return answered / 2;
};

test.each(["/compute", "/wait"])(
  "at four times the capacity of the server, requests of %s are answered or refused with 503, and 5 seconds later all are answered",
  async (path) => {
    using server = await serving(child.file);
    const perSecond = 4 * (await capacity(server.port, path));
    const peers = Array.from({ length: 8 }, (_, at) => `127.0.0.${at + 11}`);
    const asked: Asked[] = [];
    let most = 0;
    const begin = performance.now();
    for (let passed = 0; passed < seconds; passed = (performance.now() - begin) / 1_000) {
      while (asked.length < passed * perSecond) asked.push(send(server.port, path, peers[asked.length % peers.length] ?? ""));
      most = Math.max(most, server.residentMiB());
      await setTimeout(5);
    }
    await Promise.all(asked.map(({ sent }) => sent));
    const over = performance.now();
    const left = () => backWithinMs - (performance.now() - over);
    let normal: number | string = "";
    while (normal !== 200 && left() > 0) normal = await send(server.port, path, "127.0.0.3", Math.max(1, left())).ended;
    const backMs = performance.now() - over;
    const counts: Record<string, number> = {};
    for (const end of await Promise.all(asked.map(({ ended }) => ended))) counts[end] = (counts[end] ?? 0) + 1;
    figures(`overload of ${path}`, { perSecond, ...counts, backMs, mostMiB: most });
    expect(normal).toBe(200);
    expect(Object.keys(counts).sort()).toEqual(["200", "503"]);
    expect(most).toBeLessThan(256);
  },
  (seconds * 3 + 120) * 1_000,
);
