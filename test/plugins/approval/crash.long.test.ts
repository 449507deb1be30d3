// Processes that ask, vote, use and run slow handlers are killed at random moments, while another one works on: nothing
// runs twice, nothing that was answered is lost, and of what was cut short the record says that nobody knows.

import { afterAll, beforeAll, expect, test, vi } from "vitest";
import type { RequestRow, Tables } from "../../../plugins/approval/requests/tables.ts";
import { tempFolder } from "../audit/kit.ts";
import { type BuiltChild, builtChild } from "../audit/load.ts";
import { type TestPostgres, testPostgres } from "../store/postgres.ts";
import { type Child, startChildren } from "./child.ts";
import { expectConsistent, type Whole } from "./consistent.ts";
import { approvers, bootCrowd, type Crowd, pause } from "./crowd.ts";
import { figures } from "./figures.ts";
import type { KillSaid, Voted } from "./kill-child.ts";

const kills = Number(process.env["QUATER_SOAK_APPROVAL_KILLS"] ?? 15);
const lanes = 6;
const hour = 3_600_000;

let child: BuiltChild;
let postgres: TestPostgres | string;
beforeAll(async () => {
  [child, postgres] = await Promise.all([builtChild("test/plugins/approval/kill-child.ts"), testPostgres()]);
});
afterAll(async () => {
  child.dispose();
  if (typeof postgres !== "string") await postgres.close();
});

/** `run-7` of a call's id. */
const runOf = (callId: string): string => callId.split("-", 2).join("-");

/** Used by calls of this run, and without an end. */
const orphansOf = async (crowd: Crowd, run: number): Promise<readonly string[]> => {
  const store = await crowd.open();
  const running = store
    .queries<Tables>()
    .selectFrom("approval_request")
    .select("id")
    .where("used_call", "like", `run-${run}-%`)
    .where("outcome", "=", "running");
  return (await store.read<Pick<RequestRow, "id">>(running)).map(({ id }) => id);
};

const outcomesOf = async (crowd: Crowd, ids: readonly string[]): Promise<readonly (string | null)[]> => {
  if (ids.length === 0) return [];
  const store = await crowd.open();
  const rows = store.queries<Tables>().selectFrom("approval_request").select("outcome").where("id", "in", ids);
  return (await store.read<Pick<RequestRow, "outcome">>(rows)).map(({ outcome }) => outcome);
};

/** Answers that callers got stay true. */
const expectAcknowledged = (said: readonly KillSaid[], { requests, votes, effects }: Whole): void => {
  const byId = new Map(requests.map((row) => [row.id, row]));
  expect(said.filter(({ filed }) => filed !== undefined && !byId.has(filed))).toEqual([]);
  const kept = new Set(votes.map(({ id, person, verdict }) => `${id} ${person} ${verdict}`));
  expect(said.filter(({ vote }) => vote !== undefined && !kept.has(`${vote.id} ${vote.person} ${vote.verdict}`))).toEqual([]);
  // What these votes decided stands, and nothing but a use has come after it.
  const answered = new Map<string, readonly Voted[]>();
  for (const { vote } of said) if (vote !== undefined) answered.set(vote.id, [...(answered.get(vote.id) ?? []), vote]);
  const isLost = ([id, given]: readonly [string, readonly Voted[]]) => {
    const state = byId.get(id)?.state ?? "";
    if (given.some(({ verdict }) => verdict === "deny")) return state !== "denied";
    return given.length === approvers.length && !["approved", "consumed"].includes(state);
  };
  expect([...answered].filter(isLost)).toEqual([]);
  const ran = new Set(effects.map(({ callId }) => callId));
  const ended = new Map(requests.map(({ used_call, outcome }) => [used_call, outcome]));
  const isWrong = ({ callId, code }: { readonly callId: string; readonly code: string }) =>
    code === "ok" ? !ran.has(callId) || ended.get(callId) !== "succeeded" : ran.has(callId) !== (code === "outcome_unrecorded");
  expect(said.filter(({ call }) => call !== undefined && isWrong(call))).toEqual([]);
  const codes = new Set(said.flatMap(({ call }) => call?.code ?? []));
  const known = ["ok", "approval_required", "approval_used", "approval_denied"];
  const ofSlowStores = ["audit_unavailable", "approval_unavailable", "outcome_unrecorded"];
  expect([...codes].filter((code) => ![...known, ...ofSlowStores].includes(code))).toEqual([]);
};

