// A race in which nobody is early by luck: calls that are marked wait, after they were found to be approved and before the
// approval is used up, until all of them stand there. So whoever looked and then used, as two steps, is found every time.

import type { Hooks } from "../../../core/index.ts";

/** How many send the approved call at once. */
export const racers = 4;

/** In the claims of a principal whose calls race. */
export const racing = { gateSuite: "racing" };

/** After that, those who stand there go: one may have been refused on its way. */
const patienceMs = 3_000;

export class StartingLine {
  #waiting: (() => void)[] = [];
  #timer: NodeJS.Timeout | undefined;

  readonly around: NonNullable<Hooks["around"]> = async ({ principal }, next) => {
    if (principal.claims["gateSuite"] === racing.gateSuite) await this.#arrive();
    return next();
  };

  #arrive(): Promise<void> {
    return new Promise((resolve) => {
      this.#waiting.push(resolve);
      if (this.#waiting.length >= racers) this.#go();
      else this.#timer ??= setTimeout(() => this.#go(), patienceMs);
    });
  }

  #go(): void {
    clearTimeout(this.#timer);
    this.#timer = undefined;
    for (const resume of this.#waiting.splice(0)) resume();
  }
}
