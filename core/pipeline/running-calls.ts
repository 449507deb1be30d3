// Stores the calls that have not ended, and releases the locks and resources of calls. The calls are in an array with reused
// slots, and not in a Set. A Set allocates a new table every few calls. With a Set, a call through the gate would take 1.2 µs
// instead of 1.0 µs (Node 20).

import { errorText } from "../diagnostics/error-text.ts";
import type { Log } from "../diagnostics/log.ts";
import { isAbort, type Outcome, type StagedCall } from "../model/call.ts";
import type { Holding } from "../model/holding.ts";
import type { CallResources } from "../model/resource.ts";
import type { HookRunner } from "../plugin/hooks.ts";
import type { CheckedStream } from "./checked-stream.ts";
import type { CallUploads } from "./uploads.ts";

/** A call that has not ended, and all values that Quater needs to end the call. */
export interface RunningCall {
  readonly call: StagedCall;
  /** Gives the outcome of the call to the caller. Only `tell` calls this function. */
  readonly answer: (outcome: Outcome) => void;
  isAnswered: boolean;
  readonly resources: CallResources;
  /** Stores the uploaded files of the call. `uploads` is `undefined` for a handler without file inputs. */
  readonly uploads: CallUploads | undefined;
  /** The hooks that apply to the call's handler. */
  readonly hooks: HookRunner;
  /** The locks and other holdings of the call, in the order in which the call got them. */
  readonly holdings: Holding[] | undefined;
  /** The stream, if the answer of the call is a stream. The call ends when the stream ends. */
  stream: CheckedStream | undefined;
  /** Whether Quater cancelled the call because the process stops. False for a call that the caller cancelled. */
  isCutOff: boolean;
  /**
   * Whether Quater answered the call although the handler of the call still runs. Quater neither records nor sends a later result
   * of this handler.
   */
  isAbandoned: boolean;
  /** Whether the handler has returned. */
  hasRun: boolean;
  /** Whether Quater has recorded the end of the call. */
  hasEnded: boolean;
  readonly slot: number;
}

/**
 * Gives the caller the outcome of the call. Only the first outcome counts, because Quater may answer a call while the handler
 * still runs.
 */
export const tell = (running: RunningCall, outcome: Outcome): void => {
  if (running.isAnswered) return;
  running.isAnswered = true;
  running.answer(outcome);
};

/**
 * Records that the handler has returned, because an `around` hook may answer without the handler or fail after the handler.
 * @returns The value of the handler.
 */
export const returned = (running: RunningCall, value: unknown): unknown => {
  running.hasRun = true;
  return value;
};

/** How long handlers may continue after the AbortSignal of the call aborted, milliseconds. */
export const heedMs = 500;

const isSettledWithin = (milliseconds: number, promise: Promise<unknown>): Promise<boolean> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => resolve(false), milliseconds);
    const settle = () => {
      clearTimeout(timer);
      resolve(true);
    };
    promise.then(settle, settle);
  });

/**
 * Logs the error of a cancelled read with the level `info`, because many client libraries throw an error for an aborted request
 * to another server.
 */
export const noteLate = (error: unknown, { callId, handler, surface }: StagedCall, log: Log): void => {
  if (isAbort(error)) return;
  log.info(`${handler} ended with an error after the call was cancelled`, { callId, handler, surface, error: errorText(error) });
};

/**
 * Releases the locks and other holdings of the call, in reverse order. The returned promise never rejects, because `release` logs
 * all errors.
 */
export const release = async ({ call: { callId, handler }, holdings = [] }: RunningCall, log: Log): Promise<void> => {
  for (const { release } of holdings.toReversed()) {
    try {
      await release();
    } catch (error) {
      log.warn("The release function of a hold hook failed, so the lock of the call may still be locked", {
        callId,
        handler,
        error: errorText(error),
      });
    }
  }
};

/**
 * Ends a stream when the authenticator no longer accepts the caller's credential. If the handler's iterable ignores the
 * AbortSignal of the call, the resources of the call stay open until the iterable ends.
 */
export const endEarly = async (running: RunningCall, stream: CheckedStream, error: unknown, log: Log): Promise<void> => {
  if (running.hasEnded) return;
  stream.refuse(error);
  running.call.cancellation.cancel();
  const sourceEnded = stream.return();
  if (!(await isSettledWithin(heedMs, sourceEnded))) {
    running.isAbandoned = true;
    void sourceEnded.then(() => closeLate(running, log));
  }
  stream.cutOff();
};

/**
 * Closes the resources of an abandoned call after the handler of the call ended. Quater has already answered and recorded the
 * call.
 */
const closeLate = async (running: RunningCall, log: Log): Promise<void> => {
  const { callId, handler } = running.call;
  try {
    await running.resources.close(true);
  } catch (error) {
    log.warn("The resources of a call could not be closed", { callId, handler, error: errorText(error) });
  }
  await release(running, log);
};

type Beginning = Pick<RunningCall, "call" | "resources" | "uploads" | "hooks" | "answer">;

export class RunningCalls {
  readonly #running: (RunningCall | undefined)[] = [];
  readonly #gaps: number[] = [];
  #emptied: (() => void) | undefined;

  get size(): number {
    return this.#running.length - this.#gaps.length;
  }

  begin({ call, resources, uploads, hooks, answer }: Beginning): RunningCall {
    const slot = this.#gaps.pop() ?? this.#running.length;
    const running: RunningCall = {
      call,
      answer,
      isAnswered: false,
      resources,
      uploads,
      hooks,
      holdings: hooks.has.hold ? [] : undefined,
      stream: undefined,
      isCutOff: false,
      isAbandoned: false,
      hasRun: false,
      hasEnded: false,
      slot,
    };
    this.#running[slot] = running;
    return running;
  }

  /** Removes a call that has ended. The gate must call `end` once for each call. */
  end({ slot }: RunningCall): void {
    this.#running[slot] = undefined;
    this.#gaps.push(slot);
    if (this.size === 0) this.#emptied?.();
  }

  /** Waits until all calls have ended. @returns Whether all calls ended within `milliseconds`. */
  emptyWithin(milliseconds: number): Promise<boolean> {
    if (this.size === 0) return Promise.resolve(true);
    const emptied = new Promise<void>((resolve) => {
      this.#emptied = resolve;
    });
    return isSettledWithin(milliseconds, emptied);
  }

  all(): readonly RunningCall[] {
    return this.#running.filter((running) => running !== undefined);
  }
}
