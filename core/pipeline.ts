// The one pipeline: bind -> auth -> approve -> handle, the same for every surface. A stage takes what the one before
// returned, so that another order does not compile; nothing else in Quater calls a handler.

import { type Binder, frozen, type Given } from "./bind.ts";
import { type Approved, type Authorized, type Bound, type Call, contextOf, StagedCall } from "./call.ts";
import { canonicalText } from "./digest.ts";
import { approvalRefused, cancelled, notAllowed, type QuaterError, refusedAs } from "./errors.ts";
import { type Flight, type Holding, returned } from "./flights.ts";
import type { HookRunner } from "./hooks.ts";
import type { OutputCheck } from "./output.ts";
import type { AnswerRoom } from "./plugin.ts";
import type { Verdict } from "./policy.ts";
import { type Awaitable, andThen } from "./principal.ts";

/** What the kernel compiled for one handler at boot. */
export interface Machine {
  readonly bind: Binder;
  readonly hooks: HookRunner;
  /** The handler's value checked against its output schema, item by item for a stream. */
  readonly checked: OutputCheck;
}

type Stage<In extends Call, Out extends In> = (call: In, machine: Machine) => Awaitable<Out>;
export type GivenReader = readonly Given[] | (() => Awaitable<readonly Given[]>);

/** @returns What the handler returned, checked. @throws {QuaterError} for every refusal. */
export const runPipeline = async (flight: Flight, given: GivenReader, machine: Machine, room?: AnswerRoom): Promise<unknown> => {
  const { hooks, checked } = machine;
  const { call } = flight;
  judgeStatic(call);
  const parts = typeof given === "function" ? given() : given;
  const read = Array.isArray(parts) ? parts : await parts;
  const again = StagedCall.enterAgain(call); // reading a body takes as long as its sender likes
  if (again !== undefined) judgeStatic(await again.then(() => call));
  const bound = bind(call, read, machine);
  const authorized = await auth(bound, machine);
  const replay = hooks.has("admit") ? await admit(authorized, machine) : undefined;
  if (replay !== undefined) return checked(replay.value, room);
  const approved = hooks.has("approve") ? await approve(authorized, machine) : StagedCall.approved(authorized, none, none);
  if (hooks.has("hold")) await hold(approved, flight, machine);
  // Checked last, so that nothing around the handler can put a wrong shape on the wire.
  const run = async () => returned(flight, await handle(approved, flight));
  const value = hooks.has("around") ? await hooks.around(approved, run) : returned(flight, await handle(approved, flight));
  return checked(value, room);
};

/** Before anything is read: nobody probes the validation of what he may not call. */
export const judgeStatic = ({ operation, principal }: Call): void => {
  const refusal = operation.policy.judgeStatic(principal);
  if (refusal !== undefined) throw refusal;
};

export const bind = (call: Call, given: readonly Given[], { bind, hooks }: Machine): Bound => {
  const input = bind(given);
  if (!hooks.has("approve")) return StagedCall.bound(call, input);
  // What people agree to, what is digested and what the handler gets come from one text.
  const text = canonicalText(input);
  return StagedCall.bound(call, frozen(JSON.parse(text)), text);
};

export const auth: Stage<Bound, Authorized> = (call, { hooks }) =>
  andThen(judge(call), (refusal) => {
    if (refusal !== undefined) throw refusal;
    if (!hooks.has("authorize")) return StagedCall.authorized(call, call.operation.policy.name);
    return andThen(hooks.every("authorize", call), (verdicts) => {
      for (const verdict of verdicts) if (!verdict.allow) throw refused(verdict, notAllowed);
      return StagedCall.authorized(call, call.operation.policy.name);
    });
  });

const judge = (call: Bound): Awaitable<QuaterError | undefined> => {
  const { policy } = call.operation;
  if (!policy.needsInput) return policy.judge(call);
  return andThen(call.resources(), (uses) => policy.judge({ ...uses, principal: call.principal, input: call.input }));
};

/** Whatever may refuse or replay comes before approval, so that it never burns one. */
const admit = async (call: Authorized, { hooks }: Machine): Promise<{ readonly value: unknown } | undefined> => {
  for (const admission of await hooks.every("admit", call)) {
    if (admission.allow === "replay") return { value: admission.value };
    if (!admission.allow) throw refused(admission, notAllowed);
  }
  return undefined;
};

const none: readonly never[] = Object.freeze([]);

const approve: Stage<Authorized, Approved> = async (call, { hooks }) => {
  const approvals = await hooks.every("approve", call);
  for (const approval of approvals) if (!approval.allow) throw refused(approval, approvalRefused);
  const consume = approvals.flatMap((approval) => ("consume" in approval ? (approval.consume ?? []) : []));
  const approvedBy = approvals.map(({ by }) => by);
  return StagedCall.approved(call, approvedBy, consume);
};

/** Waits for locks and the like. Resources that a policy opened before may show an older state, so they are opened anew. */
const hold = async (call: Approved, { holdings, resources }: Flight, { hooks }: Machine): Promise<void> => {
  for (const verdict of await hooks.every("hold", call, (holding) => void holdings?.push(holding)))
    if (!verdict.allow) throw refused(verdict, notAllowed);
  await resources.renew();
};

const handle = (call: Approved, { holdings }: Flight): Awaitable<unknown> =>
  andThen(call.resources(), (uses) => {
    const context = contextOf(call, uses);
    if (call.cancellation.isCancelled) throw cancelled();
    const isReady = call.consume.length === 0 && holdings === undefined;
    // The last act before the handler: whatever could still refuse has had its say.
    return andThen(isReady ? StagedCall.enterAgain(call) : useUp(call, holdings), () =>
      call.operation.handler.handle(call.input as never, context as never),
    );
  });

const useUp = async (call: Approved, holdings: readonly Holding[] = none): Promise<void> => {
  await StagedCall.enterAgain(call);
  for (const consume of call.consume) {
    const verdict = await consume();
    if (verdict?.allow !== true) throw refused(verdict ?? { allow: false, by: "consume" }, approvalRefused);
  }
  for (const { confirm } of holdings) await confirm();
};

const refused = (
  verdict: Extract<Verdict, { allow: false }>,
  otherwise: (by: string, reason?: string) => QuaterError,
): QuaterError => (verdict.error === undefined ? otherwise(verdict.by, verdict.reason) : refusedAs(verdict.error, verdict.by));
