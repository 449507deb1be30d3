// Counts what the principals of one process use at the same time, such as waiting calls.

import type { Principal } from "../../../core/index.ts";

/** Returns a text that is different for each principal. */
export const principalKey = ({ issuer, subject }: Principal): string => JSON.stringify([issuer, subject]);

/** One count for each principal. */
export class PrincipalCounts {
  readonly #counts = new Map<string, number>();

  /** @param principal  From `principalKey`. */
  of(principal: string): number {
    return this.#counts.get(principal) ?? 0;
  }

  /** Returns the new count. */
  add(principal: string): number {
    const count = this.of(principal) + 1;
    this.#counts.set(principal, count);
    return count;
  }

  remove(principal: string): void {
    const count = this.of(principal) - 1;
    if (count <= 0) this.#counts.delete(principal);
    else this.#counts.set(principal, count);
  }
}
