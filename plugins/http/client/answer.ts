// Turns the HTTP response of the server into the result of a call of the typed client.

import type { Failure, Refusal, Result, Unanswered } from "./types.ts";

/**
 * The iteration over a stream throws this error if the server refused the call before the first item, or if the stream broke off.
 */
export class CallError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(`${failure.code}: ${failure.message}`, { cause: failure });
    this.name = "CallError";
    this.failure = failure;
  }
}

/** The problem details that the server sends in the body of an error response (RFC 9457). */
interface Problem {
  readonly code: Refusal["code"];
  readonly detail: string;
  readonly status: number;
  readonly callId: string;
  readonly errors?: Refusal["errors"];
}

/** An error that the option `problemOf` of the typed client has read from the project's own error format. */
export interface OwnProblem {
  /** One of the error codes that the call can have. Neither the compiler nor the typed client checks this error code. */
  readonly code: string;
  /** The text of the error, which people read. */
  readonly message: string;
  readonly errors?: Refusal["errors"];
}

interface Reading {
  readonly signal: AbortSignal | undefined;
  readonly problemOf: ((body: unknown, status: number) => OwnProblem | undefined) | undefined;
}

/**
 * Returns the result of an HTTP request that got no response. @param error  The error that `fetch` or the reading of the body
 * threw.
 */
export const unanswered = (error: unknown, signal: AbortSignal | undefined): Unanswered => {
  const isAborted = signal?.aborted === true;
  const said = error instanceof Error ? error.message : String(error);
  return {
    ok: false,
    code: isAborted ? "aborted" : "network_error",
    message: isAborted ? "The caller aborted the call" : said,
    cause: error,
  };
};

const refusalOf = (problem: Problem, retryAfter: string | null): Refusal => {
  const { code, detail, status, callId, errors = [], title: _, ...details } = problem as Problem & { title?: string };
  const seconds = Number(retryAfter ?? Number.NaN);
  const retry = Number.isNaN(seconds) ? {} : { retryAfterSeconds: seconds };
  return { ok: false, code, message: detail, status, callId, errors, details, ...retry };
};

/**
 * Returns the name of a file from the header `Content-Disposition`. The header contains the name in the form of RFC 8187 or in
 * ASCII.
 */
const nameIn = (disposition: string): string => {
  const [, encoded] = /filename\*=UTF-8''([^;]*)/.exec(disposition) ?? [];
  return encoded === undefined ? (/filename="([^"]*)"/.exec(disposition)?.[1] ?? "") : decodeURIComponent(encoded);
};

/** Returns the refusal that the body of a response contains, or `undefined` for a body that describes no error. */
const refusalIn = (body: unknown, { status, headers }: Response, { problemOf }: Reading): Refusal | undefined => {
  const retryAfter = headers.get("retry-after");
  const problem = body as Problem | null;
  if (typeof problem?.code === "string" && typeof problem.callId === "string") return refusalOf(problem, retryAfter);
  const own = problemOf?.(body, status);
  if (own === undefined) return undefined;
  const { message: detail, errors = [] } = own;
  return refusalOf(
    { code: own.code as Refusal["code"], detail, errors, status, callId: headers.get("x-request-id") ?? "" },
    retryAfter,
  );
};

const unexpected = ({ status }: Response, text: string): Unanswered => {
  const message = `The response with the status ${status} does not come from Quater`;
  return { ok: false, code: "unexpected_answer", message, status, cause: text };
};

/**
 * Returns the result of a call from the server's response. Throws only if the typed client cannot read the body of the response.
 */
export const resultOf = async (answer: Response, reading: Reading): Promise<Result<unknown>> => {
  const { ok, headers, body } = answer;
  const type = headers.get("content-type") ?? "";
  const callId = headers.get("x-request-id") ?? "";
  if (ok && body !== null && type.startsWith("text/event-stream")) return { ok, value: itemsOf(body, answer, reading), callId };
  const disposition = headers.get("content-disposition");
  // The server sends an ETag with each file, and no ETag with a text.
  if (ok && disposition !== null && headers.has("etag"))
    return { ok, value: new File([await answer.blob()], nameIn(disposition), { type }), callId };
  const text = await answer.text();
  if (ok && (text === "" || disposition !== null)) return { ok, value: disposition === null ? null : text, callId };
  try {
    if (ok && type.startsWith("application/json")) return { ok, value: JSON.parse(text) as unknown, callId };
    const refusal = ok ? undefined : refusalIn(JSON.parse(text), answer, reading);
    if (refusal !== undefined) return refusal;
  } catch {} // The body of the response is not JSON.
  return unexpected(answer, text);
};

/**
 * Yields the items of a stream of server-sent events. The last event of a complete stream is `end`. The last event of a stream
 * that failed is `error`.
 */
async function* itemsOf(body: ReadableStream<Uint8Array>, answer: Response, reading: Reading): AsyncGenerator<unknown> {
  const reader = body.getReader();
  const decoder = new TextDecoder();
  let rest = "";
  try {
    for (;;) {
      const { done, value } = await reader.read();
      if (done) throw new Error("The stream ended before its last event");
      const events = (rest + decoder.decode(value, { stream: true })).split("\n\n");
      rest = events.pop() ?? "";
      for (const event of events) {
        const data = /^data: (.*)$/m.exec(event)?.[1] ?? "";
        if (event.startsWith("event: end")) return;
        if (event.startsWith("event: error"))
          throw new CallError(refusalIn(JSON.parse(data), answer, reading) ?? unexpected(answer, data));
        if (data !== "") yield JSON.parse(data);
      }
    }
  } catch (error) {
    throw error instanceof CallError ? error : new CallError(unanswered(error, reading.signal));
  } finally {
    reader.cancel().catch(() => {}); // Close the connection if the caller stops reading the stream early.
  }
}
