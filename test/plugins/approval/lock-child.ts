// One of several processes on one store: `lock-child <folder> <url or -> <lease, milliseconds>`. Each line of its standard
// input is a list of changes and how many callers make them at once; one JSON line says what came of them.

import { monitorEventLoopDelay } from "node:perf_hooks";
import { createInterface } from "node:readline";
import { codeOf } from "./crowd.ts";
import { bootLockCrowd, type Change } from "./lock-crowd.ts";

export interface Work {
  readonly changes: readonly Change[];
  readonly callers: number;
}

export interface Done {
  readonly change: Change;
  readonly callId: string;
  readonly code: string;
  readonly ms: number;
  /** For its lock. */
  readonly waitedMs: number;
}

/** A line of standard output. */
export interface LockSaid {
  readonly isReady?: true;
  readonly done?: readonly Done[];
  /** The longest time that the event loop was late, milliseconds: no timer is more punctual. */
  readonly lagMs?: number;
  /** It is about to stop itself. */
  readonly isFreezing?: true;
}

const [root = "", url = "-", lease = "30000"] = process.argv.slice(2);
const say = (said: LockSaid): void => void process.stdout.write(`${JSON.stringify(said)}\n`);

const lag = monitorEventLoopDelay({ resolution: 10 });
lag.enable();
let hasFrozen = false;
const crowd = await bootLockCrowd({
  root,
  url,
  lockLeaseMs: Number(lease),
  onPreview: ({ isFrozen }) => {
    if (isFrozen !== true || hasFrozen) return;
    hasFrozen = true;
    say({ isFreezing: true });
    process.kill(process.pid, "SIGSTOP");
  },
});

const work = async ({ changes, callers }: Work): Promise<readonly Done[]> => {
  const left = [...changes];
  const done: Done[] = [];
  const caller = async (): Promise<void> => {
    for (let change = left.shift(); change !== undefined; change = left.shift()) {
      const callId = `process ${process.pid} call ${crypto.randomUUID()}`;
      const begun = performance.now();
      const code = codeOf(await crowd.change(change, callId));
      done.push({ change, callId, code, ms: performance.now() - begun, waitedMs: crowd.waits.get(callId) ?? 0 });
    }
  };
  await Promise.all(Array.from({ length: callers }, caller));
  return done;
};

say({ isReady: true });
for await (const line of createInterface(process.stdin))
  void work(JSON.parse(line) as Work).then((done) => say({ done, lagMs: lag.max / 1e6 }));
await crowd.app.stop();
