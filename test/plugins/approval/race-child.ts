// One of the processes that race: `race-child <folder> <url or -> <number> <racers>`. For each approval named on its
// standard input all its racers make the identical call at once, every other one naming the approval; one JSON line says
// what they were answered. It ends when its standard input does.

import { createInterface } from "node:readline";
import { approvalIn, bootCrowd, codeOf, isUnavailable, type Payment, pause, type SaidOfApproval } from "./crowd.ts";

/** One approval to race for. */
export interface Round {
  readonly id: string;
  readonly payment: Payment;
}

export interface Answer {
  readonly callId: string;
  /** Whether the racer named the approval. */
  readonly isNamed: boolean;
  readonly code: string;
  readonly approval?: SaidOfApproval | undefined;
  /** How often it was told before that the store is too slow, and repeated the call as one may then. */
  readonly heldUp: number;
  /** Milliseconds since the epoch. */
  readonly begunAt: number;
  readonly answeredAt: number;
}

/** A line of standard output. */
export interface RaceSaid {
  readonly isReady?: true;
  readonly round?: string;
  readonly answers?: readonly Answer[];
}

const [root = "", url = "-", number = "0", racers = "16"] = process.argv.slice(2);
const say = (said: RaceSaid): void => void process.stdout.write(`${JSON.stringify(said)}\n`);

const crowd = await bootCrowd({ root, url, mode: "serve", need: 1 });

const race = async ({ id, payment }: Round): Promise<void> => {
  const run = async (_: unknown, racer: number): Promise<Answer> => {
    const isNamed = (racer + Number(number)) % 2 === 1;
    const begunAt = Date.now();
    for (let heldUp = 0; ; heldUp++) {
      const callId = `process ${number} racer ${racer} attempt ${heldUp} ${id}`;
      const outcome = await crowd.pay(payment, callId, isNamed ? id : undefined);
      if (isUnavailable(outcome)) {
        await pause(100);
        continue;
      }
      const approval = approvalIn(outcome);
      return { callId, isNamed, code: codeOf(outcome), approval, heldUp, begunAt, answeredAt: Date.now() };
    }
  };
  say({ round: id, answers: await Promise.all(Array.from({ length: Number(racers) }, run)) });
};

say({ isReady: true });
for await (const line of createInterface(process.stdin)) await race(JSON.parse(line) as Round);
await crowd.app.stop();
