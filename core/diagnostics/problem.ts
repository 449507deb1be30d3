// The problems of a project that stop its boot. Problems are collected and not thrown one by one, so that a person can correct
// all of them at once.

import { brand } from "./brand.ts";

export interface BootProblem {
  /** Where the problem is: `quater.config.ts:12`, or the module. */
  readonly place: string;
  readonly cause: string;
  readonly remedy: string;
  readonly plugin?: string;
}

/** A problem without its place, which the calling code adds. */
export type CauseAndRemedy = Pick<BootProblem, "cause" | "remedy">;

/** Thrown when the project cannot boot. Shown without a stack, because the mistake is in the project and not in Quater. */
export class BootError extends Error {
  readonly [brand] = "boot-error";
  readonly problems: readonly BootProblem[];

  /** @param cause  The error of the system or of a plugin behind the problem, if there is one. */
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
