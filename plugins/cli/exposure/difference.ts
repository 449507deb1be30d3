// Describes one difference between two descriptions of a project's exposure.

import { canonicalText, digestOfText } from "../../../core/schema/digest.ts";

/**
 * `widened`: more callers can reach something, or a protection is weaker. `narrowed`: fewer callers can reach something, or a
 * protection is stronger. `changed`: neither is true, or Quater cannot find out.
 */
export type Verdict = "widened" | "narrowed" | "changed";

/** A difference for which no id was computed yet. */
export interface Finding {
  readonly verdict: Verdict;
  /** The difference in words, such as `approval: needs 1 approver with role finance, needed 2`. */
  readonly what: string;
  /** A warning to people to compare the code of a handler, because Quater cannot compare code. */
  readonly warning?: string;
  /** The compared value before the change. The id of the difference covers `before` and `after`. */
  readonly before: unknown;
  readonly after: unknown;
}

export interface Difference {
  /** `sha256:...` over the subject, the words and both values of the difference. An acceptance counts for exactly one id. */
  readonly id: string;
  readonly verdict: Verdict;
  /** The subject of the difference: the name of the handler, `surface http`, or `the project`. */
  readonly subject: string;
  readonly what: string;
  readonly warning?: string;
}

export const finding = (verdict: Verdict, what: string, before: unknown, after: unknown, warning?: string): Finding => ({
  verdict,
  what,
  before,
  after,
  ...(warning === undefined ? {} : { warning }),
});

export const differenceOf = (subject: string, { verdict, what, warning, before, after }: Finding): Difference => ({
  id: digestOfText(canonicalText({ subject, what, before: before ?? null, after: after ?? null })),
  verdict,
  subject,
  what,
  ...(warning === undefined ? {} : { warning }),
});

/** Whether two JSON values have the same canonical text. */
export const isSame = (one: unknown, other: unknown): boolean => canonicalText(one ?? null) === canonicalText(other ?? null);
