// The stream that the caller of a streaming handler reads. The stream checks each item, and reports the end of the stream once.

import { cancelled, internal, isQuaterError, type QuaterError } from "../diagnostics/errors.ts";
import type { Cancellation } from "../model/call.ts";
import type { Watch } from "../model/standing.ts";

/** Checks an item of the stream and returns the item to send. @throws {QuaterError} when Quater must not send the item. */
type ItemCheck = (item: unknown) => unknown;

/**
 * The type of the function that receives the error that ended a stream, or `undefined` after the last item. Returns the error
 * that the reader of the stream gets. A `CheckedStream` calls this function once, at the end of the stream.
 */
type StreamEnd = (failure: unknown) => Promise<QuaterError | undefined>;

/**
 * Wraps the stream that a handler returned. Every reader of the stream gets the error that ended the stream, also when the
 * process or a credential check ended the stream. An incomplete stream therefore never looks complete.
 */
export class CheckedStream implements AsyncIterable<unknown>, AsyncIterator<unknown> {
  readonly #source: AsyncIterator<unknown>;
  readonly #check: ItemCheck;
  #cancellation: Cancellation | undefined;
  #watch: Watch | undefined;
  /**
   * The error for a refused credential. The stream ends with the error in `#refusal`, even while the handler's iterable
   * continues.
   */
  #refusal: unknown;
  #tell: StreamEnd = async (failure) => (failure === undefined || isQuaterError(failure) ? failure : internal(failure));
  #end: Promise<QuaterError | undefined> | undefined;
  /** Ends the wait of `next()` or `throw()` for the next item of the stream, or for the end of the handler's iterable. */
  #interrupt: ((failure: unknown) => void) | undefined;

  constructor(source: AsyncIterable<unknown>, check: ItemCheck) {
    this.#source = source[Symbol.asyncIterator]();
    this.#check = check;
  }

  /**
   * @param cancellation  The cancellation of the call, which ends the stream even if the handler's iterable ignores the
   * AbortSignal of the call.
   * @param watch  Checks the caller's credential between items of the stream.
   */
  whenEnded(tell: StreamEnd, cancellation: Cancellation, watch?: Watch): this {
    this.#tell = tell;
    this.#cancellation = cancellation;
    this.#watch = watch;
    return this;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<unknown>> {
    if (this.#end === undefined && this.#isCancelled) await this.#unlessCut(this.return());
    if (this.#end === undefined) {
      try {
        const step = await this.#step();
        this.#interrupt = undefined; // Release `#interrupt`, because the function would keep the item in memory.
        if (step.done !== true) {
          const checking = this.#watch?.check();
          if (checking !== undefined) await checking;
          if (this.#refusal !== undefined) throw this.#refusal;
          return { done: false, value: await this.#check(step.value) };
        }
        // The handler's iterable may end early without an error after the AbortSignal of the call aborted. In this case, report
        // the cancellation.
        await this.#finish(this.#isCancelled ? cancelled() : undefined);
      } catch (error) {
        // If `#end` is set, `CheckedStream` has already reported an earlier failure. In this case, do not wait for the handler's
        // iterable, which may never end.
        if (this.#end === undefined) await this.#unlessCut(this.#endSource());
        await this.#finish(error ?? internal(error));
      }
    }
    const failure = await this.#end;
    if (failure !== undefined) throw failure;
    return { done: true, value: undefined };
  }

  /**
   * The reader calls `return()` to stop reading before the end of the stream. The call did not succeed, because the remaining
   * items are unknown.
   */
  async return(): Promise<IteratorResult<unknown>> {
    await this.#finish((await this.#endSource()) ?? cancelled());
    return { done: true, value: undefined };
  }

  /**
   * The reader calls `throw()` when the reader cannot continue. The call ends with `failure`. The promise rejects with the error
   * that the gate makes of `failure`.
   */
  async throw(failure: unknown): Promise<IteratorResult<unknown>> {
    if (this.#end === undefined) await this.#unlessCut(this.#endSource());
    await this.#finish(failure ?? internal(failure));
    return this.next();
  }

  /**
   * Ends the stream with an error. After `refuse`, Quater sends no further item, stops the handler's iterable, and gives the
   * error to the reader of the stream.
   */
  refuse(error: unknown): void {
    this.#refusal ??= error;
  }

  /** Ends the stream for its reader without waiting for the handler's iterable, which may never end. */
  cutOff(): void {
    const failure = cancelled();
    void this.#finish(failure);
    this.#interrupt?.(failure);
  }

  /**
   * Stops the handler's iterable, and waits until the `finally` blocks of the iterable have run. @returns The error that the
   * iterable threw.
   */
  async #endSource(): Promise<unknown> {
    try {
      await this.#source.return?.();
      return undefined;
    } catch (error) {
      return error ?? internal(error);
    }
  }

  /** Waits until the handler's iterable has ended, or until `cutOff()` ends the stream for the reader. */
  #unlessCut(ending: Promise<unknown>): Promise<unknown> {
    return new Promise((resolve, reject) => {
      this.#interrupt = resolve;
      ending.then(resolve, reject);
    });
  }

  #step(): Promise<IteratorResult<unknown>> {
    return new Promise((resolve, reject) => {
      this.#interrupt = reject;
      this.#source.next().then(resolve, reject);
    });
  }

  get #isCancelled(): boolean {
    return this.#cancellation?.isCancelled === true;
  }

  #finish(failure: unknown): Promise<QuaterError | undefined> {
    this.#end ??= this.#tell(this.#refusal ?? failure);
    return this.#end;
  }
}
