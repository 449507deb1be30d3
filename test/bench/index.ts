// `npm run bench [-- --json] [-- --quick]`: how Quater compares with what it stands on, in one run, as ratios. Figures of two
// runs do not compare; ratios within one do. `npm run bench -- --before FOLDER` compares with another built checkout instead.

import { testPostgres } from "../plugins/store/postgres.ts";
import { auditFigures } from "./audit.ts";
import { cpuOf, httpVariants, measureServers } from "./http.ts";
import { invokeOverhead } from "./invoke.ts";
import { startUpRatios } from "./startup.ts";
import { typeRatios } from "./types.ts";

const before = process.argv[process.argv.indexOf("--before") + 1];
if (process.argv.includes("--before") && before !== undefined) {
  const { compareBuilds } = await import("./before.ts");
  await compareBuilds(before, process.argv.includes("--quick") ? 1_400 : 3_000);
  process.exit(0);
}

const isJson = process.argv.includes("--json");
const isQuick = process.argv.includes("--quick");
const say = (line: string) => void process.stderr.write(`${line}\n`);
const rounds = 3;

say("Servers (16 connections on loopback; medians of 3, interleaved)");
const figures = await measureServers(httpVariants, { rounds, milliseconds: isQuick ? 600 : 3_000 }, say);
say("kernel.invoke");
const overheadUs = await invokeOverhead(rounds);
say("Cold start");
const startUp = await startUpRatios(isQuick ? 3 : 9, say);

say("Types (300 handlers on three surfaces)");
const types = await typeRatios(300, say);

say("Audited writes (50 connections)");
const database = await testPostgres();
const postgres = typeof database === "string" ? undefined : await database.freshUrl();
const audited = await auditFigures({ rounds, milliseconds: isQuick ? 1_000 : 3_000, postgres }, say);
if (typeof database !== "string") await database.close();

const none = { user: Number.NaN, system: Number.NaN };
/** Of CPU time per request, which moves less on a shared machine than requests per second: above 1, `a` needs less than `b`. */
const ratio = (a: string, b: string): number => cpuOf(figures.get(b) ?? none) / cpuOf(figures.get(a) ?? none);
const ratios: Record<string, number> = {
  "http.get.10.vsFastify": ratio("get quater 10", "get fastify 10"),
  "http.get.10.vsKoa": ratio("get quater 10", "get koa"),
  "http.get.10.vsNode": ratio("get quater 10", "get node"),
  "http.get.10.vsHono": ratio("get quater 10", "get hono 10"),
  "http.get.10.vsExpress": ratio("get quater 10", "get express 10"),
  "http.get.10.logged.vsUnlogged": ratio("get served logged 10", "get served 10"),
  "http.get.10.mounted.vsKoa": ratio("get quater mounted", "get koa mounted"),
  "http.get.1000.vs10": ratio("get quater 1000", "get quater 10"),
  "http.get.10.vsHandWritten": ratio("get quater 10", "get hand-written 10"),
  "http.get.1000.vsHandWritten": ratio("get quater 1000", "get hand-written 1000"),
  "http.post.10.vsFastify": ratio("post quater 10", "post fastify 10"),
  "http.post.10.vsKoa": ratio("post quater 10", "post koa"),
  "mcp.call.10.vsSdk": ratio("mcp quater 10", "mcp sdk 10"),
  "mcp.call.100.vsSdk": ratio("mcp quater 100", "mcp sdk 100"),
  "mcp.call.100.vs10": ratio("mcp quater 100", "mcp quater 10"),
  "mcp.call.2026.vs2025": ratio("mcp 2026 quater 10", "mcp quater 10"),
  /** How many calls a list costs. */
  "mcp.list.100.perCall": ratio("mcp quater 100", "mcp list quater 100"),
  "invoke.overheadUs": overheadUs,
  ...startUp,
  ...audited,
  ...types,
};
const rounded = Object.fromEntries(Object.entries(ratios).map(([key, value]) => [key, Number(value.toFixed(3))]));

if (isJson) {
  process.stdout.write(`${JSON.stringify({ ratios: rounded })}\n`);
} else {
  process.stdout.write("\nserver                    requests/s   CPU µs/request (user + system)   p99 ms\n");
  for (const [name, { perSecond, user, system, p99Ms }] of figures) {
    const cpu = `${(user + system).toFixed(1).padStart(8)} (${user.toFixed(1)} + ${system.toFixed(1)})`;
    process.stdout.write(
      `${name.padEnd(24)} ${perSecond.toFixed(0).padStart(11)}   ${cpu.padEnd(30)} ${p99Ms.toFixed(1).padStart(8)}\n`,
    );
  }
  process.stdout.write("\n");
  for (const [key, value] of Object.entries(rounded)) process.stdout.write(`${key.padEnd(30)} ${String(value).padStart(9)}\n`);
}
