// A claim about who must agree to a call: made true in front of the test, person by person, up to the run and not beyond.

import type { Handler, Principal } from "../../core/index.ts";

import type { Operation, Outcome } from "../../core/plugin-api.ts";
import { expectDenied, type TestApp } from "../../core/testing/index.ts";
import { approvalsRef } from "../offered.ts";
import { peopleFor } from "./people.ts";

export interface ApprovalCall {
  readonly as: Principal;
  readonly handler: string;
  readonly input?: unknown;
  /** Default: the first that the handler is exposed on. */
  readonly surface?: string;
}

export interface ExpectedApproval {
  /**
   * Claims that so many people must agree: the call is refused until the last of them did, runs then, and does not run
   * again when it is repeated: people are asked again, or it is refused before them. The handler is run, once.
   *
   * @param people  Who they are. Default: made from the policy.
   * @returns How the call ended.
   * @throws {Error} that says what was met instead.
   */
  by(count: number, people?: readonly Principal[]): Promise<Outcome>;
}

/** @param app  A booted manifest with `approval()`, as `bootTest` gives it. */
export const expectApproval = (app: TestApp, call: ApprovalCall): ExpectedApproval => ({
  by: async (count, people) => {
    const { handler, input = {}, surface } = call;
    const where = surface === undefined ? {} : { surface };
    const act = (): Promise<Outcome> => app.as(call.as).call(handler, input, where);
    const operation = app.catalog.get(handler);
    const approvals = app.services.find(approvalsRef);
    const requirement = operation === undefined ? undefined : approvals?.requirementOf(operation);
    if (operation === undefined || approvals === undefined || requirement === undefined)
      throw new Error(`Expected ${handler} to need ${counted(count)}, and nobody must agree to it`);
    const agreeing = people ?? peopleFor(requirement.approvers);
    if (agreeing.length !== count)
      throw new Error(
        `Expected ${handler} to need ${counted(count)}, and it needs ${counted(agreeing.length)} (${requirement.words})`,
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
      throw new Error(`Expected ${handler} to run once ${counted(count)} agreed, and it ended with ${endOf(outcome)}`);
    const again = await act();
    const wanted = `Expected ${handler} not to run again when it is repeated`;
    if (started.has(again.callId)) throw new Error(`${wanted}, and it did: it ended with ${endOf(again)}`);
    if (again.ok || again.error.kind === "internal") throw new Error(`${wanted}, and it was not refused: ${endOf(again)}`);
    return outcome;
  },
});

/**
 * The calls in which the handler started. What a caller is told does not show it: of what is gone already, a handler that
 * ran again says the same as a preview that kept it from running.
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
  if (outcome.ok) throw new Error("A call that succeeded names no approval");
  return outcome.error.details?.["approval"] as { readonly id: string };
};
