// `quater mcp` as a process of its own, with clients that flood it, do not read, or leave.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { readFileSync } from "node:fs";
import { setTimeout } from "node:timers/promises";
import { afterEach, beforeAll, expect, test } from "vitest";
import { builtProgram } from "../../built.ts";
import { builtProject } from "../cli/kit.ts";

const running: ChildProcess[] = [];
let folder = "";
beforeAll(() => {
  const made = builtProject({
    "handlers.mjs": `
import { authenticated, handler, stream, Type } from "quater";
const pause = () => new Promise((resolve) => setTimeout(resolve, 300));
const about = { description: "Waits.", effect: "write", input: Type.Object({}), auth: authenticated };
const says = (text) => process.stderr.write(text + "\\n");
export const deaf = handler({ ...about, handle: (_, { signal }) => {
  says("deaf begins");
  signal.addEventListener("abort", () => says("signal aborted"));
  return new Promise((resolve) => setTimeout(resolve, 3_600_000));
} });
export const large = handler({ ...about, effect: "read", handle: () => "x".repeat(1_000_000) });
export const later = handler({ ...about, effect: "read", handle: () => pause().then(() => "x".repeat(7_900_000)) });
async function* give(count, bytes) {
  for (let at = 0; at < count; at++) {
    await pause();
    yield "x".repeat(bytes);
  }
}
export const items = handler({ ...about, effect: "read", output: stream(Type.String()), handle: () => give(2, 3_000_000) });
export const parts = handler({ ...about, effect: "read", output: stream(Type.String()), handle: () => give(30, 200_000) });
`,
    "quater.config.mjs": `
import { defineConfig, expose } from "quater";
import { localUser } from "quater/auth";
import { mcp } from "quater/mcp";
const table = { deaf: { mcp: true }, large: { mcp: true }, later: { mcp: true }, items: { mcp: true }, parts: { mcp: true } };
export default defineConfig({ name: "m", handlers: [expose(() => import("./handlers.mjs"), table)], plugins: [mcp({ authenticate: localUser() })] });
`,
  });
  folder = made.folder;
  return made.remove;
});
afterEach(() => {
  for (const child of running.splice(0)) child.kill("SIGKILL");
});

