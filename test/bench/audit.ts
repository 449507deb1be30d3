// What a durable record costs: audited writes over HTTP against the same calls without, in one run.

import { spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { builtServer, median } from "./http.ts";
import { type Cpu, inTurns, type Measured, request, run } from "./load.ts";

const body = JSON.stringify({ text: "t".repeat(90), limit: 20 });
/** A POST to one of the server's two routes. */
export const auditedRequest = (path: "/write" | "/read"): string =>
  request("POST", path, { "content-type": "application/json" }, body);
const expected = '"limit":20';
const connections = 50;
const none: Cpu = { user: Number.NaN, system: Number.NaN };

export interface Serving {
  readonly port: number;
  readonly stop: () => Promise<void>;
}

/** @param file  From `builtServer("audit-server")`. */
export const serveAudited = async (
  variant: "plain" | "audited",
  root: string,
  { url, file = builtServer("audit-server") }: { readonly url?: string; readonly file?: string } = {},
): Promise<Serving> => {
  const given = [variant, root, ...(url === undefined ? [] : [url])];
  const child = spawn(process.execPath, [file, ...given], {
    stdio: ["pipe", "pipe", "inherit"],
  });
  const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
  const port = Number((await lines.next()).value);
  const ended = new Promise<void>((resolve) => child.once("exit", () => resolve()));
  return {
    port,
    stop: () => {
      child.stdin.end();
      return ended;
    },
  };
};

export interface AuditBenchOptions {
  readonly rounds: number;
  readonly milliseconds: number;
  /** Of a PostgreSQL database that may be written to; without it that figure is missing. */
  readonly postgres?: string | undefined;
}

/**
 * Keys: `audit.write.rps`, `audit.write.vsUnaudited`, `audit.write.p99Ms`, `audit.read.offVsPlain`, and with a database
 * `audit.postgres.rps`, of two instances together. Medians of the rounds, which are interleaved.
 */
export const auditFigures = async (
  { rounds, milliseconds, postgres }: AuditBenchOptions,
  say: (line: string) => void,
): Promise<Record<string, number>> => {
  const seen = new Map<string, Measured[]>();
  const note = (name: string, measured: Measured) => {
    seen.set(name, [...(seen.get(name) ?? []), measured]);
    say(`  ${name.padEnd(22)} ${measured.perSecond.toFixed(0).padStart(7)} /s  p99 ${measured.p99Ms.toFixed(1)} ms`);
  };
  const shared = mkdtempSync(join(tmpdir(), "quater-bench-")); // the database outlives a round, so its keys must
  for (let round = 0; round < rounds; round++) {
    const root = mkdtempSync(join(tmpdir(), "quater-bench-"));
    try {
      const servers = [await serveAudited("plain", root), await serveAudited("audited", root)];
      for (const what of ["write", "read"] as const) {
        const loads = servers.map(({ port }) => ({ port, bytes: auditedRequest(`/${what}`), connections, expected }));
        for (const load of loads) await run(load, milliseconds); // warm: compiled code and a grown log
        const [plain, audited] = await inTurns(loads, milliseconds);
        note(`plain ${what}`, plain as Measured);
        note(`audited ${what}`, audited as Measured);
      }
      await Promise.all(servers.map(({ stop }) => stop()));
      if (postgres !== undefined) note("postgres write", await twoInstances(shared, postgres, milliseconds));
    } finally {
      rmSync(root, { recursive: true, force: true });
    }
  }
  rmSync(shared, { recursive: true, force: true });
  const middle = (name: string, of: (measured: Measured) => number) => median((seen.get(name) ?? []).map(of));
  const perSecond = (name: string) => middle(name, (measured) => measured.perSecond);
  return {
    "audit.write.rps": perSecond("audited write"),
    "audit.write.vsUnaudited": perSecond("audited write") / perSecond("plain write"),
    "audit.write.p99Ms": middle("audited write", ({ p99Ms }) => p99Ms),
    "audit.read.offVsPlain": perSecond("audited read") / perSecond("plain read"),
    ...(postgres === undefined ? {} : { "audit.postgres.rps": perSecond("postgres write") }),
  };
};

const twoInstances = async (root: string, url: string, milliseconds: number): Promise<Measured> => {
  const servers = [await serveAudited("audited", root, { url }), await serveAudited("audited", root, { url })];
  const load = ({ port }: Serving) =>
    run({ port, bytes: auditedRequest("/write"), connections: connections / 2, expected }, milliseconds);
  await Promise.all(servers.map(load));
  const both = await Promise.all(servers.map(load));
  await Promise.all(servers.map(({ stop }) => stop()));
  return {
    cpu: none,
    perSecond: both.reduce((sum, each) => sum + each.perSecond, 0),
    p99Ms: Math.max(...both.map(({ p99Ms }) => p99Ms)),
  };
};
