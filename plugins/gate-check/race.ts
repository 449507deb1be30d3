// A race that does not depend on luck. Marked calls wait after they were found to be approved, and before the approval is used, until all of
// them have come. So the suite always finds a gate that checks and uses an approval in two steps.

import type { Hooks } from "../../core/plugin-api.ts";

/** How many times the approved call is sent at the same time. */
export const racers = 4;

/** A claim of principals whose calls race. */
export const racing = { gateSuite: "racing" };

/** How many approved calls of different callers are sent at the same time. Each of them changes the preview of the others. */
export const overtakers = 2;

/** A claim of the principals of these calls. Their previews show how many handlers have started. */
export const overtaking = { gateSuite: "overtaking" };

const marks: ReadonlyMap<unknown, number> = new Map([
  [racing.gateSuite, racers],
  [overtaking.gateSuite, overtakers],
]);

/** After this time the waiting calls go on, because a call may have been refused before it came. */
const patienceMs = 3_000;

export class StartingLine {
  #waiting: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** The first `hold` hook: a call that waits here must not hold a lock that another call of the race needs. */
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
