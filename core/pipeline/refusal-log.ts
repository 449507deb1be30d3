// Logs one line for each call that a policy or a plugin refused. The log line names the policy or plugin. The caller does not
// learn the name of the policy or plugin. A caller can repeat a refused call in a loop, so Quater limits the number of log lines
// per handler and policy.

import type { QuaterError } from "../diagnostics/errors.ts";
import type { Log } from "../diagnostics/log.ts";
import { cut } from "../diagnostics/text.ts";
import type { Arrival } from "../model/call.ts";

const windowMs = 10_000;
/**
 * The most log lines about refusals per time window, handler and policy. The first log line of the next time window contains the
 * number of log lines that Quater left out.
 */
const mostLines = 10;
/**
 * The most pairs of handler and policy in memory. Quater limits the number of pairs, because a plugin may use a new name for
 * every refusal.
 */
const mostRuns = 1_000;

interface Run {
  startedAt: number;
  lines: number;
  leftOut: number;
}

export class RefusalLog {
  readonly #log: Log;
  readonly #runs = new Map<string, Run>();

  constructor(log: Log) {
    this.#log = log;
  }

  /** Writes a log line if the error names the policy or plugin that refused the call. */
  write({ code, refusedBy }: QuaterError, { callId, handler, surface }: Arrival): void {
    if (refusedBy === undefined) return;
    const policy = cut(refusedBy);
    const leftOut = this.#leftOut(`${handler}\n${policy}`, Date.now());
    if (leftOut === undefined) return;
    const fields = { callId, surface, code, policy, ...(leftOut === 0 ? {} : { leftOut }) };
    this.#log.info(`${handler ?? "A call"} was refused by ${policy}`, fields);
  }

  /**
   * @returns How many log lines Quater left out since the last written line, or `undefined` if Quater leaves out this log line as
   * well.
   */
  #leftOut(key: string, now: number): number | undefined {
    let run = this.#runs.get(key);
    if (run === undefined) {
      const [oldest] = this.#runs.size >= mostRuns ? this.#runs.keys() : [];
      if (oldest !== undefined) this.#runs.delete(oldest);
      run = { startedAt: now, lines: 0, leftOut: 0 };
      this.#runs.set(key, run);
    }
    if (now - run.startedAt >= windowMs) Object.assign(run, { startedAt: now, lines: 0 });
    if (run.lines >= mostLines) {
      run.leftOut++;
      return undefined;
    }
    run.lines++;
    const { leftOut } = run;
    run.leftOut = 0;
    return leftOut;
  }
}
