// What a handler is: its schemas, description, effect, policy and function. A handler does not know over which surface it is called.

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

/** What every handler gets beside its input and its resources. */
export interface CallContext {
  readonly callId: string;
  readonly principal: Principal;
  /** Aborted when the caller has gone or the server stops. Pass it to everything that waits. */
  readonly signal: AbortSignal;
  /** @param fraction  0 to 1. */
  readonly progress: (fraction: number, message?: string) => void;
  /** Headers, cookies and redirects that go with the answer of a success. Surfaces without them ignore it. */
  readonly reply: Reply;
}

/** A schema of Quater, or of a library with Standard JSON Schema such as Zod. */
export type AnySchema = TSchema | ForeignSchema;

/** The values of a schema, as a handler gets and sends them. Every object type is a TSchema, so foreign schemas are looked for first. */
type ValueFor<Schema> =
  Schema extends ForeignSchema<unknown, infer Output> ? Output : Schema extends TSchema ? Static<Schema> : never;
/** What a handler may return for a schema. */
type YieldedFor<Schema> =
  Schema extends ForeignSchema<unknown, infer Output> ? Output : Schema extends TSchema ? ReturnedFor<Schema> : never;

declare const streamed: unique symbol;

/** The output of a handler that is an async generator: each item is checked against `item` as it leaves. */
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
 * The type of `handle`. It is a conditional type so that the compiler fixes the schemas before it reads the function body.
 *
 * `NoInfer` keeps the compiler from inferring a handler's input or resources from its functions. Without it, a policy that was
 * written for another input compiles, compares `undefined` with `undefined` and lets every caller in.
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
  /** Required for exposed handlers. Agents read it as a prompt. Printable, at most 1,000 characters. */
  readonly description: string;
  /** Decides methods, annotations, and what the trail must hold before the handler runs. */
  readonly effect: Effect;
  /** Repeating the call changes nothing more. Default: true for reads. */
  readonly idempotent?: boolean;
  /** An object schema; closed at boot, so that unknown fields are refused. */
  readonly input: Input;
  /** A schema, or `stream(Item)`. Absent: any JSON value. */
  readonly output?: Output;
  /** Allows `secret()` fields in the output. Without this option such an output stops the boot. */
  readonly reveal?: boolean;
  /** The policy of the handler. It holds on every surface. */
  readonly auth: NoInfer<Auth<ValueFor<Input>, Opened<Used>>>;
  readonly use?: Used;
  /** What it refuses with beyond the general codes: made by `problem()`, or codes as text. */
  readonly problems?: readonly (Code | Problem<Code>)[];
  /** Returns what the call would do, without doing it. Approvers see the preview, and their approval holds for this preview only. */
  readonly preview?: (input: NoInfer<ValueFor<Input>>, context: NoInfer<CallContext & Opened<Used>>) => unknown;
  readonly handle: Handle<Input, Output, Used>;
}

/** A handler as the kernel and the manifest see it. The type parameters are of values, for readable declarations. */
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
  readonly handle: (input: never, context: never) => unknown;
  readonly "~types"?: {
    readonly input: Input;
    readonly output: Output;
    readonly problem: Code;
    /** The inputs that callers may omit, because of `withDefault`. A parameter, so that each handler is a `Handler`. */
    readonly omittable: (name: Omittable) => void;
  };
}

/** The input of a handler, as its function gets it: `InputOf<typeof updateNote>`. */
export type InputOf<Given extends Handler> = NonNullable<Given["~types"]>["input"];
/** What callers write for a handler: as `InputOf`, and inputs with `withDefault` may be absent. */
export type CallerInputOf<Given> =
  Given extends Handler<infer Input, infer _Output, infer _Code, infer Name>
    ? [Name] extends [never]
      ? Input
      : { readonly [Key in keyof Input as Exclude<Key, Name>]: Input[Key] } & {
          readonly [Key in keyof Input as Extract<Key, Name>]?: Input[Key];
        }
    : never;
/** What a handler answers: `OutputOf<typeof updateNote>`. An `AsyncIterable` for a stream. */
export type OutputOf<Given> = Given extends Handler<infer _Input, infer Output> ? Output : never;

/**
 * Defines an operation. Everything is inferred from the schemas; write no type arguments.
 *
 * Extra properties in what `handle` returns are no compile errors (TypeScript allows them); the output check refuses
 * them at run time.
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