const start = () => {
  const child = spawn(process.execPath, [builtProgram(), "mcp"], { cwd: folder });
  running.push(child);
  child.stdin.on("error", () => {});
  let said = "";
  child.stderr.on("data", (part: Buffer) => {
    said += part.toString();
  });
  const saying = (text: string) => expect.poll(() => said, { timeout: 30_000, interval: 20 }).toContain(text);
  return { child, saying, ended: once(child, "exit") as Promise<[number | null, string | null]> };
};
const line = (id: number, method: string, params: object = {}) => `${JSON.stringify({ jsonrpc: "2.0", id, method, params })}\n`;
const call = (id: number, name: string) => line(id, "tools/call", { name, arguments: {} });
const residentMiB = ({ pid }: ChildProcess) =>
  Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${pid}/status`, "utf8"))?.[1]) / 1024;

/** Reads until there are so many answers. */
const answersOf = async (child: ChildProcess, count: number) => {
  let answers = 0;
  let refused = 0;
  let rest = "";
  for await (const part of child.stdout as NonNullable<ChildProcess["stdout"]>) {
    const lines = (rest + String(part)).split("\n");
    rest = lines.pop() ?? "";
    answers += lines.length;
    refused += lines.filter((one) => one.includes('"error"')).length;
    if (answers >= count) break;
  }
  return { answers, refused };
};

test.each([
  ["tools/list", 65_000, (id: number) => line(id, "tools/list")],
  ["refusals", 65_000, (id: number) => line(id, "tools/none")],
  ["large answers", 1_000, (id: number) => call(id, "large")],
])(
  "S14: quater mcp stops reading from a client that sends without end and reads no answers: %s",
  async (_what, count, text) => {
    const { child } = start();
    child.stdin.write(line(0, "ping"));
    await once(child.stdout, "readable"); // and not read yet
    const flood = Array.from({ length: count }, (_, at) => text(at + 1)).join("");
    child.stdin.write(flood);
    let most = 0;
    for (let round = 0; round < 30; round++) {
      await setTimeout(100);
      most = Math.max(most, residentMiB(child));
    }
    expect(most).toBeLessThan(300);
    const few = Math.min(count / 50, 1_000);
    const read = await answersOf(child, few); // once it reads, it goes on
    expect(read.answers).toBeGreaterThanOrEqual(few);
  },
  90_000,
);

test.each(["later", "items", "parts"])(
  "S14: the answers of 250 calls of %s stay within a memory limit while the MCP client does not read, and all arrive when the client reads",
  async (name) => {
    const { child } = start();
    child.stdin.write(line(0, "ping"));
    await once(child.stdout, "readable"); // and not read yet
    const params = { name, arguments: {}, _meta: { progressToken: 1 } };
    child.stdin.write(Array.from({ length: 250 }, (_, at) => line(at + 1, "tools/call", params)).join(""));
    let most = 0;
    const answered = new Set<number>();
    let results = 0;
    const watching = setInterval(() => {
      most = Math.max(most, residentMiB(child));
    }, 50);
    await setTimeout(4_000);
    let rest = "";
    for await (const part of child.stdout) {
      const lines = (rest + String(part)).split("\n");
      rest = lines.pop() ?? "";
      for (const text of lines) {
        const id = Number(/"id":(\d+)/.exec(text.slice(0, 100))?.[1] ?? Number.NaN);
        if (Number.isNaN(id)) continue; // progress
        answered.add(id);
        if (id > 0 && !text.includes('"rate_limited"')) results++;
      }
      if (answered.size === 251) break;
    }
    clearInterval(watching);
    if (process.env["QUATER_SOAK_EXHAUSTION"] !== undefined)
      process.stdout.write(`most resident memory: ${most.toFixed(0)} MiB, ${results} of 250 answers whole\n`);
    expect(answered.size).toBe(251);
    expect(results).toBeGreaterThan(0);
    expect(most).toBeLessThan(300);
  },
  120_000,
);

test("S14: quater mcp refuses further requests while 256 calls run, and still reads cancellations", async () => {
  const { child, saying } = start();
  child.stdin.write(Array.from({ length: 300 }, (_, at) => call(at, "deaf")).join(""));
  const { answers, refused } = await answersOf(child, 44);
  expect([answers, refused]).toEqual([44, 44]);
  child.stdin.write('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":3}}\n');
  await saying("signal aborted");
}, 60_000);

test.each(["closes its end", "closes both ends"])(
  "M4: when an MCP client %s, its calls are aborted, and quater mcp exits even if a handler continues",
  async (how) => {
    const { child, saying, ended } = start();
    child.stdin.write(call(1, "deaf"));
    await saying("deaf begins");
    if (how === "closes both ends") child.stdout.destroy();
    child.stdin.end();
    await saying("signal aborted");
    const [code, signal] = await ended;
    expect([code, signal]).toEqual([0, null]);
  },
  60_000,
);

test("M4: quater mcp aborts the calls of an MCP client that no longer reads at the next answer", async () => {
  const { child, saying, ended } = start();
  child.stdin.write(call(1, "deaf"));
  await saying("deaf begins");
  child.stdout.destroy();
  child.stdin.write(line(2, "ping"));
  await saying("signal aborted");
  expect((await ended)[0]).toBe(0);
}, 60_000);

test("M4: quater mcp exits after SIGTERM even if a handler continues", async () => {
  const { child, saying, ended } = start();
  child.stdin.write(call(1, "deaf"));
  await saying("deaf begins");
  child.kill("SIGTERM");
  await saying("signal aborted");
  await ended;
}, 60_000);
