// Makes calls race in the same way in each run. A call with the claim `racing` or `overtaking` waits after the gate has found the
// approval of the call and before the gate uses this approval. The calls continue when all expected calls wait. So the gate suite
// always finds a gate that checks an approval in one step and uses the approval in a second step.

import type { Hooks } from "../../core/plugin-api.ts";

/** How many times the gate suite sends the approved call at the same time. */
export const racers = 4;

/** The claim of the principals whose calls use the same approval at the same time. */
export const racing = { gateSuite: "racing" };

/**
 * How many approved calls of different callers the gate suite sends at the same time. Each of these calls changes the preview of
 * the other calls.
 */
export const overtakers = 2;

/**
 * The claim of principals whose approved calls change each other's previews. The preview of each call contains the number of
 * handlers that have started.
 */
export const overtaking = { gateSuite: "overtaking" };

const marks: ReadonlyMap<unknown, number> = new Map([
  [racing.gateSuite, racers],
  [overtaking.gateSuite, overtakers],
]);

/**
 * How long racing calls wait for each other, milliseconds. The wait of racing calls has a time limit, because the gate may have
 * refused an expected call earlier.
 */
const patienceMs = 3_000;

export class StartingLine {
  #waiting: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  /**
   * The gate suite's own plugin has the first `hold` hook, because a waiting call must not have a lock that another call of the
   * race needs.
   */
  readonly hold: NonNullable<Hooks["hold"]> = async ({ principal }) => {
    const expected = marks.get(principal.claims["gateSuite"]);
    if (expected !== undefined) await this.#arrive(expected);
    return { allow: true, by: "gate-suite" };
  };

  #arrive(expected: number): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length >= expected) this.#go();
      else this.#timer ??= setTimeout(() => this.#go(), patienceMs);
    });
  }

  #go(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const resume of this.#waiting.splice(0)) resume();
  }
}
