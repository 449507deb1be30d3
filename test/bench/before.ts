// `npm run bench -- --before FOLDER`: this build beside an earlier one, in seven rounds. In every round both builds answer the
// same requests in turns of 200 ms, so that a machine that changes its speed slows down both.

import { spawn } from "node:child_process";
import { once } from "node:events";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join, resolve } from "node:path";
import { createInterface } from "node:readline";
import { auditedRequest, serveAudited } from "./audit.ts";
import { builtServer, cpuOf, httpVariants, median, serve } from "./http.ts";
import { inTurns, type Load, run } from "./load.ts";
import { coldStartsOf } from "./startup.ts";

const rounds = 7;
const here = resolve(import.meta.dirname, "../..");
const compared = new Map([
  ["get", "get quater 10"],
  ["post", "post quater 10"],
  ["mcp", "mcp quater 10"],
]);

/** Starts per round, checkout and kind. */
const starts = 7;

interface Pair {
  readonly loads: readonly [after: Load, before: Load];
  readonly stop: () => Promise<unknown>;
}

/**
 * Prints, for GET, POST, MCP, invoke, audited writes and cold starts, the median over the rounds of this build's speed divided by
 * the earlier build's speed. For GET, POST, MCP and invoke the speed is requests per CPU time of the server, for audited writes
 * requests per second.
 *
 * @param folder  A checkout of the earlier version in which `npm run build` has run.
 * @param milliseconds  How long each build is measured per row and round.
 */
export const compareBuilds = async (folder: string, milliseconds: number): Promise<void> => {
  const checkouts = [here, resolve(folder)] as const;
  const ratios = new Map<string, number[]>();
  const note = (name: string, ratio: number) => {
    ratios.set(name, [...(ratios.get(name) ?? []), ratio]);
    process.stderr.write(`  ${name.padEnd(14)} ${ratio.toFixed(3)}\n`);
  };
  for (let round = 1; round <= rounds; round++) {
    process.stderr.write(`round ${round} of ${rounds}\n`);
    for (const [name, variant] of compared) note(name, await cpuRatio(checkouts, variant, milliseconds));
    note("audited write", await ratioOf(await auditServers(checkouts), milliseconds));
    const coldStarts = checkouts.map(coldStartsOf);
    for (const kind of ["typescript", "built"] as const) note(`cold ${kind}`, startRatio(coldStarts.map((each) => each[kind])));
    for (const { remove } of coldStarts) remove();
    note("invoke", await invokeRatio(round % 2 === 0 ? checkouts : [checkouts[1], checkouts[0]], round % 2 === 0));
  }
  for (const [name, all] of ratios) {
    const row = all.map((ratio) => ratio.toFixed(3)).join(" ");
    process.stdout.write(`${name.padEnd(14)} median ${median(all).toFixed(3)}   rounds ${row}\n`);
  }
};

const ratioOf = async ({ loads, stop }: Pair, milliseconds: number): Promise<number> => {
  for (const load of loads) await run(load, 1_500); // compiled and warm
  const [after, before] = await inTurns(loads, milliseconds);
  await stop();
  return (after?.perSecond ?? Number.NaN) / (before?.perSecond ?? Number.NaN);
};

/** CPU time per request of the earlier build over that of this one. */
const cpuRatio = async (checkouts: readonly string[], name: string, milliseconds: number): Promise<number> => {
  const variant = httpVariants.find((each) => each.name === name);
  if (variant === undefined) throw new Error(`There is no variant ${name}`);
  const servers = [];
  for (const checkout of checkouts) servers.push(await serve(variant, builtServer("servers", checkout)));
  const loads = servers.map(({ load }) => load);
  for (const load of loads) await run(load, 1_500); // compiled and warm
  const [after, before] = await inTurns(loads, milliseconds);
  await Promise.all(servers.map(({ stop }) => stop()));
  return cpuOf(before?.cpu ?? none) / cpuOf(after?.cpu ?? none);
};

const none = { user: Number.NaN, system: Number.NaN };

const auditServers = async (checkouts: readonly [string, string]): Promise<Pair> => {
  const roots = checkouts.map(() => mkdtempSync(join(tmpdir(), "quater-bench-")));
  const start = (at: 0 | 1) => serveAudited("audited", roots[at] ?? "", { file: builtServer("audit-server", checkouts[at]) });
  const both = [await start(0), await start(1)] as const;
  const loadOf = ({ port }: { readonly port: number }): Load => ({
    port,
    bytes: auditedRequest("/write"),
    connections: 50,
    expected: '"limit":20',
  });
  return {
    loads: [loadOf(both[0]), loadOf(both[1])],
    stop: async () => {
      await Promise.all(both.map(({ stop }) => stop()));
      for (const root of roots) rmSync(root, { recursive: true, force: true });
    },
  };
};

/** Median time of a start of the earlier build over that of this one, in turns. */
const startRatio = (kinds: readonly (() => number)[]): number => {
  const took = kinds.map((): number[] => []);
  for (const start of kinds) start(); // the disk's and the loaders' caches
  for (let n = 0; n < starts; n++) for (const [at, start] of kinds.entries()) took[at]?.push(start());
  const [after = [], before = []] = took;
  return median(before) / median(after);
};

/** CPU time of the earlier build's calls over that of this one's, each in a new process, in turns of 20,000 calls. */
const invokeRatio = async (checkouts: readonly [string, string], isAfterFirst: boolean): Promise<number> => {
  const children = checkouts.map((checkout) => {
    const child = spawn(process.execPath, [builtServer("invoke-loop", checkout)], { stdio: ["pipe", "pipe", "inherit"] });
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    return {
      /** Milliseconds of CPU time that the calls took. */
      time: async () => {
        child.stdin.write("\n");
        return Number((await lines.next()).value);
      },
      stop: async () => {
        child.stdin.end();
        await once(child, "exit");
      },
    };
  });
  const took = [0, 0];
  for (let turn = 0; turn < 14; turn++)
    for (const [at, { time }] of children.entries()) {
      const milliseconds = await time();
      if (turn >= 4) took[at] = (took[at] ?? 0) + milliseconds; // warm before
    }
  await Promise.all(children.map(({ stop }) => stop()));
  const [first = Number.NaN, second = Number.NaN] = took;
  return isAfterFirst ? second / first : first / second;
};
