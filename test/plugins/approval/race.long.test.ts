// 64 racers in four processes for every approval: one wins, everybody else is told why.

import { afterAll, beforeAll, expect, test } from "vitest";
import { tempFolder } from "../audit/kit.ts";
import { type BuiltChild, builtChild } from "../audit/load.ts";
import { type TestPostgres, testPostgres } from "../store/postgres.ts";
import { type Child, startChildren } from "./child.ts";
import { expectConsistent } from "./consistent.ts";
import { approvalIn, approvers, bootCrowd, type Crowd, type Payment } from "./crowd.ts";
import { figures } from "./figures.ts";
import type { Answer, RaceSaid, Round } from "./race-child.ts";

const rounds = Number(process.env["QUATER_SOAK_RACES"] ?? 50);
const processes = 4;
const racers = 16;
const hour = 3_600_000;

let child: BuiltChild;
let postgres: TestPostgres | string;
beforeAll(async () => {
  [child, postgres] = await Promise.all([builtChild("test/plugins/approval/race-child.ts"), testPostgres()]);
});
afterAll(async () => {
  child.dispose();
  if (typeof postgres !== "string") await postgres.close();
});

const approved = async (crowd: Crowd, payment: Payment): Promise<Round> => {
  const id = approvalIn(await crowd.pay(payment, `files ${payment.key}`))?.id;
  if (id === undefined) throw new Error(`${payment.key} was not filed`);
  for (const approver of approvers.slice(0, 1)) await crowd.vote(approver, id, "approve");
  return { id, payment };
};

/** Did it, and may have been told that nobody could write down how that ended. */
const hasRun = ({ code }: Answer) => code === "ok" || code === "outcome_unrecorded";

/** Everybody else knows who was first and which request waits for people now. @returns Whose call used the approval. */
const toldTo = ({ id }: Round, losers: readonly Answer[]): string => {
  const firstOf = ({ isNamed, approval }: Answer) => (isNamed ? approval?.usedBy : approval?.earlier);
  const wrong = losers.filter((answer) => {
    const { isNamed, code, approval } = answer;
    if (firstOf(answer) === undefined) return true;
    if (isNamed) return code !== "approval_used" || approval?.id !== id;
    return code !== "approval_required" || approval?.status !== "pending" || approval.id === id;
  });
  expect(wrong).toEqual([]);
  // One request for one call, however many ask at the same time.
  expect(new Set(losers.filter(({ isNamed }) => !isNamed).map(({ approval }) => approval?.id)).size).toBe(1);
  const first = new Set(losers.map((answer) => firstOf(answer)?.callId));
  expect(first.size).toBe(1);
  return [...first][0] ?? "";
};

interface Standing {
  readonly winners: Answer[];
  /** Approvals that were used by a call that had been given up meanwhile. */
  readonly spoilt: string[];
  heldUp: number;
  /** Rounds in which every process was under way before the winner had its answer. */
  contended: number;
}

const raceFor = async (round: Round, children: readonly Child<RaceSaid>[], standing: Standing): Promise<void> => {
  const heard = Promise.all(children.map(({ next }) => next((said) => said.round === round.id, 60_000)));
  for (const { tell } of children) tell(round);
  const byProcess = (await heard).map(({ answers }) => answers ?? []);
  const answers = byProcess.flat();
  expect(answers).toHaveLength(processes * racers);
  const [winner, ...more] = answers.filter(hasRun);
  expect(more).toEqual([]);
  const used = toldTo(
    round,
    answers.filter((answer) => !hasRun(answer)),
  );
  standing.heldUp += answers.filter(({ heldUp }) => heldUp > 0).length;
  if (winner === undefined) return void standing.spoilt.push(used);
  expect(used).toBe(winner.callId);
  standing.winners.push(winner);
  const isContended = byProcess.every((each) => each.some(({ begunAt }) => begunAt <= winner.answeredAt));
  if (isContended) standing.contended++;
};

const raced = async (root: string, url: string): Promise<void> => {
  await using crowd = await bootCrowd({ root, url, mode: "run", need: 1 });
  const all: Round[] = [];
  for (let n = 0; n < rounds; n++) all.push(await approved(crowd, { key: `payment ${n}`, slowMs: (n % 3) * 10 }));
  await using children = await startChildren<RaceSaid>(
    child.file,
    Array.from({ length: processes }, (_, number) => [root, url, String(number), String(racers)]),
  );
  const begun = Date.now();
  const standing: Standing = { winners: [], spoilt: [], heldUp: 0, contended: 0 };
  for (const round of all) await raceFor(round, children.all, standing);
  const seconds = (Date.now() - begun) / 1_000;
  for (const { stop } of children.all) expect(await stop()).toBe(0);

  const { requests, effects, events } = await expectConsistent(crowd, root);
  const { winners, spoilt, heldUp, contended } = standing;
  expect(effects.map(({ callId }) => callId)).toEqual(winners.map(({ callId }) => callId));
  const consumed = requests.filter(({ state }) => state === "consumed");
  expect(consumed.map(({ id }) => id).sort()).toEqual(all.map(({ id }) => id).sort());
  // As many effects as approvals; a store too slow for anybody to wait may spoil one, and then the trail says so.
  const failed = consumed.filter(({ outcome }) => outcome !== "succeeded");
  expect(failed.map(({ used_call }) => used_call).sort()).toEqual([...spoilt].sort());
  expect(spoilt.length).toBeLessThanOrEqual(heldUp);
  expect(requests.filter(({ state }) => state === "pending")).toHaveLength(rounds);
  expect(requests).toHaveLength(2 * rounds);
  expect(contended).toBeGreaterThan(0);
  const wonBy = (number: number) => winners.filter(({ callId }) => callId.startsWith(`process ${number} `)).length;
  figures(`race on ${url === "-" ? "SQLite" : "PostgreSQL"}`, {
    approvals: rounds,
    effects: effects.length,
    spoilt: spoilt.length,
    calls: rounds * processes * racers,
    heldUp,
    contended,
    wonByProcess: Array.from({ length: processes }, (_, number) => wonBy(number)),
    wonNamed: winners.filter(({ isNamed }) => isNamed).length,
    events,
    seconds,
  });
};

const title = `${rounds} approvals, ${processes * racers} racers in ${processes} processes`;

test(
  `${title} on SQLite: each approval runs the handler once, and every refused call gets a reason`,
  async () => {
    using folder = tempFolder();
    await raced(folder.root, "-");
  },
  hour,
);

test(
  `${title} on PostgreSQL: each approval runs the handler once, and every refused call gets a reason`,
  async (context) => {
    if (typeof postgres === "string") return context.skip(postgres);
    using folder = tempFolder();
    await raced(folder.root, await postgres.freshUrl());
  },
  hour,
);
