// The definition of a handler: schemas, description, effect, policy and function. A handler does not know the surface of a call.

import { type Branded, brand, isBranded } from "../diagnostics/brand.ts";
import type { Problem } from "../diagnostics/own-problem.ts";
import { type ForeignSchema, fromForeign } from "../schema/foreign.ts";
import type { ReturnedFor } from "../schema/shaped.ts";
import type { Static, TSchema } from "../schema/typebox.ts";
import type { Defaulted } from "../schema/with-default.ts";
import type { Auth } from "./policy.ts";
import type { Awaitable, Principal } from "./principal.ts";
import type { Reply } from "./reply.ts";
import type { Opened, Uses } from "./resource.ts";

export type Effect = "read" | "write" | "destructive";

/** The fields that every handler gets in its second argument, besides the handler's resources. */
export interface CallContext {
  readonly callId: string;
  readonly principal: Principal;
  /** An AbortSignal that aborts when the caller has left or the server stops. Pass `signal` to every function that waits. */
  readonly signal: AbortSignal;
  /** Reports to the caller how much of the call's work is done. @param fraction  The finished part of the work, 0 to 1. */
  readonly progress: (fraction: number, message?: string) => void;
  /**
   * Sets headers, cookies and redirects of the answer. The settings apply if the call succeeds. Surfaces without headers ignore
   * these settings.
   */
  readonly reply: Reply;
}

/** A schema of Quater, or of a library with Standard JSON Schema such as Zod. */
export type AnySchema = TSchema | ForeignSchema;

/**
 * The type of the values of a schema, as a handler gets and returns these values. Every object type fits TSchema, so `ValueFor`
 * tests for schemas of other libraries first.
 */
type ValueFor<Schema> =
  Schema extends ForeignSchema<unknown, infer Output> ? Output : Schema extends TSchema ? Static<Schema> : never;
/** The type of values that a handler may return for a schema. */
type YieldedFor<Schema> =
  Schema extends ForeignSchema<unknown, infer Output> ? Output : Schema extends TSchema ? ReturnedFor<Schema> : never;

/** The beginning of a value that a caller is typing, for a function in the field `complete` of a handler. */
export interface Completing {
  /** The text that the caller has typed so far. The text may be empty. */
  readonly value: string;
  readonly principal: Principal;
  /** An AbortSignal that aborts when the caller has left or no longer needs the suggested values. */
  readonly signal: AbortSignal;
}

/** Functions that return suggested values for fields of the input. */
export type Completers<Input> = {
  readonly [Field in keyof Input]?: (typed: Completing) => Awaitable<readonly NonNullable<Input[Field]>[]>;
};

declare const streamed: unique symbol;

/** The output of a handler that is an async generator. Quater checks each item against `item` before Quater sends the item. */
export interface StreamSchema<Item, Yielded = Item> {
  readonly kind: "stream";
  readonly item: TSchema;
  readonly [streamed]?: readonly [item: Item, yielded: Yielded];
}

export const stream = <Item extends AnySchema>(item: Item): StreamSchema<ValueFor<Item>, YieldedFor<Item>> => ({
  kind: "stream",
  item: fromForeign(item, "output"),
});

export const isStream = (output: unknown): output is StreamSchema<unknown> =>
  output !== null && typeof output === "object" && (output as { kind?: unknown }).kind === "stream" && "item" in output;

/**
 * The type of `handle`. The type of `handle` is conditional, so that the compiler infers the schemas before the compiler reads
 * the body of `handle`.
 *
 * `NoInfer` keeps the compiler from inferring a handler's input or resources from the handler's functions. Without `NoInfer`, a
 * policy that was written for another input would compile. Such a policy could compare `undefined` with `undefined` and allow
 * every caller.
 */
export type Handle<Input extends AnySchema, Output, Used extends Uses> =
  Output extends StreamSchema<unknown, infer Yielded>
    ? (input: NoInfer<ValueFor<Input>>, context: NoInfer<CallContext & Opened<Used>>) => AsyncIterable<Yielded>
    : Output extends AnySchema
      ? (input: NoInfer<ValueFor<Input>>, context: NoInfer<CallContext & Opened<Used>>) => Awaitable<NoInfer<YieldedFor<Output>>>
      : never;

type OmittableOf<Input> =
  Input extends ForeignSchema<infer Given, infer Value>
    ? Exclude<OptionalOf<Given>, OptionalOf<Value>>
    : Input extends { readonly properties: infer Table }
      ? { [Key in keyof Table & string]: Table[Key] extends Defaulted ? Key : never }[keyof Table & string]
      : never;

// biome-ignore lint/complexity/noBannedTypes: {} fits what has no required field
type OptionalOf<Table> = { [Key in keyof Table & string]-?: {} extends Pick<Table, Key> ? Key : never }[keyof Table & string];

type ValueOf<Output> = Output extends StreamSchema<infer Item, unknown> ? AsyncIterable<Item> : ValueFor<Output>;

