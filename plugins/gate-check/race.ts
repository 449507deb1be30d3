// Makes calls race without chance. Calls with the claim `racing` or `overtaking` wait after the gate found their approval, and
// before the gate uses the approval, until all expected calls wait. So the suite always finds a gate that checks an approval in
// one step and uses the approval in a second step.

import type { Hooks } from "../../core/plugin-api.ts";

/** How many times the approved call is sent at the same time. */
export const racers = 4;

/** A claim of the principals whose calls use the same approval at the same time. */
export const racing = { gateSuite: "racing" };

/** How many approved calls of different callers are sent at the same time. Each call changes the preview of the other calls. */
export const overtakers = 2;

/** A claim of the principals of these calls. The previews of the calls contain the number of handlers that have started. */
export const overtaking = { gateSuite: "overtaking" };

const marks: ReadonlyMap<unknown, number> = new Map([
  [racing.gateSuite, racers],
  [overtaking.gateSuite, overtakers],
]);

/**
 * How long calls wait for each other, milliseconds. The wait has a limit, because an expected call may have been refused earlier.
 */
const patienceMs = 3_000;

export class StartingLine {
  #waiting: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** This is the first `hold` hook, because a waiting call must not have a lock that another call of the race needs. */
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
