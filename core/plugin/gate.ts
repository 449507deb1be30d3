// The gate as surfaces see it: functions that check credentials and run calls.

import type { AnswerRoom, Arriving } from "../model/arriving.ts";
import type { Call, Cancellation, Outcome } from "../model/call.ts";
import type { Awaitable, Principal } from "../model/principal.ts";
import type { Replying } from "../model/reply.ts";
import type { Explaining, Explanation } from "./explanation.ts";
import type { GivenParts } from "./uploading.ts";

/**
 * Returns whether the value has the form of an approval request's id. A surface must refuse a malformed id, because a call
 * without the id would run as a call that names no approval.
 */
export const isApprovalId = (value: unknown): value is string => typeof value === "string" && /^[\w-]{1,100}$/.test(value);

export interface Invocation {
  readonly handler: string;
  readonly surface: string;
  /** The result of `enter`. Never make the principal from a body or from another claim of the caller. */
  readonly principal: Principal;
  /**
   * The parts of the input, or a function that reads the parts. The function is called only after the part of the policy that
   * needs no input has allowed the call.
   */
  readonly given: GivenParts;
  readonly callId?: string;
  readonly cancellation?: Cancellation;
  readonly progress?: Call["progress"] | undefined;
  readonly dryRun?: boolean;
  readonly peer?: string | undefined;
  /**
   * The object that was passed to `enter`. If `entry` is set and the last check of the credential is too old, the gate checks the
   * credential again after the input was read and before the handler starts.
   */
  readonly entry?: Arriving;
  /** The trace id of the call, from `traceIdOf`. */
  readonly traceId?: string | undefined;
  /** The id of an approval request that the caller names, checked by `isApprovalId`. */
  readonly approvalId?: string | undefined;
  /** Receives the headers, cookies and redirects that the handler sets. Absent if the surface ignores these settings. */
  readonly replying?: Replying | undefined;
  /** The memory for large answers that are not read yet. */
  readonly room?: AnswerRoom | undefined;
}

/** The kernel as a surface uses it. */
export interface Gate {
  /**
   * Authenticates a caller and returns the principal. Rejects with an error such as `unauthenticated` or `invalid_token`, after
   * the `settled` hooks have run.
   */
  enter(entry: Arriving): Awaitable<Principal>;
  /**
   * Checks a credential again, for surfaces that read input after `enter`: a key may be revoked while the body arrives.
   *
   * @param since  The time of `enter` by `performance.now()`. A check that is less than a quarter of a second old still counts.
   * @returns The same caller with its current rights. Rejects with the same errors as `enter`.
   */
  enterAgain(entry: Arriving, principal: Principal, since: number): Awaitable<Principal>;
  /**
   * Runs a call through the pipeline. Only `invoke` and `call` run handlers. Never throws, because refusals and failures are
   * outcomes.
   */
  invoke(invocation: Invocation): Promise<Outcome>;
  /**
   * Runs a call like `invoke`, but gives the outcome to `answer` instead of a promise.
   *
   * @param answer  Called once, before `call` returns if no stage had to wait. Must not throw.
   */
  call(invocation: Invocation, answer: (outcome: Outcome) => void): void;
  /**
   * Finds out for each step of a call whether the call would pass, with the code that real calls run. The handler does not run,
   * no approval request is filed or used, and the trail gets no event. The policy and its resources run as in a dry run. Never
   * throws because of a refusal.
   */
  explain(asked: Explaining): Promise<Explanation>;
  newCallId(): string;
  /** Returns the names of plugins that are not ready, and "kernel" while it boots or stops. Empty when everything is ready. */
  unready(): Promise<readonly string[]>;
  /** Whether the process is stopping. A stopping process refuses new calls, and lets running calls end. */
  readonly isStopping: boolean;
}
