// A race in which nobody is early by luck: calls that are marked wait, after they were found to be approved and before the
// approval is used up, until all of them stand there. So a gate that first looks and then uses, in two steps, is found every time.

import type { Hooks } from "../../core/plugin-api.ts";

/** How many send the approved call at once. */
export const racers = 4;

/** In the claims of a principal whose calls race. */
export const racing = { gateSuite: "racing" };

/** How many approved calls of different callers are sent at once, each of which changes the preview of the others. */
export const overtakers = 2;

/** In the claims of their principals. Their previews tell how many handlers have started. */
export const overtaking = { gateSuite: "overtaking" };

const marks: ReadonlyMap<unknown, number> = new Map([
  [racing.gateSuite, racers],
  [overtaking.gateSuite, overtakers],
]);

/** After that, those who stand there go: one may have been refused on its way. */
const patienceMs = 3_000;

export class StartingLine {
  #waiting: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  /** Stands before every other `hold`: who waits here must not keep a lock from those who are still on their way. */
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