const killedUnderLoad = async (root: string, url: string): Promise<void> => {
  await using crowd = await bootCrowd({ root, url, mode: "run", need: 1 });
  const begun = Date.now();
  const args = (run: number) => [root, url, String(run), String(lanes)];
  await using alive = await startChildren<KillSaid>(child.file, [args(0), args(1)]);
  const runs = [0, 1];
  const dead: Child<KillSaid>[] = [];
  let orphaned = 0;
  for (let n = 0; n < kills; n++) {
    const place = n % 2;
    const victim = alive.all[place];
    const run = runs[place];
    if (victim === undefined || run === undefined) throw new Error("There are always two");
    // Another moment each time: after so many answers, and a little later.
    let left = 1 + ((n * 37) % 60);
    await victim.next(() => --left <= 0, 30_000);
    await pause((n * 7) % 20);
    await victim.kill();
    dead.push(victim);
    const orphans = await orphansOf(crowd, run);
    orphaned += orphans.length;
    runs[place] = n + 2;
    const [{ all }] = await Promise.all([
      startChildren<KillSaid>(child.file, [args(n + 2)]),
      vi.waitFor(async () => expect((await outcomesOf(crowd, orphans)).filter((outcome) => outcome !== "unknown")).toEqual([]), {
        timeout: 20_000,
        interval: 100,
      }),
    ]);
    if (all[0] !== undefined) alive.all[place] = all[0];
  }
  for (const { stop } of alive.all) expect(await stop()).toBe(0);

  const whole = await expectConsistent(crowd, root);
  const said = [...dead, ...alive.all].flatMap((each) => each.said);
  expectAcknowledged(said, whole);
  const count = (outcome: string) => whole.requests.filter((row) => row.outcome === outcome).length;
  expect(orphaned).toBeGreaterThan(0);
  expect(count("running")).toBe(0);
  // What one process asked for was used by another, which found it after the first was gone.
  const inherited = whole.requests.filter(({ call_id, used_call }) => used_call !== null && runOf(call_id) !== runOf(used_call));
  expect(inherited.length).toBeGreaterThan(0);
  figures(`crash on ${url === "-" ? "SQLite" : "PostgreSQL"}`, {
    kills,
    requests: whole.requests.length,
    acknowledgedVotes: said.filter(({ vote }) => vote !== undefined).length,
    refusedVotes: said.filter(({ voteRefused }) => voteRefused !== undefined).length,
    effects: whole.effects.length,
    orphaned,
    inherited: inherited.length,
    succeeded: count("succeeded"),
    failed: count("failed"),
    unknown: count("unknown"),
    events: whole.events,
    seconds: (Date.now() - begun) / 1_000,
  });
};

test(
  `after ${kills} kills of the process on SQLite, no approved call ran twice, no acknowledged approval is lost, and interrupted calls have the outcome unknown`,
  async () => {
    using folder = tempFolder();
    await killedUnderLoad(folder.root, "-");
  },
  hour,
);

test(
  `after ${kills} kills of the process on PostgreSQL, no approved call ran twice, no acknowledged approval is lost, and interrupted calls have the outcome unknown`,
  async (context) => {
    if (typeof postgres === "string") return context.skip(postgres);
    using folder = tempFolder();
    await killedUnderLoad(folder.root, await postgres.freshUrl());
  },
  hour,
);
