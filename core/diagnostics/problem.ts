// The boot problems of a project, which stop the boot. Boot collects all boot problems before boot throws an error, so that a
// person can correct all mistakes at once.

import { brand } from "./brand.ts";

export interface BootProblem {
  /** The place of the boot problem: `quater.config.ts:12`, or the module. */
  readonly place: string;
  readonly cause: string;
  readonly remedy: string;
  readonly plugin?: string;
}

/** A boot problem without the place. The calling code adds the place. */
export type CauseAndRemedy = Pick<BootProblem, "cause" | "remedy">;

/**
 * The error of a project that cannot boot. The program prints this error without a stack, because the mistake is in the project
 * and not in Quater.
 */
export class BootError extends Error {
  readonly [brand] = "boot-error";
  readonly problems: readonly BootProblem[];

  /** @param cause  The error of the operating system or of a plugin that caused the boot problem, if there is such an error. */
  constructor(problems: readonly BootProblem[], cause?: unknown) {
    super(
      problems.map((problem) => `${problem.place}: ${problem.cause}. ${problem.remedy}`).join("\n"),
      cause === undefined ? undefined : { cause },
    );
    this.name = "BootError";
    this.problems = problems;
  }
}

export const isBootError = (value: unknown): value is BootError =>
  value instanceof Error && (value as unknown as Record<symbol, unknown>)[brand] === "boot-error";
