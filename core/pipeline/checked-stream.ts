// The stream that the caller of a streaming handler reads. The stream checks each item, and reports its end once.

import { cancelled, internal, isQuaterError, type QuaterError } from "../diagnostics/errors.ts";
import type { Cancellation } from "../model/call.ts";
import type { Watch } from "../model/standing.ts";

/** Checks an item and returns the item to send. @throws {QuaterError} when the item must not be sent. */
type ItemCheck = (item: unknown) => unknown;

/**
 * Called once at the end of a stream, with the error that ended it or `undefined` after the last item. Returns the error that the
 * reader gets.
 */
type StreamEnd = (failure: unknown) => Promise<QuaterError | undefined>;

/**
 * Wraps the stream that a handler returned. Every reader gets the reported end, also when the process or a credential check ended
 * the stream, so that an incomplete stream never looks complete.
 */
export class CheckedStream implements AsyncIterable<unknown>, AsyncIterator<unknown> {
  readonly #source: AsyncIterator<unknown>;
  readonly #check: ItemCheck;
  #cancellation: Cancellation | undefined;
  #watch: Watch | undefined;
  /** The error of a refused credential. The stream ends with this error, even while its source continues. */
  #refusal: unknown;
  #tell: StreamEnd = async (failure) => (failure === undefined || isQuaterError(failure) ? failure : internal(failure));
  #end: Promise<QuaterError | undefined> | undefined;
  /** Ends the wait of `next()` or `throw()` for the next item or for the end of the source. */
  #interrupt: ((failure: unknown) => void) | undefined;

  constructor(source: AsyncIterable<unknown>, check: ItemCheck) {
    this.#source = source[Symbol.asyncIterator]();
    this.#check = check;
  }

  /**
   * @param cancellation  The cancellation of the call, which ends the stream even if the source ignores the AbortSignal of the
   * call.
   * @param watch  Checks the caller's credential between items.
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
        this.#interrupt = undefined; // Release the function, because it would keep the item in memory.
        if (step.done !== true) {
          const checking = this.#watch?.check();
          if (checking !== undefined) await checking;
          if (this.#refusal !== undefined) throw this.#refusal;
          return { done: false, value: await this.#check(step.value) };
        }
        // A source may end early without an error after the AbortSignal of the call aborted, so report the cancellation.
        await this.#finish(this.#isCancelled ? cancelled() : undefined);
      } catch (error) {
        // If `#end` is set, an earlier failure is already reported. In this case, do not wait for the source, which may never
        // end.
        if (this.#end === undefined) await this.#unlessCut(this.#endSource());
        await this.#finish(error ?? internal(error));
      }
    }
    const failure = await this.#end;
    if (failure !== undefined) throw failure;
    return { done: true, value: undefined };
  }

  /** Called when the reader leaves before the end. The call did not succeed, because the remaining items are unknown. */
  async return(): Promise<IteratorResult<unknown>> {
    await this.#finish((await this.#endSource()) ?? cancelled());
    return { done: true, value: undefined };
  }

  /**
   * Called when the reader cannot continue. The call ends with `failure`. Rejects with the error that the gate makes of
   * `failure`.
   */
  async throw(failure: unknown): Promise<IteratorResult<unknown>> {
    if (this.#end === undefined) await this.#unlessCut(this.#endSource());
    await this.#finish(failure ?? internal(failure));
    return this.next();
  }

  /** Ends the stream with an error. No further item is sent, the source is stopped, and the reader gets the error. */
  refuse(error: unknown): void {
    this.#refusal ??= error;
  }

  /** Ends the stream for its reader without waiting for the source, which may never end. */
  cutOff(): void {
    const failure = cancelled();
    void this.#finish(failure);
    this.#interrupt?.(failure);
  }

  /** Stops the source, and waits until its `finally` blocks have run. @returns The error that the source threw. */
  async #endSource(): Promise<unknown> {
    try {
      await this.#source.return?.();
      return undefined;
    } catch (error) {
      return error ?? internal(error);
    }
  }

  /** Waits until the source has ended, or the reader is cut off. */
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
