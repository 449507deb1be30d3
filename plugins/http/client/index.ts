// The entry `quater/client`, which calls the routes of a manifest from browsers and from Node. The typed client uses the manifest
// only as a type, which does not exist at run time. So each call names its route, and the project needs no generated code. This
// file imports only types from the code of the server. A test limits the size of the typed client.

import { CallError, type OwnProblem, resultOf, unanswered } from "./answer.ts";
import { type Sent, sentFor } from "./request.ts";
import type { ApprovalRequired, CallOptions, Client, Failure, Result, RoutesOf, WaitOptions } from "./types.ts";

export { CallError, type OwnProblem } from "./answer.ts";
export { upload } from "./request.ts";
export type {
  ApprovalRequired,
  CallOptions,
  Client,
  Failure,
  Refusal,
  Result,
  StreamAnswer,
  Unanswered,
  WaitOptions,
} from "./types.ts";

export interface ClientOptions {
  /**
   * The URL of the server: the origin, such as `https://shop.example`, followed by the path under which clients reach the server,
   * if the server has such a path. Use `""` in pages that have the same origin as the server.
   */
  readonly baseUrl: string;
  /**
   * The bearer token, or a function that returns the bearer token for each HTTP request. With `undefined`, the typed client sends
   * no token.
   */
  readonly token?: string | (() => string | undefined | Promise<string | undefined>);
  /** Headers that the typed client sends with each HTTP request. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Reads an error in the project's own format, if `http()` has the option `problem`. Returns `undefined` for a body that
   * contains no error.
   */
  readonly problemOf?: (body: unknown, status: number) => OwnProblem | undefined;
  /**
   * The function that sends HTTP requests. Default: the global `fetch`. To send cookies to another origin or to retry HTTP
   * requests, pass a function that wraps `fetch`.
   */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/**
 * Whether a failure is temporary. A client that waits for the approvers' decision requests the state of the approval request
 * again after a temporary failure.
 */
const isPassing = ({ code, status }: Failure): boolean => code === "network_error" || status === 503 || status === 429;

const pause = (ms: number, signal: AbortSignal | undefined): Promise<void> =>
  new Promise((resolve) => {
    const go = () => {
      clearTimeout(timer);
      signal?.removeEventListener("abort", go);
      resolve();
    };
    const timer = setTimeout(go, ms);
    signal?.addEventListener("abort", go);
  });

/**
 * Makes a client for the routes of a manifest. Import the manifest as a type, so that the bundle of the typed client contains no
 * server code.
 *
 * @example
 * import type manifest from "../quater.config.ts";
 * const client = createClient<typeof manifest>({ baseUrl: "https://shop.example", token: () => session.token });
 * const result = await client("GET /orders/:orderId", { orderId: "ord_1" });
 */
export const createClient = <Given>({
  baseUrl,
  token,
  headers,
  problemOf,
  fetch: own,
}: ClientOptions): Client<RoutesOf<Given>> => {
  const base = baseUrl.replace(/\/+$/, "");

  const fetched = async ({ method, path, body }: Sent, how: CallOptions, approvalId?: string): Promise<Result<unknown>> => {
    const { signal } = how;
    try {
      const bearer = typeof token === "function" ? await token() : token;
      const init: RequestInit = {
        method,
        headers: {
          accept: "application/json, text/event-stream",
          ...(typeof body === "string" ? { "content-type": "application/json" } : {}),
          ...(bearer === undefined ? {} : { authorization: `Bearer ${bearer}` }),
          ...(approvalId === undefined ? {} : { "quater-approval": approvalId }),
          ...headers,
          ...how.headers,
        },
        ...(body === undefined ? {} : { body }),
        ...(signal === undefined ? {} : { signal }),
      };
      return await resultOf(await (own ?? fetch)(base + path, init), { signal, problemOf });
    } catch (error) {
      return unanswered(error, signal);
    }
  };

  const call = async (sent: Sent, how: CallOptions, approvalId?: string): Promise<Result<unknown>> => {
    const result = await fetched(sent, how, approvalId);
    if (result.ok || result.code !== "approval_required") return result;
    const { approval } = result.details as unknown as Pick<ApprovalRequired, "approval">;
    const status = { method: "GET", path: `/__quater__/approvals/${approval.id}` };
    return {
      ...result,
      approval,
      repeat: (again = how) => call(sent, again, approval.id),
      wait: async ({ everyMs = 2_000, ...again }: WaitOptions = how) => {
        for (;;) {
          const asked = await fetched(status, again);
          if (!asked.ok && !isPassing(asked)) return asked;
          const isDecided = asked.ok && (asked.value as { readonly status?: unknown }).status !== "pending";
          // After the approval request has expired, the server's answer to the repeated call contains the final state of the
          // approval request.
          if (isDecided || Date.now() > Date.parse(approval.expiresAt)) return call(sent, again, approval.id);
          await pause(everyMs, again.signal);
        }
      },
    };
  };

  const client = (route: string, input: Readonly<Record<string, unknown>> = {}, how: CallOptions = {}) => {
    const sent = sentFor(route, input);
    const result: Promise<Result<unknown>> = "ok" in sent ? Promise.resolve(sent) : call(sent, how);
    return Object.assign(result, {
      async *[Symbol.asyncIterator]() {
        const begun = await result;
        if (!begun.ok) throw new CallError(begun);
        yield* begun.value as AsyncIterable<unknown>;
      },
    });
  };
  return client as never;
};
