// The types of calls in tests: names, inputs and outputs of the handlers that were booted.

import type { Manifest } from "../boot/manifest.ts";
import type { Cancellation, Outcome } from "../model/call.ts";
import type { Exposed } from "../model/exposure.ts";
import type { CallerInputOf, Handler, OutputOf } from "../model/handler.ts";

export interface TestCall {
  /** Default: the first surface that the handler is exposed on. */
  readonly surface?: string;
  readonly dryRun?: boolean;
  readonly cancellation?: Cancellation;
}

export type HandlerTable = Readonly<Record<string, Handler>>;

/** The handlers that a manifest exposes, by the names that it gives them. */
export type HandlersOf<Given> =
  Given extends Manifest<infer List>
    ? unknown extends Pairs<List[number]>
      ? HandlerTable
      : { readonly [Pair in Extract<Pairs<List[number]>, readonly [string, unknown]> as Pair[0]]: Pair[1] }
    : HandlerTable;

type Pairs<Entry> =
  Entry extends Exposed<infer Module, infer Table>
    ? unknown extends Module
      ? unknown
      : { [Key in keyof Table & keyof Module & string]: readonly [NameIn<Table[Key], Key>, Module[Key]] }[keyof Table &
          keyof Module &
          string]
    : never;

/** Exposures by handler, as `bootTest` takes them. */
export type ExposureTable = Readonly<Record<string, Readonly<Record<string, unknown>>>>;

/** The handlers of `bootTest({ handlers, expose })` by the names that callers use. */
export type ExposedAs<Handlers, Table> = string extends keyof Table
  ? Handlers
  : { readonly [Key in keyof Table & keyof Handlers & string as NameIn<Table[Key], Key>]: Handlers[Key] };

type NameIn<Exposure, Key extends string> = Exposure extends { readonly name: infer Name extends string } ? Name : Key;

type CallArguments<Given> = Given extends Handler
  ? // biome-ignore lint/complexity/noBannedTypes: {} fits an input without required properties
    {} extends CallerInputOf<Given>
    ? [input?: CallerInputOf<Given>, how?: TestCall]
    : [input: CallerInputOf<Given>, how?: TestCall]
  : [input?: unknown, how?: TestCall];

export interface TestCaller<Handlers = HandlerTable> {
  /**
   * Calls a handler through the whole pipeline.
   *
   * @throws {Error} for a name that is not exposed: a mistake in a test must not look like a refusal. Test for
   *   `unknown_handler` with `send`.
   */
  call<Name extends keyof Handlers & string>(
    handler: Name,
    ...given: CallArguments<Handlers[Name]>
  ): Promise<Outcome<Handlers[Name] extends Handler ? OutputOf<Handlers[Name]> : unknown>>;
  /** Calls a handler of any name with any input, for tests of refusals. The input is JSON, as a body would be. */
  send(handler: string, input?: unknown, how?: TestCall): Promise<Outcome>;
}
