// In a test, `expectApproval` checks that a call runs only after a given number of people have approved the call, and that the
// call runs only once.

import type { Handler, Principal } from "../../core/index.ts";

import type { Operation, Outcome } from "../../core/plugin-api.ts";
import { expectDenied, type TestApp } from "../../core/testing/index.ts";
import { approvalsRef } from "../offered.ts";
import { peopleFor } from "./people.ts";

export interface ApprovalCall {
  readonly as: Principal;
  readonly handler: string;
  readonly input?: unknown;
  /** The surface over which `expectApproval` makes the calls. Default: the first surface that exposes the handler. */
  readonly surface?: string;
}

export interface ExpectedApproval {
  /**
   * Checks that exactly `count` people must approve the call. The gate must refuse the call until the last person approves. After
   * the last approval, the call must run once. If the test repeats the call after the run, the repeated call must need a new
   * approval, or the gate must refuse it.
   *
   * @param people  The approvers. Default: people that `expectApproval` makes from the approval policy.
   * @returns The outcome of the approved call.
   * @throws {Error} when a check fails. The message of the error describes what happened instead.
   */
  by(count: number, people?: readonly Principal[]): Promise<Outcome>;
}

/** @param app  The test app that `bootTest` returns for a manifest with `approval()`. */
export const expectApproval = (app: TestApp, call: ApprovalCall): ExpectedApproval => ({
  by: async (count, people) => {
    const { handler, input = {}, surface } = call;
    const where = surface === undefined ? {} : { surface };
    const act = (): Promise<Outcome> => app.as(call.as).call(handler, input, where);
    const operation = app.catalog.get(handler);
    const approvals = app.services.find(approvalsRef);
    const requirement = operation === undefined ? undefined : approvals?.requirementOf(operation);
    if (operation === undefined || approvals === undefined || requirement === undefined)
      throw new Error(`Expected ${handler} to need the approval of ${counted(count)}, but it needs no approval`);
    const agreeing = people ?? peopleFor(requirement.approvers);
    if (agreeing.length !== count)
      throw new Error(
        `Expected ${handler} to need the approval of ${counted(count)}, but it needs ${counted(agreeing.length)} (${requirement.words})`,
      );
    const started = startsOf(operation);
    const first = await act();
    await expectDenied(first, "approval_required");
    const { id } = idOf(first);
    for (const [at, principal] of agreeing.entries()) {
      if (at > 0) await expectDenied(act(), "approval_required");
      const { digest } = await approvals.show(principal, id);
      await approvals.vote({ principal, via: "test" }, { id, verdict: "approve", digest });
    }
    const outcome = await act();
    if (!started.has(outcome.callId))
      throw new Error(`Expected ${handler} to run after the approval of ${counted(count)}, but it ended with ${endOf(outcome)}`);
    const again = await act();
    const wanted = `Expected ${handler} not to run again when it is repeated`;
    if (started.has(again.callId)) throw new Error(`${wanted}, but it ran again and ended with ${endOf(again)}`);
    if (again.ok || again.error.kind === "internal")
      throw new Error(`${wanted}, but the repeated call was not refused: ${endOf(again)}`);
    return outcome;
  },
});

/**
 * Collects the ids of the calls in which the handler started. The answer to the caller does not show whether the handler started,
 * because a handler that ran again and a preview that failed may cause the same error.
 */
const startsOf = (operation: Operation): ReadonlySet<string> => {
  const known = starts.get(operation);
  if (known !== undefined) return known;
  const { handler } = operation;
  const found = new Set<string>();
  const handle = (input: never, context: { readonly callId: string }): unknown => {
    found.add(context.callId);
    return handler.handle(input, context as never);
  };
  (operation as { handler: Handler }).handler = Object.freeze({ ...handler, handle }) as Handler;
  starts.set(operation, found);
  return found;
};
const starts = new WeakMap<Operation, ReadonlySet<string>>();

const endOf = (outcome: Outcome): string => (outcome.ok ? "success" : `${outcome.error.code}: ${outcome.error.message}`);

const counted = (count: number): string => (count === 1 ? "1 person" : `${count} people`);

const idOf = (outcome: Outcome): { readonly id: string } => {
  if (outcome.ok) throw new Error("The call succeeded, so it has no approval request");
  return outcome.error.details?.["approval"] as { readonly id: string };
};
