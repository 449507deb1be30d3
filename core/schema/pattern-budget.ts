// How long patterns may take. The linear-time engine reads a text character by character, so a text object that looks at
// the clock can stop every match in the middle.

/** How long all patterns of one input or output may take together, milliseconds. Most take less than one. */
const budgetMs = 500;
/** How much work is done between two looks at the clock, about 2 ms. */
const stepsBetween = 65_536;

let spentMs = 0;

/** Thrown where the patterns of one value take longer than their budget. */
export class TakesTooLong extends Error {}

/** Begins a new budget. All matches until the next call share it: nothing between the two may wait. */
export const beginBudget = (): void => {
  spentMs = 0;
};

/** A text that ends its match once the budget is spent. */
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
 * Matches within the budget.
 *
 * @param size  Steps for each character at worst.
 * @throws {TakesTooLong}
 */
export const withinBudget = (text: string, size: number, match: (text: string) => boolean): boolean => {
  if (spentMs > budgetMs) throw new TakesTooLong();
  const began = performance.now();
  try {
    // A short text ends soon anyway, and a watched one takes several times as long.
    return match(text.length * size <= stepsBetween ? text : (new WatchedText(text, size) as unknown as string));
  } finally {
    spentMs += performance.now() - began;
  }
};
