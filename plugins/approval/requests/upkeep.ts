// The periodic work on approval requests in processes that run until an operator stops them: upkeep.ts fills in keys, writes
// expiries, and removes old approval requests.

import type { ApprovalContext } from "./approval-context.ts";
import { fillKeys } from "./filling.ts";
import { voidOfFormat1 } from "./proving.ts";
import { pruneEnded, sweepExpired } from "./sweeping.ts";

const sweepEveryMs = 5_000;
const pruneEveryMs = 3_600_000;

export class Upkeep {
  readonly #context: ApprovalContext;
  readonly #retentionDays: number;
  #timer: NodeJS.Timeout | undefined;
  #prunedAt = 0;
  #isFilled = false;

  constructor(context: ApprovalContext, retentionDays: number) {
    this.#context = context;
    this.#retentionDays = retentionDays;
  }

  async start(): Promise<void> {
    const { log } = this.#context.parts;
    const voided = await voidOfFormat1(this.#context);
    if (voided > 0)
      log.warn("Open approval requests of an older version of Quater were voided. Callers must repeat their calls", { voided });
    this.#timer = setInterval(() => {
      this.#run().catch((error: unknown) =>
        log.warn("The regular maintenance of approvals failed. Quater tries again later", { error: String(error) }),
      );
    }, sweepEveryMs);
    this.#timer.unref();
  }

  /** Stops the periodic work. Callers may call `stop` twice. */
  stop(): void {
    clearInterval(this.#timer);
  }

  async #run(): Promise<void> {
    while (!this.#isFilled) this.#isFilled = await fillKeys(this.#context);
    await sweepExpired(this.#context);
    if (Date.now() - this.#prunedAt < pruneEveryMs) return;
    this.#prunedAt = Date.now();
    // Check the keys again at the next run, because an instance with an older version of Quater may still run and write rows
    // without keys.
    this.#isFilled = false;
    await pruneEnded(this.#context, this.#retentionDays);
    const { log, reader } = this.#context.parts;
    const rows = await reader.countWithoutId();
    if (rows > 0)
      log.error("Quater ignores rows of the table approval_request that have no valid id. Find out who wrote the rows", { rows });
  }
}
