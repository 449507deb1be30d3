// Two servers share a PostgreSQL and serve approved calls while everything goes wrong: processes are killed and stopped, the
// database restarts, refuses writes and logins and runs out of disk, keys are rotated, a new version is rolled out, and the
// database is set back to an older copy. `npm run soak` runs 3,000 calls; CI runs fewer calls and fewer faults.

import { execFileSync } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { expect, test } from "vitest";
import { figures } from "../plugins/approval/figures.ts";
import { type TestPostgres, testPostgres } from "../plugins/store/postgres.ts";
import { Clients } from "./clients.ts";
import { diskFullFor, dumped, loginsRefusedFor, readOnlyFor, restartPostgres, restored } from "./faults.ts";
import { Instance, pause } from "./instances.ts";
import { chaosProject, leaseMs, type Project } from "./project.ts";

const calls = Number(process.env["QUATER_SOAK_CHAOS"] ?? 120);
const isWhole = calls >= 3_000;
const lanes = 12;
const hour = 3_600_000;

interface Scene {
  readonly project: Project;
  readonly instances: readonly [Instance, Instance];
  readonly clients: Clients;
  readonly url: string;
  readonly server: NonNullable<TestPostgres["server"]>;
  /** The file system of the database, where it may be filled. */
  readonly disk: string | undefined;
  readonly log: (line: string) => void;
}

interface Fault {
  readonly name: string;
  readonly times: number;
  /** `n` counts from 0, for faults that take turns between the instances. */
  readonly strike: (scene: Scene, n: number) => Promise<void>;
}

const other = ({ instances }: Scene, n: number): Instance => instances[n % 2 === 0 ? 0 : 1];

const faults: readonly Fault[] = [
  {
    name: "kill",
    times: isWhole ? 10 : 2,
    strike: async (scene, n) => {
      await other(scene, n).kill();
      await other(scene, n).start();
    },
  },
  { name: "stop past the lease", times: isWhole ? 5 : 1, strike: (scene, n) => other(scene, n).standStill(leaseMs + 1_500) },
  { name: "PostgreSQL restart", times: isWhole ? 5 : 1, strike: ({ server }) => restartPostgres(server, 1_000) },
  { name: "read-only phase", times: isWhole ? 5 : 1, strike: ({ url }) => readOnlyFor(url, 2_000) },
  { name: "refused logins", times: isWhole ? 3 : 1, strike: ({ url }) => loginsRefusedFor(url, 2_000) },
  {
    name: "full disk",
    times: 1,
    strike: async ({ disk, log }) =>
      disk === undefined ? log("no full disk: nothing can be mounted here") : diskFullFor(disk, 3_000),
  },
  {
    name: "key rotation",
    times: 1,
    strike: async ({ project }) => {
      expect(await project.quater("audit rotate --prepare")).toMatchObject({ code: 0 });
      await pause(3_000);
      expect(await project.quater("audit rotate --activate")).toMatchObject({ code: 0 });
    },
  },
  {
    name: "rolling deploy",
    times: 1,
    strike: async ({ instances }) => {
      for (const instance of instances) {
        instance.version = 2;
        expect(await instance.terminate()).toBe(0);
        await instance.start();
        await pause(1_000);
      }
    },
  },
];

/** One after the other, each kind spread over the whole run. */
const order = faults
  .flatMap(({ name, times, strike }, kind) =>
    Array.from({ length: times }, (_, n) => ({ name, n, strike, at: (n + 0.5 + kind / faults.length / 2) / times })),
  )
  .sort((a, b) => a.at - b.at);

/** Every fault has its share of the calls: some before it, the others while it lasts. */
const share = calls / order.length;
const before = 0.3;

/** How many faults are over; calls of later shares wait for that. */
class Pace {
  over = 0;

  mayBegin(call: number): boolean {
    return call < (this.over + 1) * share;
  }
}

const until = async (is: () => boolean): Promise<void> => {
  while (!is()) await pause(20);
};

const runLanes = async ({ clients }: Scene, pace: Pace): Promise<void> => {
  let next = 0;
  const lane = async () => {
    for (let call = next++; call < calls; call = next++) {
      await until(() => pace.mayBegin(call));
      await clients.pay(`payment ${call}`);
    }
  };
  await Promise.all(Array.from({ length: lanes }, lane));
};

const strikeAll = async (scene: Scene, pace: Pace): Promise<void> => {
  const { clients, instances, log } = scene;
  for (const { name, n, strike } of order) {
    await until(() => clients.ends.size >= Math.floor((pace.over + before) * share));
    log(`${name} ${n + 1}, after ${clients.ends.size} calls`);
    await strike(scene, n);
    for (const instance of instances) await instance.ready(30_000); // a temporary fault ends by itself
    pace.over++;
  }
};

