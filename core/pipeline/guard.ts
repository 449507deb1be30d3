// The stages of the pipeline in which plugins may refuse a call, answer the call with an earlier result, or make the call wait.

import { approvalRefused, notAllowed, type QuaterError, refusedAs } from "../diagnostics/errors.ts";
import { type Approved, type Authorized, StagedCall } from "../model/call.ts";
import type { Verdict } from "../model/policy.ts";
import type { CompiledHandler } from "./compiled-handler.ts";
import type { RunningCall } from "./running-calls.ts";

export const none: readonly never[] = Object.freeze([]);

/** An earlier result that a plugin gives as the answer of the call. */
interface Replay {
  readonly replay: unknown;
}

/**
 * Runs the `admit`, `approve` and `hold` hooks for a call, if the handler has such hooks. @throws {QuaterError} for every
 * refusal.
 */
export const guard = async (
  authorized: Authorized,
  running: RunningCall,
  compiled: CompiledHandler,
): Promise<Approved | Replay> => {
  const { hooks } = compiled;
  const replay = hooks.has.admit ? await admit(authorized, compiled) : undefined;
  if (replay !== undefined) return { replay: replay.value };
  const approved = hooks.has.approve ? await approve(authorized, compiled) : StagedCall.approved(authorized, none, none);
  if (hooks.has.hold) await hold(approved, running, compiled);
  return approved;
};

/** Runs the `admit` hooks before the `approve` hooks, so that a refused or replayed call does not use up an approval. */
const admit = async (call: Authorized, { hooks }: CompiledHandler): Promise<{ readonly value: unknown } | undefined> => {
  for (const admission of await hooks.every("admit", call)) {
    if (admission.allow === "replay") return { value: admission.value };
    if (!admission.allow) throw refused(admission, notAllowed);
  }
  return undefined;
};

const approve = async (call: Authorized, { hooks }: CompiledHandler): Promise<Approved> => {
  const approvals = await hooks.every("approve", call);
  for (const approval of approvals) if (!approval.allow) throw refused(approval, approvalRefused);
  const consume = approvals.flatMap((approval) => ("consume" in approval ? (approval.consume ?? []) : []));
  const approvedBy = approvals.map(({ by }) => by);
  return StagedCall.approved(call, approvedBy, consume);
};

/**
 * Waits for the locks of the call. The resources that a policy opened before the wait may show an older state. `hold` therefore
 * opens these resources again.
 */
const hold = async (call: Approved, { holdings, resources }: RunningCall, { hooks }: CompiledHandler): Promise<void> => {
  for (const verdict of await hooks.every("hold", call, (holding) => void holdings?.push(holding)))
    if (!verdict.allow) throw refused(verdict, notAllowed);
  await resources.renew();
};

export const refused = (
  verdict: Extract<Verdict, { allow: false }>,
  otherwise: (by: string, reason?: string) => QuaterError,
): QuaterError => (verdict.error === undefined ? otherwise(verdict.by, verdict.reason) : refusedAs(verdict.error, verdict.by));
