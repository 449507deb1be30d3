// What a handler returned, checked before it leaves: a value that does not match its schema is our failure, never a
// wrong shape on the wire.

import type { Compile } from "./compile.ts";
import { complaintsOf } from "./complaints.ts";
import { internal, isQuaterError } from "./errors.ts";
import type { Operation } from "./operation.ts";

/** The value as it may leave. @throws {QuaterError} `internal`, with what did not match as its cause. */
export type OutputCheck = (value: unknown) => unknown;

export const outputCheckOf = (operation: Operation, compile: typeof Compile): OutputCheck => {
  const one = valueCheck(operation, compile);
  return operation.isStream ? (value) => new CheckedStream(value as AsyncIterable<unknown>, one) : one;
};

const valueCheck = (operation: Operation, compile: typeof Compile): OutputCheck => {
  const { output: schema, name } = operation;
  if (schema === undefined) return (value) => (value === undefined ? null : asJson(value, name));
  const validator = compile(schema as never);
  return (value) => {
    if (validator.Check(value)) return value;
    const [first] = complaintsOf(schema, validator.Errors(value));
    throw internal(new Error(`The output of ${name} does not match its schema: ${first?.path ?? ""} ${first?.message ?? ""}`));
  };
};

const asJson = (value: unknown, name: string): unknown => {
  const problem = notJson(value);
  if (problem !== undefined) throw internal(new Error(`The output of ${name} is not JSON: it contains ${problem}`));
  return value;
};

const notJson = (value: unknown): string | undefined => {
  if (value === null || typeof value === "string" || typeof value === "boolean") return undefined;
  if (typeof value === "number") return Number.isFinite(value) ? undefined : String(value);
  if (typeof value !== "object") return `a ${typeof value}`;
  if (!Array.isArray(value) && ![Object.prototype, null].includes(Object.getPrototypeOf(value)))
    return `a ${value.constructor.name}`;
  for (const item of Object.values(value)) {
    const problem = item === undefined ? undefined : notJson(item);
    if (problem !== undefined) return problem;
  }
  return undefined;
};

/** A stream on its way out: items checked one by one, its end told once, however the reader leaves. */
export class CheckedStream implements AsyncIterable<unknown>, AsyncIterator<unknown> {
  readonly #source: AsyncIterator<unknown>;
  readonly #check: OutputCheck;
  #end: ((failure: unknown) => Promise<void>) | undefined;

  constructor(source: AsyncIterable<unknown>, check: OutputCheck) {
    this.#source = source[Symbol.asyncIterator]();
    this.#check = check;
  }

  /** @param end  Called once, with `undefined` after the last item; what it throws is what the reader meets. */
  whenEnded(end: (failure: unknown) => Promise<void>): this {
    this.#end = end;
    return this;
  }

  [Symbol.asyncIterator](): this {
    return this;
  }

  async next(): Promise<IteratorResult<unknown>> {
    try {
      const step = await this.#source.next();
      if (step.done !== true) return { done: false, value: this.#check(step.value) };
    } catch (error) {
      const failure = isQuaterError(error) ? error : internal(error);
      await this.#source.return?.().catch(() => undefined); // its own failure is already being told
      await this.#finish(failure);
      throw failure;
    }
    await this.#finish(undefined);
    return { done: true, value: undefined };
  }

  async return(): Promise<IteratorResult<unknown>> {
    await this.#source.return?.();
    await this.#finish(undefined);
    return { done: true, value: undefined };
  }

  async #finish(failure: unknown): Promise<void> {
    const end = this.#end;
    this.#end = undefined;
    await end?.(failure);
  }
}
