// The one pipeline: bind -> auth -> approve -> handle, the same for every surface. A stage takes what the one before
// returned, so that another order does not compile; nothing else in Quater calls a handler.

import { type Binder, frozen, type Given } from "./bind.ts";
import { type Approved, type Authorized, type Bound, type Call, contextOf, hashOf, previewOf, StagedCall } from "./call.ts";
import { canonicalText } from "./digest.ts";
import { approvalRefused, cancelled, notAllowed, type QuaterError } from "./errors.ts";
import type { HookRunner } from "./hooks.ts";
import type { Verdict } from "./policy.ts";
import type { Awaitable } from "./principal.ts";
import { masked } from "./schema.ts";

/** What the kernel compiled for one handler at boot. */
export interface Machine {
  readonly bind: Binder;
  readonly hooks: HookRunner;
  /** The handler's value checked against its output schema, item by item for a stream. */
  readonly checked: (value: unknown) => unknown;
}

type Stage<In extends Call, Out extends In> = (call: In, machine: Machine) => Promise<Out>;
export type GivenReader = readonly Given[] | (() => Awaitable<readonly Given[]>);

/** @returns What the handler returned, checked. @throws {QuaterError} for every refusal. */
export const runPipeline = async (call: Call, given: GivenReader, machine: Machine): Promise<unknown> => {
  const { hooks, checked } = machine;
  judgeStatic(call);
  const bound = bind(call, typeof given === "function" ? await given() : given, machine);
  const authorized = await auth(bound, machine);
  const replay = hooks.has("admit") ? await admit(authorized, machine) : undefined;
  if (replay !== undefined) return checked(replay.value);
  const approved = hooks.has("approve") ? await approve(authorized, machine) : StagedCall.approved(authorized, none, none);
  // Checked last, so that nothing around the handler can put a wrong shape on the wire.
  return checked(await (hooks.has("around") ? hooks.around(approved, () => handle(approved)) : handle(approved)));
};

/** Before anything is read: nobody probes the validation of what he may not call. */
const judgeStatic = ({ operation, principal }: Call): void => {
  const refusal = operation.policy.judgeStatic(principal);
  if (refusal !== undefined) throw refusal;
};

const bind = (call: Call, given: readonly Given[], { bind, hooks }: Machine): Bound => {
  const input = bind(given);
  if (!hooks.has("approve")) return StagedCall.bound(call, input);
  // What people agree to, what is digested and what the handler gets come from one text.
  const text = canonicalText(input);
  return StagedCall.bound(call, frozen(JSON.parse(text)), text);
};

const auth: Stage<Bound, Authorized> = async (call, { hooks }) => {
  const { policy } = call.operation;
  const judged = policy.needsInput ? { ...(await call.resources()), principal: call.principal, input: call.input } : call;
  const refusal = await policy.judge(judged);
  if (refusal !== undefined) throw refusal;
  if (hooks.has("authorize"))
    for (const verdict of await hooks.every("authorize", call)) if (!verdict.allow) throw refused(verdict, notAllowed);
  return StagedCall.authorized(call, policy.name);
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
  return StagedCall.approved(
    call,
    approvals.map((approval) => approval.by),
    consume,
  );
};

const handle = async (call: Approved): Promise<unknown> => {
  const context = contextOf(call, await call.resources());
  if (call.cancellation.isCancelled) throw cancelled();
  // The last act before the handler: whatever could still refuse has had its say.
  for (const consume of call.consume) {
    const verdict = await consume();
    if (verdict?.allow !== true) throw refused(verdict ?? { allow: false, by: "consume" }, approvalRefused);
  }
  return call.operation.handler.handle(call.input as never, context as never);
};

/** What a dry run answers: bind and auth as in a real call, then what approval would say. Files and runs nothing. */
export const rehearse = async (call: Call, given: GivenReader, machine: Machine): Promise<unknown> => {
  judgeStatic(call);
  const authorized = await auth(bind(call, typeof given === "function" ? await given() : given, machine), machine);
  const { operation } = call;
  const forecast = await machine.hooks.first("forecast", authorized);
  const isShown = operation.handler.preview !== undefined && operation.exposure["preview"] === "caller";
  return {
    handler: call.handler,
    input: masked(operation.input, authorized.input),
    argumentsHash: hashOf(authorized),
    auth: { allowed: true, by: authorized.allowedBy },
    approval: forecast ?? { required: machine.hooks.has("approve") },
    ...(isShown ? { preview: await previewOf(authorized) } : {}),
  };
};

const refused = (
  verdict: Extract<Verdict, { allow: false }>,
  otherwise: (by: string, reason?: string) => QuaterError,
): QuaterError => verdict.error ?? otherwise(verdict.by, verdict.reason);
