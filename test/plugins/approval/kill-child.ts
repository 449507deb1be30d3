// A process under load, to be killed: `kill-child <folder> <url or -> <run> <lanes>`. It asks, lets two people vote, uses
// what they agreed to, and says every answer once it is there. First it repeats what the dead have left behind: approvals
// that nobody used, and those whose use may have been cut short. It ends when its standard input does.

import { randomUUID } from "node:crypto";
import type { Principal } from "quater";
import { isQuaterError } from "../../../core/index.ts";
import type { ApprovalRecord, Approvals } from "../../../plugins/approval/index.ts";
import { approvalIn, approvers, bootCrowd, codeOf, type Payment, pause } from "./crowd.ts";

export interface Voted {
  readonly id: string;
  readonly person: string;
  readonly verdict: "approve" | "deny";
}

/** A line of standard output: one answer. */
export interface KillSaid {
  readonly isReady?: true;
  readonly filed?: string;
  readonly vote?: Voted;
  /** Why a vote was not taken. */
  readonly voteRefused?: string;
  readonly call?: { readonly callId: string; readonly code: string };
}

const [root = "", url = "-", run = "0", lanes = "6"] = process.argv.slice(2);
const say = (said: KillSaid): void => void process.stdout.write(`${JSON.stringify(said)}\n`);

const crowd = await bootCrowd({ root, url, mode: "serve", need: approvers.length, leaseMs: 500 });
const { approvals } = crowd;
const [looker] = approvers;
let isStopping = false;
process.stdin.resume().once("end", () => {
  isStopping = true;
});

const call = async (payment: Payment, id?: string) => {
  const callId = `run-${run}-${randomUUID()}`;
  const outcome = await crowd.pay(payment, callId, id);
  say({ call: { callId, code: codeOf(outcome) } });
  return outcome;
};

const repeatWhatIsLeft = async (): Promise<void> => {
  if (looker === undefined) return;
  const list = (given: Parameters<Approvals["list"]>[1]) => approvals.list(looker, given);
  const isUncertain = ({ use }: ApprovalRecord) => use?.outcome === "running" || use?.outcome === "unknown";
  const unused = await list({ states: ["approved"], limit: 200 });
  const uncertain = (await list({ states: ["consumed"], limit: 200 })).filter(isUncertain);
  for (const { id, args } of [...unused, ...uncertain]) {
    if (isStopping) return;
    await call(JSON.parse(args) as Payment, id);
  }
};

const vote = async (approver: Principal, id: string, verdict: Voted["verdict"]): Promise<void> => {
  try {
    await crowd.vote(approver, id, verdict);
    say({ vote: { id, person: String(approver.person), verdict } });
  } catch (error) {
    if (!isQuaterError(error)) throw error;
    say({ voteRefused: error.code });
  }
};

const lane = async (_: unknown, lane: number): Promise<void> => {
  for (let n = 0; !isStopping; n++) {
    const payment = { key: `run ${run} lane ${lane} number ${n}`, slowMs: n % 2 === 0 ? 60 + 30 * lane : 0 };
    const asked = await call(payment);
    const id = approvalIn(asked)?.id;
    if (id === undefined) {
      await pause(50); // the store is held: not as fast as possible
      continue;
    }
    say({ filed: id });
    const verdict = n % 8 === 7 ? "deny" : "approve";
    for (const approver of verdict === "deny" ? approvers.slice(0, 1) : approvers) await vote(approver, id, verdict);
    // Some are left for the next process.
    if (n % 5 !== 4) await call(payment, n % 2 === 0 ? undefined : id);
  }
};

say({ isReady: true });
await Promise.all([repeatWhatIsLeft(), ...Array.from({ length: Number(lanes) }, lane)]);
await crowd.app.stop();
