// The types of calls in tests: names, inputs and outputs of the handlers that `bootTest` booted.

import type { Manifest } from "../boot/manifest.ts";
import type { Cancellation, Outcome } from "../model/call.ts";
import type { Exposed, Joined } from "../model/exposure.ts";
import type { CallContext, CallerInputOf, Handler, OutputOf } from "../model/handler.ts";
import type { DryRun } from "../pipeline/dry-run.ts";

export interface TestCall {
  /** The surface over which the test makes the call. Default: the first surface that exposes the handler. */
  readonly surface?: string;
  readonly dryRun?: boolean;
  readonly cancellation?: Cancellation;
  /** Receives the progress that the handler reports with `progress`. */
  readonly progress?: CallContext["progress"];
}

export type HandlerTable = Readonly<Record<string, Handler>>;

/** The handlers that a manifest exposes, by the names under which the manifest exposes the handlers. */
export type HandlersOf<Given> = Given extends Manifest<infer List> ? Joined<NamedIn<List[number]>> : HandlerTable;

type NamedIn<Entry> =
  Entry extends Exposed<infer Module, infer Table>
    ? unknown extends Module
      ? HandlerTable
      : { readonly [Key in keyof Table & keyof Module & string as NameIn<Table[Key], Key>]: Module[Key] }
    : never;

/** The exposures by handler name, in the form that `bootTest` accepts. */
export type ExposureTable = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The handlers of `bootTest({ handlers, expose })`, by the handler names that callers use. */
export type ExposedAs<Handlers, Table> = string extends keyof Table
  ? Handlers
  : { readonly [Key in keyof Table & keyof Handlers & string as NameIn<Table[Key], Key>]: Handlers[Key] };

type NameIn<Exposure, Key extends string> = Exposure extends { readonly name: infer Name extends string } ? Name : Key;

// biome-ignore lint/complexity/noBannedTypes: {} fits an input without required properties
type CallArguments<Input, How> = {} extends Input ? [input?: Input, how?: How] : [input: Input, how?: How];

type AnswerOf<Given, How> = How extends { readonly dryRun: true } ? DryRun : OutputOf<Given>;

export interface TestCaller<Handlers = HandlerTable> {
  /**
   * Calls a handler through the whole pipeline.
   *
   * @throws {Error} for a handler name that is not exposed, so that a mistake in a test does not look like a refusal. To test for
   * `unknown_handler`, use `send`.
   */
  call<Name extends keyof Handlers & string, const How extends TestCall = TestCall>(
    handler: Name,
    ...given: CallArguments<CallerInputOf<Handlers[Name]>, How>
  ): Promise<Outcome<AnswerOf<Handlers[Name], How>>>;
  /** Calls a handler of any name with any input, for tests of refusals. The input is JSON, as in a request body. */
  send(handler: string, input?: unknown, how?: TestCall): Promise<Outcome>;
}