/** The database is set back to a copy from before approvals were used: nothing of it runs a second time. */
const restore = async (scene: Scene): Promise<void> => {
  const { project, instances, clients, url } = scene;
  const keys = Array.from({ length: 10 }, (_, n) => `before the restore ${n}`);
  for (const key of keys) await clients.prepare(key);
  const dump = await dumped(url);
  for (const key of keys) await clients.pay(key);
  for (const instance of instances) expect(await instance.terminate()).toBe(0);
  await restored(url, dump);
  const refused = await project.serve(0, 2).ended;
  expect(refused).toMatchObject({ code: 78, err: expect.stringContaining("quater store restored") });
  // According to the restored copy, two instances run. Quater treats both instances as running until their leases end.
  const acknowledge = async () => (await project.quater("store restored --reason chaos")).code;
  await expect.poll(acknowledge, { timeout: 60_000, interval: 1_000 }).toBe(0);
  for (const instance of instances) await instance.start();
  for (const key of keys) {
    const answer = await clients.send(key);
    expect([key, answer?.status, answer?.body.code]).toEqual([key, 428, "approval_required"]);
  }
};

/** A file system of its own for the database, so that it can be filled. */
const ownDisk = (): { readonly place: string; readonly isMounted: boolean; readonly remove: () => void } => {
  const place = mkdtempSync(join(tmpdir(), "quater-disk-"));
  chmodSync(place, 0o755);
  const mounted = (() => {
    try {
      execFileSync("mount", ["-t", "tmpfs", "-o", "size=400m,mode=755", "tmpfs", place], { stdio: "pipe" });
      return true;
    } catch {
      return false;
    }
  })();
  return {
    place,
    isMounted: mounted,
    remove: () => {
      if (mounted) execFileSync("umount", ["--lazy", place]);
      rmSync(place, { recursive: true, force: true });
    },
  };
};

test(
  `chaos: in ${calls} approved calls on two instances with faults, no call is lost, runs twice or gets a wrong outcome`,
  async (context) => {
    const disk = ownDisk();
    const postgres = await testPostgres(disk.place);
    if (typeof postgres === "string") return context.skip(postgres);
    const url = await postgres.freshUrl();
    const project = await chaosProject(url);
    const begun = Date.now();
    const log = (line: string) => process.stdout.write(`${((Date.now() - begun) / 1_000).toFixed(0).padStart(5)} s  ${line}\n`);
    const instances = [await Instance.on(project), await Instance.on(project)] as const;
    try {
      for (const instance of instances) await instance.start();
      const clients = new Clients(project, instances);
      if (postgres.server === undefined) throw new Error("A server that was started here can be stopped");
      const scene: Scene = {
        project,
        instances,
        clients,
        url,
        server: postgres.server,
        disk: disk.isMounted ? disk.place : undefined,
        log,
      };
      const pace = new Pace();
      await Promise.all([runLanes(scene, pace), strikeAll(scene, pace)]);
      log("restore");
      await restore(scene);

      const effects = project.effects();
      const keys = effects.map(({ key }) => key);
      const doubled = keys.filter((key, at) => keys.indexOf(key) !== at);
      const ran = new Set(keys);
      const startedCalls = new Set(effects.map(({ callId }) => callId));
      const acknowledged = [...clients.ends].filter(([, end]) => end === "ok").map(([key]) => key);
      const lost = acknowledged.filter((key) => !ran.has(key));
      const mayHaveRun = new Set(["outcome_unknown", "outcome_unrecorded"]);
      const wronged = clients.refusals.filter(
        ({ code, callId }) => callId !== undefined && startedCalls.has(callId) && !mayHaveRun.has(code),
      );
      expect({ doubled, lost, wronged }).toEqual({ doubled: [], lost: [], wronged: [] });
      expect(instances.flatMap(({ deaths }) => deaths)).toEqual([]);
      for (const instance of instances) expect(await instance.terminate()).toBe(0);
      // 4: whole but for the gap of the acknowledged restore.
      const verified = await project.quater("audit verify");
      expect([verified.code, verified.err]).toEqual([4, expect.stringContaining("restore")]);
      const count = (code: string) => clients.refusals.filter((refusal) => refusal.code === code).length;
      figures("chaos", {
        calls,
        effects: effects.length,
        acknowledged: acknowledged.length,
        ranBefore: clients.ends.size - acknowledged.length,
        neverRan: [...clients.ends.keys()].filter((key) => !ran.has(key)).length,
        unavailable: count("audit_unavailable") + count("approval_unavailable"),
        outcomeUnknown: count("outcome_unknown") + count("outcome_unrecorded"),
        seconds: (Date.now() - begun) / 1_000,
      });
    } finally {
      for (const instance of instances) await instance.kill();
      await postgres.close();
      project.remove();
      disk.remove();
    }
  },
  hour,
);
