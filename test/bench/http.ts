// Requests per second and CPU per request of whole servers, in turns.

import { type ChildProcessByStdio, spawn } from "node:child_process";
import { once } from "node:events";
import { closeSync, mkdtempSync, openSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import type { Readable, Writable } from "node:stream";
import { fileURLToPath } from "node:url";
import { buildSync } from "esbuild";
import { type Cpu, inTurns, type Load, type Measured, median, request, run } from "./load.ts";

export { median };

const root = fileURLToPath(new URL("../..", import.meta.url));

export interface Variant {
  readonly name: string;
  readonly server:
    | "node"
    | "koa"
    | "koaMounted"
    | "fastify"
    | "hono"
    | "express"
    | "handWritten"
    | "quater"
    | "quaterMounted"
    | "sdk"
    | "served"
    | "servedLogged";
  readonly handlers: number;
  readonly bytes: string;
  readonly expected: string;
}

export interface Figures {
  readonly perSecond: number;
  /** CPU time of the server per request, microseconds. */
  readonly user: number;
  readonly system: number;
  readonly p99Ms: number;
}

const auth = { authorization: "Bearer key" };
/** The last handler: where a linear search would pay most. */
const get = (handlers: number) => request("GET", `/items${handlers - 1}/some-text?limit=20`, auth);
const body = JSON.stringify({ text: "t".repeat(90), limit: 20 }).padEnd(150, " ");
const post = (handlers: number) =>
  request("POST", `/items${handlers - 1}`, { ...auth, "content-type": "application/json" }, body);
const mcp = (version: string, method: string, params: object, headers: Readonly<Record<string, string>> = {}) =>
  request(
    "POST",
    "/mcp",
    {
      ...auth,
      "content-type": "application/json",
      accept: "application/json, text/event-stream",
      "mcp-protocol-version": version,
      ...headers,
    },
    JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }),
  );
const call = (handlers: number) => ({ name: `item${handlers - 1}`, arguments: { text: "some-text", limit: 20 } });
const toolCall = (handlers: number) => mcp("2025-11-25", "tools/call", call(handlers));
const meta = { "io.modelcontextprotocol/protocolVersion": "2026-07-28", "io.modelcontextprotocol/clientCapabilities": {} };
/** A call in the revision 2026-07-28, which repeats method and name in headers. */
const modernCall = (handlers: number) =>
  mcp(
    "2026-07-28",
    "tools/call",
    { ...call(handlers), _meta: meta },
    { "mcp-method": "tools/call", "mcp-name": `item${handlers - 1}` },
  );
const toolList = mcp("2025-11-25", "tools/list", {});

const found = '"limit":20';
export const httpVariants: readonly Variant[] = [
  { name: "get node", server: "node", handlers: 1, bytes: get(1), expected: found },
  { name: "get koa", server: "koa", handlers: 1, bytes: get(1), expected: found },
  { name: "get quater 10", server: "quater", handlers: 10, bytes: get(10), expected: found },
  { name: "get fastify 10", server: "fastify", handlers: 10, bytes: get(10), expected: found },
  { name: "get hono 10", server: "hono", handlers: 10, bytes: get(10), expected: found },
  { name: "get express 10", server: "express", handlers: 10, bytes: get(10), expected: found },
  { name: "get served 10", server: "served", handlers: 10, bytes: get(10), expected: found },
  { name: "get served logged 10", server: "servedLogged", handlers: 10, bytes: get(10), expected: found },
  { name: "get koa mounted", server: "koaMounted", handlers: 1, bytes: get(1), expected: found },
  { name: "get quater mounted", server: "quaterMounted", handlers: 10, bytes: get(10), expected: found },
  { name: "get hand-written 10", server: "handWritten", handlers: 10, bytes: get(10), expected: found },
  { name: "get quater 1000", server: "quater", handlers: 1000, bytes: get(1000), expected: found },
  { name: "get hand-written 1000", server: "handWritten", handlers: 1000, bytes: get(1000), expected: found },
  { name: "post node", server: "node", handlers: 1, bytes: post(1), expected: found },
  { name: "post koa", server: "koa", handlers: 1, bytes: post(1), expected: found },
  { name: "post quater 10", server: "quater", handlers: 10, bytes: post(10), expected: found },
  { name: "post fastify 10", server: "fastify", handlers: 10, bytes: post(10), expected: found },
  { name: "mcp sdk 10", server: "sdk", handlers: 10, bytes: toolCall(10), expected: found },
  { name: "mcp quater 10", server: "quater", handlers: 10, bytes: toolCall(10), expected: found },
  { name: "mcp 2026 quater 10", server: "quater", handlers: 10, bytes: modernCall(10), expected: found },
  { name: "mcp sdk 100", server: "sdk", handlers: 100, bytes: toolCall(100), expected: found },
  { name: "mcp quater 100", server: "quater", handlers: 100, bytes: toolCall(100), expected: found },
  { name: "mcp list quater 100", server: "quater", handlers: 100, bytes: toolList, expected: '"item99"' },
];

