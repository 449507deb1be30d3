// The pipeline of calls on every surface: bind -> auth -> approve -> handle. The parameter of each stage has the type that the
// previous stage returns, so stages in another order do not compile. No other code in Quater calls a handler.

import { approvalRefused, cancelled, notAllowed } from "../diagnostics/errors.ts";
import type { AnswerRoom } from "../model/arriving.ts";
import { type Approved, type Authorized, type Bound, type Call, contextOf, StagedCall } from "../model/call.ts";
import type { GivenInput } from "../model/given-input.ts";
import type { Holding } from "../model/holding.ts";
import { type Awaitable, andThen, isThenable } from "../model/principal.ts";
import { canonicalInputOf } from "./bind.ts";
import type { CompiledHandler } from "./compiled-handler.ts";
import { guard, none, refused } from "./guard.ts";
import { type RunningCall, returned } from "./running-calls.ts";
import { type InputSource, inputOf } from "./uploads.ts";

type Stage<In extends Call, Out extends In> = (call: In, compiled: CompiledHandler) => Awaitable<Out>;
/** The types of the pipeline's stages, for tests of types. */
export type Stages = { readonly bind: typeof bind; readonly auth: typeof auth; readonly handle: typeof handle };
/**
 * Runs all stages. If no stage has to wait, `runPipeline` returns no promise, because each promise makes a call slower.
 *
 * @returns The checked value of the handler.
 * @throws {QuaterError} for every refusal. If `runPipeline` returns a promise, the promise rejects with the same errors.
 */
export const runPipeline = (
  running: RunningCall,
  given: InputSource,
  compiled: CompiledHandler,
  room?: AnswerRoom,
): Awaitable<unknown> => {
  const { call } = running;
  judgeStatic(call);
  const parts = inputOf(given, running.uploads);
  if (Array.isArray(parts)) return fromInput(parts, running, compiled, room);
  StagedCall.waits(call); // A body may arrive slowly, so check the credential again after the body.
  return Promise.resolve(parts).then((read) =>
    andThen(
      StagedCall.enterAgain(call)?.then(() => judgeStatic(call)),
      () => fromInput(read, running, compiled, room),
    ),
  );
};

const fromInput = (
  read: readonly GivenInput[],
  running: RunningCall,
  compiled: CompiledHandler,
  room?: AnswerRoom,
): Awaitable<unknown> => {
  const { call } = running;
  const authorizing = andThen(refine(bind(call, read, compiled), compiled), (bound) => auth(bound, compiled));
  if (authorizing instanceof Promise) StagedCall.waits(call);
  return andThen(authorizing, (authorized) =>
    andThen(compiled.isGuarded ? guard(authorized, running, compiled) : StagedCall.approved(authorized, none, none), (passed) =>
      "replay" in passed ? compiled.checked(passed.replay, room) : run(passed, running, compiled, room),
    ),
  );
};

/** Runs the handler. Checks the output last, so that no `around` hook can send a value that does not match the output schema. */
const run = (
  call: Approved,
  running: RunningCall,
  { hooks, checked }: CompiledHandler,
  room?: AnswerRoom,
): Awaitable<unknown> => {
  if (hooks.has.around)
    return hooks.around(call, async () => returned(running, await handle(call, running))).then((value) => checked(value, room));
  const value = handle(call, running);
  if (!isThenable(value)) return checked(returned(running, value), room);
  return Promise.resolve(value).then((ended) => checked(returned(running, ended), room));
};

/** Checks the caller's scopes and roles before the surface reads the body, so that other callers cannot probe the validation. */
export const judgeStatic = ({ operation, principal }: Call): void => {
  const refusal = operation.policy.judgeStatic(principal);
  if (refusal !== undefined) throw refusal;
};

export const bind = (call: Call, given: readonly GivenInput[], { bind, hooks, files }: CompiledHandler): Bound => {
  const input = bind(given);
  if (!hooks.has.approve) return StagedCall.bound(call, input);
  const canonical = canonicalInputOf(input, files.keys());
  return StagedCall.bound(call, canonical.input, canonical.text);
};

/** Runs the check of an input schema of another library. The check may be asynchronous, and cannot change the bound input. */
export const refine: Stage<Bound, Bound> = (call, { refineInput }) =>
  refineInput === undefined ? call : andThen(refineInput(call.input), () => call);

export const auth: Stage<Bound, Authorized> = (call, { hooks }) =>
  andThen(call.operation.policy.judge(call), (refusal) => {
    if (refusal !== undefined) throw refusal;
    if (!hooks.has.authorize) return StagedCall.authorized(call, call.operation.policy.name);
    return andThen(hooks.every("authorize", call), (verdicts) => {
      for (const verdict of verdicts) if (!verdict.allow) throw refused(verdict, notAllowed);
      return StagedCall.authorized(call, call.operation.policy.name);
    });
  });

const handle = (call: Approved, { holdings }: RunningCall): Awaitable<unknown> =>
  andThen(call.resources(), (uses) => {
    const context = contextOf(call, uses);
    if (call.cancellation.isCancelled) throw cancelled();
    const isReady = call.consume.length === 0 && holdings === undefined;
    // Use the approval only now, directly before the handler, because the call has passed all other checks.
    return andThen(isReady ? StagedCall.enterAgain(call) : useUp(call, holdings), () => {
      call.cancellation.handlerBegins();
      return call.operation.handler.handle(call.input as never, context as never);
    });
  });

const useUp = async (call: Approved, holdings: readonly Holding[] = none): Promise<void> => {
  await StagedCall.enterAgain(call);
  for (const consume of call.consume) {
    const verdict = await consume();
    if (verdict?.allow !== true) throw refused(verdict ?? { allow: false, by: "consume" }, approvalRefused);
  }
  for (const { confirm } of holdings) await confirm();
};
