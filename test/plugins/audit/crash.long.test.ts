// No event is lost when a process is killed under load, when the disk is full, or when the database stops, hangs or drops its
// connections.

import { execFileSync } from "node:child_process";
import { statSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { afterAll, beforeAll, expect, test } from "vitest";
import { fillDisk } from "../../full-disk.ts";
import { expectSoon } from "../approval/figures.ts";
import { testPgbouncer } from "../store/pgbouncer.ts";
import { type TestPostgres, testPostgres } from "../store/postgres.ts";
import { tempFolder } from "./kit.ts";
import { type BuiltChild, builtChild, type Load, startLoad } from "./load.ts";
import { expectNothingLost } from "./nothing-lost.ts";

const kills = Number(process.env["QUATER_SOAK_KILLS"] ?? 20);
const outages = Number(process.env["QUATER_SOAK_OUTAGES"] ?? 5);
const hour = 3_600_000;
/** Ends a test that waits for what never comes. */
const guardMs = 60_000;

let child: BuiltChild;
let postgres: TestPostgres | string;
beforeAll(async () => {
  [child, postgres] = await Promise.all([builtChild(), testPostgres(tmpdir())]);
});
afterAll(async () => {
  child.dispose();
  if (typeof postgres !== "string") await postgres.close();
});

const isOk = ({ name, code }: { name: string; code: string }) => name === "pay" && code === "ok";

const killedUnderLoad = async (root: string, url: string): Promise<void> => {
  const loads: Load[] = [];
  for (let n = 0; n < kills; n++) {
    const load = await startLoad(child.file, root, url);
    loads.push(load);
    // Another moment each time: after so many answers, not after so much time.
    let left = 1 + ((n * 37) % 150);
    await load.next((answer) => isOk(answer) && --left <= 0, guardMs);
    await load.kill();
    await expectNothingLost(root, url, [load]);
  }
  const last = await startLoad(child.file, root, url);
  await last.next(isOk, guardMs);
  expect(await last.stop()).toBe(0);
  await expectNothingLost(root, url, [...loads, last]);
};

test(
  `after ${kills} kills under load on SQLite every acknowledged write has both events, and the chain verifies`,
  async () => {
    using folder = tempFolder();
    await killedUnderLoad(folder.root, "-");
  },
  hour,
);

test(
  `after ${kills} kills under load on PostgreSQL every acknowledged write has both events, and the chain verifies`,
  async (context) => {
    if (typeof postgres === "string") return context.skip(postgres);
    using folder = tempFolder();
    await killedUnderLoad(folder.root, await postgres.freshUrl());
  },
  hour,
);

test(
  `O5: after ${kills} kills under load on PgBouncer in transaction mode every acknowledged write has both events`,
  async (context) => {
    if (typeof postgres === "string") return context.skip(postgres);
    const direct = await postgres.freshUrl();
    const pooler = await testPgbouncer(direct);
    if (typeof pooler === "string") return context.skip(pooler);
    using folder = tempFolder();
    try {
      await killedUnderLoad(folder.root, pooler.through(direct));
    } finally {
      await pooler.close();
    }
  },
  hour,
);

test("on a full disk, Quater refuses writes before their handlers run, and recovers when the disk has space", async (context) => {
  const prlimit = (pid: number, limit: string) => execFileSync("prlimit", ["--pid", String(pid), `--fsize=${limit}:unlimited`]);
  try {
    prlimit(process.pid, "unlimited");
  } catch (error) {
    if (process.env["QUATER_TEST_REQUIRE_ALL"] === "1") throw error;
    return context.skip(`prlimit cannot be used here: ${String(error)}`);
  }
  using folder = tempFolder();
  const load = await startLoad(child.file, folder.root);
  await load.next(isOk, guardMs);
  for (let n = 0; n < 2; n++) {
    const wal = statSync(join(folder.root, ".quater/quater.db-wal")).size;
    prlimit(Number(load.child.pid), String(wal));
    const refused = await load.next(({ code }) => code === "audit_unavailable", guardMs);
    expectSoon("refused on a full disk", refused.ms, 3_000);
    expect(load.ran.has(refused.call)).toBe(false);
    await load.next(({ name, code }) => name === "look" && code === "ok", guardMs);
    prlimit(Number(load.child.pid), "unlimited");
    await load.next(isOk, guardMs);
  }
  expect(await load.stop()).toBe(0);
  await expectNothingLost(folder.root, "-", [load]);
}, 600_000);

/** A file system of its own, of this size. @throws where that is not permitted. */
const tinyDisk = (place: string, bytes: number): { [Symbol.dispose](): void } => {
  execFileSync("mount", ["-t", "tmpfs", "-o", `size=${bytes}`, "tmpfs", place], { stdio: "pipe" });
  return { [Symbol.dispose]: () => void execFileSync("umount", ["--lazy", place]) };
};

test("Quater refuses writes and runs reads when the disk of the trail or its journal is full (ENOSPC)", async (context) => {
  using folder = tempFolder();
  let disk: ReturnType<typeof tinyDisk>;
  try {
    disk = tinyDisk(folder.root, 24 * 2 ** 20);
  } catch (error) {
    // Also where all tests are required: few containers may mount, and the limit above fills the disk as well.
    return context.skip(`nothing can be mounted here: ${String(error)}`);
  }
  using _ = disk;
  const load = await startLoad(child.file, folder.root);
  await load.next(isOk, guardMs);
  for (let n = 0; n < 2; n++) {
    const free = fillDisk(folder.root);
    const refused = await load.next(({ code }) => code === "audit_unavailable", guardMs);
    expectSoon("refused on a full disk", refused.ms, 3_000);
    expect(load.ran.has(refused.call)).toBe(false);
    await load.next(({ name, code }) => name === "look" && code === "ok", guardMs);
    free();
    await load.next(isOk, guardMs);
  }
  expect(await load.stop()).toBe(0);
  await expectNothingLost(folder.root, "-", [load]);
}, 600_000);

/** Processes of the server that speak to clients, and the one that started them. */
const processesOf = (postmaster: number): readonly number[] => {
  const children = execFileSync("ps", ["-o", "pid=", "--ppid", String(postmaster)], { encoding: "utf8" });
  return [postmaster, ...children.split("\n").filter(Boolean).map(Number)];
};

const signal = (pids: readonly number[], name: "SIGSTOP" | "SIGCONT"): void => {
  for (const pid of pids) {
    try {
      process.kill(pid, name);
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code !== "ESRCH") throw error; // a backend that ended meanwhile
    }
  }
};

