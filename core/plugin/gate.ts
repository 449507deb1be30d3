// The gate as surfaces see the gate: functions that check credentials and run calls.

import type { AnswerRoom, Arriving } from "../model/arriving.ts";
import type { Call, Cancellation, Outcome } from "../model/call.ts";
import type { Awaitable, Principal } from "../model/principal.ts";
import type { Replying } from "../model/reply.ts";
import type { Explaining, Explanation } from "./explanation.ts";
import type { GivenParts } from "./uploading.ts";

/**
 * Returns whether the value has the form of an approval request's id. A surface must refuse a malformed id. Without the id, the
 * call would run as a call that names no approval.
 */
export const isApprovalId = (value: unknown): value is string => typeof value === "string" && /^[\w-]{1,100}$/.test(value);

export interface Invocation {
  readonly handler: string;
  readonly surface: string;
  /** The principal that `enter` returned. Never make the principal from a request body or from another claim of the caller. */
  readonly principal: Principal;
  /**
   * The parts of the input, or a function that reads the parts. The gate calls the function in `given` only after the part of the
   * policy that needs no input has allowed the call.
   */
  readonly given: GivenParts;
  readonly callId?: string;
  readonly cancellation?: Cancellation;
  readonly progress?: Call["progress"] | undefined;
  readonly dryRun?: boolean;
  readonly peer?: string | undefined;
  /**
   * The object that the surface passed to `enter`. With `entry`, the gate checks the credential again if the last check of the
   * credential is too old. The gate checks the credential again after reading the input and before starting the handler.
   */
  readonly entry?: Arriving;
  /** The trace id of the call. `traceIdOf` reads the trace id from the header `traceparent`. */
  readonly traceId?: string | undefined;
  /** The id of an approval request that the caller names. The surface must check this id by `isApprovalId`. */
  readonly approvalId?: string | undefined;
  /**
   * Receives the headers, cookies and redirects that the handler sets for the answer of the call. Absent if the surface ignores
   * these settings.
   */
  readonly replying?: Replying | undefined;
  /** The memory for large answers that the caller has not read yet. */
  readonly room?: AnswerRoom | undefined;
}

/** The kernel as a surface uses it. */
export interface Gate {
  /**
   * Authenticates a caller and returns the principal of the caller. Rejects with an error such as `unauthenticated` or
   * `invalid_token`, after the `settled` hooks have run.
   */
  enter(entry: Arriving): Awaitable<Principal>;
  /**
   * Checks a credential again, for surfaces that read input after `enter`. An operator may revoke a key while the body arrives.
   *
   * @param since  The time of `enter` by `performance.now()`. A check of the credential that is less than a quarter of a second
   * old still counts.
   * @returns The same caller with the caller's current rights. Rejects with the same errors as `enter`.
   */
  enterAgain(entry: Arriving, principal: Principal, since: number): Awaitable<Principal>;
  /**
   * Runs a call through the pipeline. Only `invoke` and `call` run handlers. `invoke` never rejects, because refusals and
   * failures are outcomes.
   */
  invoke(invocation: Invocation): Promise<Outcome>;
  /**
   * Runs a call like `invoke`, but gives the outcome to `answer` instead of returning a promise.
   *
   * @param answer  The gate calls `answer` once. If no stage of the pipeline had to wait, the gate calls `answer` before `call`
   * returns. `answer` must not throw.
   */
  call(invocation: Invocation, answer: (outcome: Outcome) => void): void;
  /**
   * Finds out for each step of a call whether the call would pass the step, with the code that real calls run. The handler does
   * not run, Quater does not file or use an approval request, and the trail gets no event. The policy and its resources run as in
   * a dry run. A refusal of the call does not make `explain` reject.
   */
  explain(asked: Explaining): Promise<Explanation>;
  newCallId(): string;
  /**
   * Returns the names of plugins that are not ready. Also returns "kernel" while the kernel boots or stops. The list is empty
   * when the kernel and all plugins are ready.
   */
  unready(): Promise<readonly string[]>;
  /** Whether the process is stopping. A stopping process refuses new calls, and waits for running calls. */
  readonly isStopping: boolean;
}