/**
 * Compiles a server of this folder to JavaScript. A loader would stay in the process and slow it down.
 *
 * @param checkout  The built checkout whose Quater the server imports. Default: this one.
 * @returns The path of the compiled file.
 */
export const builtServer = (name: string, checkout = root): string => {
  const outfile = join(checkout, `dist/bench-${name}.mjs`);
  const entry = fileURLToPath(new URL(`./${name}.ts`, import.meta.url));
  buildSync({ entryPoints: [entry], outfile, format: "esm", platform: "node", target: "node20" });
  return outfile;
};

export const cpuOf = ({ user, system }: Cpu): number => user + system;

/** @returns Medians over the rounds, by variant. */
export const measureServers = async (
  variants: readonly Variant[],
  { rounds, milliseconds }: { rounds: number; milliseconds: number },
  say: (line: string) => void,
): Promise<Map<string, Figures>> => {
  const file = builtServer("servers");
  const seen = new Map<string, Figures[]>(variants.map(({ name }) => [name, []]));
  for (let round = 1; round <= rounds; round++) {
    // New processes: what the compiler makes of the same code differs from one to the next.
    const servers = await Promise.all(variants.map((variant) => serve(variant, file)));
    const loads = servers.map(({ load }) => load);
    for (const load of loads) await run(load, 1_500); // compiled and warm
    const measured = await inTurns(loads, milliseconds);
    for (const [index, { name }] of servers.entries()) {
      const { perSecond, p99Ms, cpu } = measured[index] as Measured;
      seen.get(name)?.push({ perSecond, p99Ms, ...cpu });
      say(`  round ${round}  ${name.padEnd(22)} ${perSecond.toFixed(0).padStart(7)} /s ${cpuOf(cpu).toFixed(1).padStart(7)} µs`);
    }
    await Promise.all(servers.map(({ stop }) => stop()));
  }
  const middle = (name: string, of: (figures: Figures) => number) => median((seen.get(name) ?? []).map(of));
  return new Map(
    variants.map(({ name }) => [
      name,
      {
        perSecond: middle(name, (f) => f.perSecond),
        user: middle(name, (f) => f.user),
        system: middle(name, (f) => f.system),
        p99Ms: middle(name, (f) => f.p99Ms),
      },
    ]),
  );
};

/** `quater serve`, whose log goes to a file, as behind a collector of logs. */
const quaterServe = (isLogged: boolean): ChildProcessByStdio<Writable, Readable, null> => {
  const folder = mkdtempSync(join(tmpdir(), "quater-bench-"));
  const log = openSync(join(folder, "log"), "w");
  const child = spawn(process.execPath, [join(root, "dist/plugins/cli/main.js"), "serve", "--config", builtServer("served")], {
    stdio: ["pipe", "pipe", log],
    env: { ...process.env, ACCESS_LOG: isLogged ? "1" : "0" },
  }) as ChildProcessByStdio<Writable, Readable, null>;
  closeSync(log);
  child.once("exit", () => rmSync(folder, { recursive: true, force: true }));
  return child;
};

export const serve = async ({ name, server, handlers, bytes, expected }: Variant, file: string) => {
  const child =
    server === "served" || server === "servedLogged"
      ? quaterServe(server === "servedLogged")
      : spawn(process.execPath, [file, server, String(handlers)], { stdio: ["pipe", "pipe", "inherit"] });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const next = async () => String((await lines.next()).value);
  const cpu = async (): Promise<Cpu> => {
    child.stdin.write("\n");
    const [user = Number.NaN, system = Number.NaN] = (await next()).split(" ").map(Number);
    return { user, system };
  };
  const load: Load = { port: Number(await next()), bytes, connections: 16, expected, cpu };
  return {
    name,
    load,
    stop: async () => {
      child.stdin.end();
      await once(child, "exit");
    },
  };
};
