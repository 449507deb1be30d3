// Turns a response into a result.

import type { Failure, Refusal, Result, Unanswered } from "./types.ts";

/** Thrown while a stream is read: the call was refused before the stream began, or the stream broke off. */
export class CallError extends Error {
  readonly failure: Failure;

  constructor(failure: Failure) {
    super(`${failure.code}: ${failure.message}`, { cause: failure });
    this.name = "CallError";
    this.failure = failure;
  }
}

/** Problem details as the server sends them (RFC 9457). */
interface Problem {
  readonly code: Refusal["code"];
  readonly detail: string;
  readonly status: number;
  readonly callId: string;
  readonly errors?: Refusal["errors"];
}

/** Returns the result of a request without an answer. @param error  The error of `fetch`, or of reading the body. */
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

/** Returns the result of a response. Never throws, unless the body cannot be read. */
export const resultOf = async (answer: Response, signal: AbortSignal | undefined): Promise<Result<unknown>> => {
  const { ok, status, headers, body } = answer;
  const type = headers.get("content-type") ?? "";
  const callId = headers.get("x-request-id") ?? "";
  if (ok && body !== null && type.startsWith("text/event-stream")) return { ok, value: itemsOf(body, signal), callId };
  const text = await answer.text();
  if (ok && text === "") return { ok, value: null, callId };
  try {
    if (ok && type.startsWith("application/json")) return { ok, value: JSON.parse(text) as unknown, callId };
    if (!ok && type.startsWith("application/problem+json")) {
      const problem = JSON.parse(text) as Problem;
      if (typeof problem.code === "string") return refusalOf(problem, headers.get("retry-after"));
    }
  } catch {} // The body is not JSON.
  const message = `The response with the status ${status} does not come from Quater`;
  return { ok: false, code: "unexpected_answer", message, status, cause: text };
};

/**
 * Yields the items of server-sent events. The server ends a complete stream with the event `end`, and a broken one with `error`.
 */
async function* itemsOf(body: ReadableStream<Uint8Array>, signal: AbortSignal | undefined): AsyncGenerator<unknown> {
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
        if (event.startsWith("event: error")) throw new CallError(refusalOf(JSON.parse(data) as Problem, null));
        if (data !== "") yield JSON.parse(data);
      }
    }
  } catch (error) {
    throw error instanceof CallError ? error : new CallError(unanswered(error, signal));
  } finally {
    reader.cancel().catch(() => {}); // Close the connection if the reader leaves early.
  }
}
