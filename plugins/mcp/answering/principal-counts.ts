// Counts for each principal what the principal uses in one process at the same time, such as waiting calls.

import type { Principal } from "../../../core/index.ts";

/** Returns a text that is different for each principal. */
export const principalKey = ({ issuer, subject }: Principal): string => JSON.stringify([issuer, subject]);

/** One count for each principal in this process. */
export class PrincipalCounts {
  readonly #counts = new Map<string, number>();

  /** @param principal  The key of a principal that `principalKey` returns. */
  of(principal: string): number {
    return this.#counts.get(principal) ?? 0;
  }

  /** Adds one to the count of a principal, and returns the new count. */
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