const pause = (milliseconds: number) => new Promise((resolve) => setTimeout(resolve, milliseconds));

test(
  `no acknowledged write is lost in ${outages} outages of PostgreSQL under load, and writes work again after each outage`,
  async (context) => {
    if (typeof postgres === "string") return context.skip(postgres);
    const { server } = postgres;
    if (server === undefined) return context.skip("the given PostgreSQL is not ours to stop");
    using folder = tempFolder();
    const url = await postgres.freshUrl();
    const load = await startLoad(child.file, folder.root, url);
    await load.next(isOk, guardMs);
    const { default: pg } = await import("pg");
    const kinds: readonly (() => Promise<void>)[] = [
      async () => {
        await server.stop();
        await load.next(({ code }) => code === "audit_unavailable", guardMs);
        await server.start();
      },
      async () => {
        const pids = processesOf(server.pid());
        signal(pids, "SIGSTOP");
        await load.next(({ code }) => code === "audit_unavailable", guardMs);
        signal(pids, "SIGCONT");
      },
      async () => {
        const client = new pg.Client({ connectionString: url });
        await client.connect();
        for (let n = 0; n < 5; n++) {
          await client.query("select pg_terminate_backend(pid) from pg_stat_activity where application_name = 'quater'");
          await pause(100);
        }
        await client.end();
      },
    ];
    for (let n = 0; n < outages; n++) {
      const from = load.answers.length;
      await kinds[n % kinds.length]?.();
      const over = Date.now();
      const back = await load.next((answer) => isOk(answer), guardMs);
      expectSoon("back after an outage", back.at - over, 5_000);
      const slowest = Math.max(
        ...load.answers
          .slice(from)
          .filter(({ code }) => code === "audit_unavailable")
          .map(({ ms }) => ms),
        0,
      );
      expectSoon("refused in an outage", slowest, 3_000);
      await load.next((answer) => isOk(answer), guardMs);
    }
    expect(await load.stop()).toBe(0);
    await expectNothingLost(folder.root, url, [load]);
  },
  hour,
);
