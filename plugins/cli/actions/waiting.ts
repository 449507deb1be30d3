// Runs `quater run --wait`, which waits until approvers have decided. No call is open during the wait. If the user interrupts the
// wait, the approval request stays pending. The same command then continues to wait for that approval request.

import { isQuaterError } from "../../../core/diagnostics/errors.ts";
import { visible } from "../../../core/diagnostics/text.ts";
import type { Principal } from "../../../core/index.ts";
import type { Awaitable } from "../../../core/plugin-api.ts";
import type { Approvals } from "../../offered.ts";
import { exitOfKind } from "../output/exit.ts";
import { reportFailure } from "../output/report.ts";
import type { Announced, NextSteps } from "../program/announce.ts";
import type { Context } from "../program/context.ts";

interface Waiting {
  readonly approvals: Pick<Approvals, "untilDecided">;
  readonly context: Context;
  /** Authenticates the caller at the terminal again. */
  readonly enter: () => Awaitable<Principal>;
  readonly announced: Announced;
  readonly next: NextSteps;
}

/** @returns The exit code if the wait ended without a decision of the approvers; undefined after a decision. */
export const waitFor = async ({ approvals, context, enter, announced, next }: Waiting): Promise<number | undefined> => {
  const { terminal, isJson } = context;
  const { id, expiresAt } = announced;
  const until = expiresAt === undefined ? "" : ` until ${expiresAt}`;
  terminal.say(
    isJson
      ? `${JSON.stringify({ waiting: { ...announced, ...next } })}\n`
      : `Waiting for approval ${visible(id)}${visible(until)}. To decide it:\n  ${visible(next.decide)}\n`,
  );
  const leaving = new AbortController();
  const interrupt = context.heedInterrupt();
  const leave = () => leaving.abort();
  interrupt.addEventListener("abort", leave);
  terminal.closed.addEventListener("abort", leave);
  if (interrupt.aborted || terminal.closed.aborted) leave();
  const begin = Date.now();
  const tell = () => terminal.status(`Waiting for approval ${visible(id)}, ${Math.round((Date.now() - begin) / 1000)} s`);
  try {
    const { status } = await approvals.untilDecided(enter, "cli", id, { signal: leaving.signal, asked: tell });
    if (status !== "pending") return undefined;
    if (!isJson) terminal.say(`Approval ${visible(id)} is still pending. To wait again:\n  ${visible(next.repeat)}\n`);
    return exitOfKind.approval_required;
  } catch (error) {
    if (!isQuaterError(error)) throw error;
    return reportFailure(error, terminal, isJson);
  } finally {
    interrupt.removeEventListener("abort", leave);
    terminal.closed.removeEventListener("abort", leave);
  }
};
