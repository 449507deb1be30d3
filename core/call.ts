// One invocation on its way. Each stage of the pipeline takes what is known so far and returns it with one thing more,
// so that stages out of order do not compile.

import { argumentsHash } from "./digest.ts";
import type { QuaterError } from "./errors.ts";
import type { Operation } from "./operation.ts";
import type { Verdict } from "./policy.ts";
import type { Awaitable, Principal } from "./principal.ts";

/** A call as far as it is known when it is refused early: the principal may be missing, and the handler too. */
export interface Arrival {
  readonly callId: string;
  readonly surface: string;
  readonly handler: string | undefined;
  readonly principal: Principal | undefined;
  /** Milliseconds since the epoch. */
  readonly startedAt: number;
  readonly peer: string | undefined;
  /** A rehearsal: what is told of it must not be recorded as a call that ran. */
  readonly isDryRun: boolean;
}

export interface Call extends Arrival {
  readonly handler: string;
  readonly operation: Operation;
  readonly principal: Principal;
  readonly cancellation: Cancellation;
  readonly progress: (fraction: number, message?: string) => void;
  /** The handler's resources, opened on first use and shared by policy, preview and handler. */
  readonly resources: () => Awaitable<Readonly<Record<string, unknown>>>;
}

/** Input bound, checked, completed with defaults, frozen. */
export interface Bound extends Call {
  readonly input: unknown;
}

/** Allowed by the handler's policy and every plugin that was asked. */
export interface Authorized extends Bound {
  readonly allowedBy: string;
}

/** Agreed to by every plugin that approves; `consume` holds what is used up as the last act before the handler. */
export interface Approved extends Authorized {
  readonly approvedBy: readonly string[];
  readonly consume: readonly (() => Awaitable<Verdict>)[];
}

/** How a call ended. A stream's value is settled when its last item has left. */
export type Outcome =
  | { readonly ok: true; readonly value: unknown; readonly callId: string }
  | { readonly ok: false; readonly error: QuaterError; readonly callId: string };

/** `sha256:...` over handler and bound input; equal on all surfaces. Computed when asked for, not per call. */
export const hashOf = (call: Bound): string => argumentsHash(call.handler, call.input);

const noProgress = (): void => {};

/** What the handler's functions get beside the input. */
export const contextOf = (call: Call, resources: Readonly<Record<string, unknown>>): object => ({
  callId: call.callId,
  principal: call.principal,
  progress: call.progress ?? noProgress,
  // Most handlers never look at the signal, and making one costs more than the rest of the call.
  get signal() {
    return call.cancellation.signal;
  },
  ...resources,
});

/** The handler's preview of the call, or `undefined` when it has none. No side effect, by contract. */
export const previewOf = async (call: Bound): Promise<unknown> =>
  call.operation.handler.preview?.(call.input as never, contextOf(call, await call.resources()) as never);

/** Whether the caller still wants the answer. Makes an AbortSignal only when somebody asks for it. */
export class Cancellation {
  #controller: AbortController | undefined;
  isCancelled = false;

  get signal(): AbortSignal {
    this.#controller ??= new AbortController();
    if (this.isCancelled) this.#controller.abort();
    return this.#controller.signal;
  }

  /** Safe to call twice. */
  cancel(): void {
    this.isCancelled = true;
    this.#controller?.abort();
  }
}
