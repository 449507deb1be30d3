// The order of the pipeline's stages, on the stages themselves: another order does not compile. Compiled by `tsc`, never run.

import type { Approved, Authorized, Bound, Call } from "quater/plugin-api";
import type { CompiledHandler } from "../../core/pipeline/compiled-handler.ts";
import type { guard } from "../../core/pipeline/guard.ts";
import type { Stages } from "../../core/pipeline/pipeline.ts";
import type { RunningCall } from "../../core/pipeline/running-calls.ts";

type Guard = typeof guard;

export const inOrder = async (
  { bind, auth, handle }: Stages,
  guarded: Guard,
  call: Call,
  compiled: CompiledHandler,
  running: RunningCall,
) => {
  const passed = await guarded(await auth(bind(call, [], compiled), compiled), running, compiled);
  return "replay" in passed ? passed.replay : handle(passed, running);
};

export const unbound = ({ auth }: Stages, call: Call, compiled: CompiledHandler) => {
  // @ts-expect-error the policies would judge an input that nothing has checked
  return auth(call, compiled);
};

export const unauthorized = (guarded: Guard, call: Bound, compiled: CompiledHandler, running: RunningCall) => {
  // @ts-expect-error people would be asked about a call that the policy refuses
  return guarded(call, running, compiled);
};

export const unapproved = ({ handle }: Stages, call: Authorized, running: RunningCall) => {
  // @ts-expect-error the handler would run without the agreement of people
  return handle(call, running);
};

export const replayed = async ({ handle }: Stages, passed: Awaited<ReturnType<Guard>>, running: RunningCall) => {
  // @ts-expect-error an earlier result answers the call, and the handler must not run again
  return handle(passed, running);
};

export const forged = ({ handle }: Stages, call: Bound, running: RunningCall) => {
  // @ts-expect-error a call that says itself that it was approved was not authorized
  return handle({ ...call, approvedBy: [], consume: [] }, running);
};

// A stage returns what it promises, and not anything.
type IsAny<Value> = 0 extends 1 & Value ? true : false;
export const promised: readonly [
  IsAny<Stages["auth"]>,
  IsAny<Awaited<ReturnType<Stages["bind"]>>>,
  IsAny<Awaited<ReturnType<Stages["auth"]>>>,
  IsAny<Awaited<ReturnType<Guard>>>,
] = [false, false, false, false];
export const approvedBy = ({ allowedBy, input }: Approved): readonly unknown[] => [allowedBy, input];
