// The types of the typed client. These types derive the routes from the type of a manifest, and the input and result of a call
// from the route.

import type { FieldError } from "../../../core/diagnostics/errors.ts";
import type { Manifest } from "../../../core/index.ts";
import type { Exposed, Joined } from "../../../core/model/exposure.ts";
import type { CallerInputOf, Handler } from "../../../core/model/handler.ts";
import type { SentFile } from "../../../core/schema/file-answer.ts";
import type { GeneralCode } from "./codes.ts";

/** The result of a call that the server refused, or that failed on the server. */
export interface Refusal<Code extends string = never> {
  readonly ok: false;
  readonly code: Code | GeneralCode;
  /** The text of the error, which people read. */
  readonly message: string;
  /** The status of the HTTP response. The status is 0 if the typed client refused the call and sent nothing. */
  readonly status: number;
  /** The id of the call in the server's log and on the trail. */
  readonly callId: string;
  /** The mistakes in the input: one entry for each wrong field of the input. */
  readonly errors: readonly FieldError[];
  /** The number of seconds after which the caller may retry the call, if the response has the header `Retry-After`. */
  readonly retryAfterSeconds?: number;
  /** Other facts about the error: `{ scopes: ["orders:read"] }`. */
  readonly details: Readonly<Record<string, unknown>>;
}

/** The result of a call that people must approve before the call runs. The handler of the call did not run. */
export interface ApprovalRequired<Value = unknown, Code extends string = never> extends Omit<Refusal, "code"> {
  readonly code: "approval_required";
  readonly approval: {
    readonly id: string;
    /** The URL of the approvals page on which people decide, if the server has an approvals page. */
    readonly url?: string;
    /** The time at which the approval request expires, as RFC 3339 text. */
    readonly expiresAt: string;
  };
  /** Sends the same call again, together with the id of the approval request. */
  repeat(how?: CallOptions): Promise<Result<Value, Code>>;
  /** Waits until people have decided or the approval request has expired, and then repeats the call. `signal` ends the wait. */
  wait(how?: WaitOptions): Promise<Result<Value, Code>>;
}

/** The result of an HTTP request that got no response, or a response that the typed client does not understand. */
export interface Unanswered {
  readonly ok: false;
  /**
   * - `network_error`: the typed client got no response. The call may have run.
   * - `aborted`: the caller aborted the call by `signal`. The call may have run.
   * - `unexpected_answer`: the response is not from Quater, such as a page of a proxy. `cause` contains the body of this
   *   response.
   */
  readonly code: "network_error" | "aborted" | "unexpected_answer";
  readonly message: string;
  /** The status of a response that the typed client does not understand. */
  readonly status?: number;
  readonly cause: unknown;
}

export type Failure<Value = unknown, Code extends string = never> = Refusal<Code> | ApprovalRequired<Value, Code> | Unanswered;

/** The result of a call. The typed client does not throw the errors of a call, so test `ok` first, and then `code`. */
export type Result<Value, Code extends string = never> =
  | { readonly ok: true; readonly value: Value; readonly callId: string }
  | Failure<Value, Code>;

export interface CallOptions {
  readonly signal?: AbortSignal;
  /**
   * The headers that the typed client sends in addition to its own headers. Pass the inputs that a route binds to headers in this
   * option.
   */
  readonly headers?: Readonly<Record<string, string>>;
}

export interface WaitOptions extends CallOptions {
  /** How often the typed client requests the state of the approval request, milliseconds. Default 2,000. */
  readonly everyMs?: number;
}

/**
 * The answer of a route with a stream. Iterate over the answer to read the items, or await the answer to get a refusal as a
 * value.
 */
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

/**
 * The type of a handler as clients call the handler: without the inputs that the route binds to headers or cookies, and with the
 * route's envelopes.
 */
type Reached<Given, Entry> = Entry extends { readonly http: string }
  ? Given
  : Entry extends { readonly http: infer Http }
    ? Enveloped<Unbound<Given, Http>, Http>
    : Given;

type Unbound<Given, Http> = Http extends { readonly bind: infer Bound }
  ? Given extends Handler<infer Input, infer Output, infer Code, infer Omittable>
    ? Handler<Omit<Input, keyof Bound>, Output, Code, Exclude<Omittable, keyof Bound>>
    : never
  : Given;

/**
 * Adds the envelopes of a route to a handler's type: one envelope around the inputs that are not in the path, and one around the
 * output.
 */
type Enveloped<Given, Http> =
  Given extends Handler<infer Input, infer Output, infer Code, infer Omittable>
    ? Handler<
        Http extends { readonly body: infer Key extends string } ? WithBody<CallerInputOf<Given>, Key, RouteText<Http>> : Input,
        Http extends { readonly answer: infer Key extends string } ? { readonly [Name in Key]: Output } : Output,
        Code,
        Http extends { readonly body: string } ? never : Omittable
      >
    : Given;

type RouteText<Http> = Http extends { readonly route: infer Text extends string } ? Text : never;

/** The names of the path parameters of a route: `"id" | "tag"` of `GET /notes/:id/tags/:tag`. */
type InPath<Text extends string> = Text extends `${string}/:${infer Rest}`
  ? Rest extends `${infer Name}/${infer More}`
    ? Name | InPath<`/${More}`>
    : Rest
  : never;

type WithBody<Input, Key extends string, Text extends string> = Pick<Input, keyof Input & InPath<Text>> & {
  readonly [Name in Key]: Omit<Input, InPath<Text>>;
};

type RoutesIn<Entry> =
  Entry extends Exposed<infer Module, infer Table>
    ? { readonly [Key in keyof Table & keyof Module as RouteIn<Table[Key]>]: Reached<Module[Key], Table[Key]> }
    : never;

/** The routes that a manifest exposes. */
export type RoutesOf<Given> = Given extends Manifest<infer List> ? Joined<RoutesIn<List[number]>> : never;

// biome-ignore lint/complexity/noBannedTypes: {} fits an input without required properties
type Arguments<Input> = {} extends Input ? [input?: Input, how?: CallOptions] : [input: Input, how?: CallOptions];

type AnswerOf<Given> =
  Given extends Handler<infer _Input, infer Output, infer Code>
    ? Output extends AsyncIterable<infer Item>
      ? StreamAnswer<Item, Code>
      : Promise<Result<[Output] extends [SentFile] ? File : Output, Code>>
    : never;

/**
 * Calls a route: `client("GET /orders/:orderId", { orderId: "ord_1" })`. The typed client writes the inputs that are path
 * parameters of the route into the path, and the other inputs into the query or the body. The promise that the typed client
 * returns never rejects.
 */
export type Client<Routes> = <Route extends keyof Routes & string>(
  route: Route,
  ...given: Arguments<CallerInputOf<Routes[Route]>>
) => AnswerOf<Routes[Route]>;
