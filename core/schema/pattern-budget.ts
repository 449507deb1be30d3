// Limits the time for matching patterns. The linear-time engine reads a text character by character. `withinBudget` therefore
// gives the engine a text object that checks the clock, and stops the match when the time budget is used up.

/** The time for all patterns of one input or output together, milliseconds. Most inputs need less than one millisecond. */
const budgetMs = 500;
/** How many steps the linear-time engine may run between two checks of the clock. 65,536 steps take about 2 ms. */
const stepsBetween = 65_536;

let spentMs = 0;

/** The error when the patterns of one value take longer than their time budget. */
export class TakesTooLong extends Error {}

/**
 * Starts a new time budget. All matches until the next call of `beginBudget` share one budget, so no code between the two calls
 * may wait.
 */
export const beginBudget = (): void => {
  spentMs = 0;
};

/** A text that throws an error while the linear-time engine reads the text, once the time budget is used up. */
class WatchedText extends String {
  readonly #began = performance.now();
  readonly #text: string;
  readonly #between: number;
  #left: number;

  constructor(text: string, size: number) {
    super(text);
    this.#text = text;
    this.#between = Math.max(1, Math.floor(stepsBetween / size));
    this.#left = this.#between;
  }

  override charCodeAt(at: number): number {
    if (--this.#left <= 0) this.#look();
    return this.#text.charCodeAt(at);
  }

  #look(): void {
    this.#left = this.#between;
    if (spentMs + performance.now() - this.#began > budgetMs) throw new TakesTooLong();
  }
}

/**
 * Runs the match of a text within the time budget.
 *
 * @param size  The most steps of the linear-time engine for each character of the text.
 * @throws {TakesTooLong}
 */
export const withinBudget = (text: string, size: number, match: (text: string) => boolean): boolean => {
  if (spentMs > budgetMs) throw new TakesTooLong();
  const began = performance.now();
  try {
    // A short text needs no checks of the clock. Checks of the clock would make the match several times as slow.
    return match(text.length * size <= stepsBetween ? text : (new WatchedText(text, size) as unknown as string));
  } finally {
    spentMs += performance.now() - began;
  }
};
