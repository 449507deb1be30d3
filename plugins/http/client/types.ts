// The types of the client: from a manifest's type to routes, and from a route to its input and its result.

import type { FieldError } from "../../../core/diagnostics/errors.ts";
import type { Manifest } from "../../../core/index.ts";
import type { Exposed, Joined } from "../../../core/model/exposure.ts";
import type { CallerInputOf, Handler } from "../../../core/model/handler.ts";
import type { GeneralCode } from "./codes.ts";

/** The server refused the call, or it failed there. */
export interface Refusal<Code extends string = never> {
  readonly ok: false;
  readonly code: Code | GeneralCode;
  /** For people. */
  readonly message: string;
  /** Of the HTTP answer. */
  readonly status: number;
  /** The server's log and trail have the call under this id. */
  readonly callId: string;
  /** What is wrong with the input, by place. */
  readonly errors: readonly FieldError[];
  /** When to try again, if the server says so. */
  readonly retryAfterSeconds?: number;
  /** What else the error says: `{ scopes: ["orders:read"] }`. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** People must agree first. The handler did not run. */
export interface ApprovalRequired<Value = unknown, Code extends string = never> extends Omit<Refusal, "code"> {
  readonly code: "approval_required";
  readonly approval: {
    readonly id: string;
    /** The page where people decide, if the server has one. */
    readonly url?: string;
    /** RFC 3339. */
    readonly expiresAt: string;
  };
  /** Sends the same call again, naming the approval. */
  repeat(how?: CallOptions): Promise<Result<Value, Code>>;
  /** Waits until people have decided or the request has expired, and repeats the call then. Abort it by `signal`. */
  wait(how?: WaitOptions): Promise<Result<Value, Code>>;
}

/** There is no answer of the server, or not one that the client understands. */
export interface Unanswered {
  readonly ok: false;
  /**
   * - `network_error`: no answer came. The call may have run.
   * - `aborted`: by `signal`. The call may have run.
   * - `unexpected_answer`: not from Quater, such as a page of a proxy. `cause` has its text.
   */
  readonly code: "network_error" | "aborted" | "unexpected_answer";
  readonly message: string;
  /** Of an answer that is not understood. */
  readonly status?: number;
  readonly cause: unknown;
}

export type Failure<Value = unknown, Code extends string = never> = Refusal<Code> | ApprovalRequired<Value, Code> | Unanswered;

/** What a call gives. It is never thrown: test `ok`, then `code`. */
export type Result<Value, Code extends string = never> =
  | { readonly ok: true; readonly value: Value; readonly callId: string }
  | Failure<Value, Code>;

export interface CallOptions {
  readonly signal?: AbortSignal;
  /** Added to those of the client. Inputs that a route binds to headers go here. */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface WaitOptions extends CallOptions {
  /** How often the client asks, milliseconds. Default 2,000. */
  readonly everyMs?: number;
}

/** The answer of a route with a stream: iterate over it, or await it to see a refusal as a value. */
export interface StreamAnswer<Item, Code extends string = never>
  extends Promise<Result<AsyncIterable<Item>, Code>>,
    AsyncIterable<Item> {}

type RouteIn<Entry> = Entry extends { readonly http: infer Http }
  ? Http extends string
    ? Http
    : Http extends { readonly route: infer Text extends string }
      ? Text
      : never
  : never;

/** A handler as clients see it: without the inputs that a header or a cookie is bound to. */
type Reached<Given, Entry> = Entry extends { readonly http: { readonly bind: infer Bound } }
  ? Given extends Handler<infer Input, infer Output, infer Code, infer Omittable>
    ? Handler<Omit<Input, keyof Bound>, Output, Code, Exclude<Omittable, keyof Bound>>
    : never
  : Given;

type RoutesIn<Entry> =
  Entry extends Exposed<infer Module, infer Table>
    ? { readonly [Key in keyof Table & keyof Module as RouteIn<Table[Key]>]: Reached<Module[Key], Table[Key]> }
    : never;

/** The routes that a manifest exposes. */
export type RoutesOf<Given> = Given extends Manifest<infer List> ? Joined<RoutesIn<List[number]>> : never;

type Arguments<Given> = Given extends Handler
  ? // biome-ignore lint/complexity/noBannedTypes: {} fits an input without required properties
    {} extends CallerInputOf<Given>
    ? [input?: CallerInputOf<Given>, how?: CallOptions]
    : [input: CallerInputOf<Given>, how?: CallOptions]
  : never;

type AnswerOf<Given> =
  Given extends Handler<infer _Input, infer Output, infer Code>
    ? Output extends AsyncIterable<infer Item>
      ? StreamAnswer<Item, Code>
      : Promise<Result<Output, Code>>
    : never;

/**
 * Calls a route: `client("GET /orders/:orderId", { orderId: "ord_1" })`. Inputs named in the route go into the path, the others
 * into the query or the body. The promise always resolves.
 */
export type Client<Routes> = <Route extends keyof Routes & string>(
  route: Route,
  ...given: Arguments<Routes[Route]>
) => AnswerOf<Routes[Route]>;
