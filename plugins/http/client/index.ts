// The entry `quater/client`: calls the routes of a manifest from browsers and from Node. The client knows the manifest only as a
// type, which does not exist at run time. So each call names its route, and no code is generated. This file imports only types of
// the server. A test limits the client's size.

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
   * The URL of the server: the origin, such as `https://shop.example`, and the path under which clients reach the server, if
   * there is one. Use `""` in pages of the same origin.
   */
  readonly baseUrl: string;
  /** The bearer token, or a function that returns the token for each HTTP request. `undefined` sends no token. */
  readonly token?: string | (() => string | undefined | Promise<string | undefined>);
  /** Headers that the client sends with each HTTP request. */
  readonly headers?: Readonly<Record<string, string>>;
  /**
   * Reads the error format of the project, if `http()` has the option `problem`. Returns `undefined` for a body that is not a
   * problem.
   */
  readonly problemOf?: (body: unknown, status: number) => OwnProblem | undefined;
  /**
   * The function that sends HTTP requests. Default: the global `fetch`. Wrap `fetch` to send cookies to another origin, or to
   * retry.
   */
  readonly fetch?: (url: string, init: RequestInit) => Promise<Response>;
}

/** Whether a failure is temporary. A client that waits for a decision requests the status again after a temporary failure. */
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
 * Makes a client for the routes of a manifest. Import the manifest as a type, so that no server code is bundled.
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
          // After the approval request has expired, the server's answer to the repeated call says how the approval request ended.
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