export interface HandlerDefinition<Input extends AnySchema, Output, Used extends Uses, Code extends string> {
  /**
   * The description of the handler. Exposed handlers must have a description. Agents read the description as a prompt. The
   * description is printable and has at most 1,000 characters.
   */
  readonly description: string;
  /**
   * The effect of the handler. The effect decides methods, annotations, and which events of the call must be on the trail before
   * the handler runs.
   */
  readonly effect: Effect;
  /** Whether repeating a call of the handler has no further effect. Default: true for the effect `read`. */
  readonly idempotent?: boolean;
  /** The schema of the input. The input must be an object. Boot closes the schema, so that unknown fields are refused. */
  readonly input: Input;
  /**
   * The schema of the value that the handler returns, or `stream(Item)`. Without `output`, the handler may return any JSON value.
   */
  readonly output?: Output;
  /** Allows `secret()` fields in the output. Without `reveal`, an output with `secret()` fields stops the boot. */
  readonly reveal?: boolean;
  /** The policy of the handler, which applies on every surface. */
  readonly auth: NoInfer<Auth<ValueFor<Input>, Opened<Used>>>;
  readonly use?: Used;
  /** The handler's own error codes, besides the general error codes: functions made by `problem()`, or codes as text. */
  readonly problems?: readonly (Code | Problem<Code>)[];
  /**
   * Returns a description of the call's effect, and changes nothing. An approval is valid only while the preview is the preview
   * that approvers saw.
   */
  readonly preview?: (input: NoInfer<ValueFor<Input>>, context: NoInfer<CallContext & Opened<Used>>) => unknown;
  /**
   * Functions that return values of a field that match the beginning that a caller is typing. A function in `complete` runs for
   * callers whom the part of the policy that needs no input allows. Callers see at most 100 values. Literals and booleans need no
   * function.
   */
  readonly complete?: Completers<NoInfer<ValueFor<Input>>>;
  readonly handle: Handle<Input, Output, Used>;
}

/**
 * A handler as the kernel and the manifest use the handler. The type parameters are types of values and not of schemas, so that
 * printed types stay readable.
 */
export interface Handler<Input = unknown, Output = unknown, Code extends string = string, Omittable extends string = never>
  extends Branded<"handler"> {
  readonly description: string;
  readonly effect: Effect;
  readonly idempotent?: boolean;
  readonly input: TSchema;
  readonly output?: TSchema | StreamSchema<unknown>;
  readonly reveal?: boolean;
  readonly auth: unknown;
  readonly use?: Uses;
  readonly problems?: readonly (Code | Problem<Code>)[];
  readonly preview?: (input: never, context: never) => unknown;
  readonly complete?: Readonly<Record<string, ((typed: Completing) => unknown) | undefined>>;
  readonly handle: (input: never, context: never) => unknown;
  readonly "~types"?: {
    readonly input: Input;
    readonly output: Output;
    readonly problem: Code;
    /**
     * Quater never calls `omittable`. The type of `omittable` contains the names of the inputs that callers may omit because of
     * `withDefault`. The names of these inputs are the type of a parameter, so that each handler is assignable to `Handler`.
     */
    readonly omittable: (name: Omittable) => void;
  };
}

/** The type of the input that a handler's function gets: `InputOf<typeof updateNote>`. */
export type InputOf<Given extends Handler> = NonNullable<Given["~types"]>["input"];
/** The type of the input that callers send to a handler: like `InputOf`, but inputs with `withDefault` may be absent. */
export type CallerInputOf<Given> =
  Given extends Handler<infer Input, infer _Output, infer _Code, infer Name>
    ? [Name] extends [never]
      ? Input
      : { readonly [Key in keyof Input as Exclude<Key, Name>]: Input[Key] } & {
          readonly [Key in keyof Input as Extract<Key, Name>]?: Input[Key];
        }
    : never;
/** The type of the value that a handler returns: `OutputOf<typeof updateNote>`. The type is an `AsyncIterable` for a stream. */
export type OutputOf<Given> = Given extends Handler<infer _Input, infer Output> ? Output : never;

/**
 * Defines a handler. The compiler infers all types from the schemas, so write no type arguments.
 *
 * Extra properties in the value that `handle` returns are no compile errors in TypeScript, but the output check refuses extra
 * properties at run time.
 */
export const handler = <
  const Input extends AnySchema,
  const Output extends AnySchema | StreamSchema<unknown> = TSchema,
  // biome-ignore lint/complexity/noBannedTypes: {} is "uses nothing", and infers as such
  Used extends Uses = {},
  const Code extends string = never,
>(
  definition: HandlerDefinition<Input, Output, Used, Code>,
): Handler<ValueFor<Input>, ValueOf<Output>, Code, OmittableOf<Input>> => {
  const { input, output } = definition;
  const schemas = {
    input: fromForeign(input, "input"),
    ...(output === undefined ? {} : { output: isStream(output) ? output : fromForeign(output, "output") }),
  };
  return Object.freeze({ ...definition, ...schemas, [brand]: "handler" as const }) as unknown as Handler<
    ValueFor<Input>,
    ValueOf<Output>,
    Code,
    OmittableOf<Input>
  >;
};

export const isHandler = (value: unknown): value is Handler => isBranded(value, "handler");
