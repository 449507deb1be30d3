// Sends a stream as the body of a response: as JSON lines, or as server-sent events if the caller requests server-sent events.

import type { IncomingMessage, ServerResponse } from "node:http";
import { Readable } from "node:stream";
import { itemUndelivered, tooMuchUnread } from "../../core/diagnostics/errors.ts";
import { isQuaterError } from "../../core/index.ts";
import { largeAnswer } from "../../core/pipeline/answer-size.ts";
import { problemText } from "./problem-format.ts";
import type { Run } from "./ran.ts";
import { problemOf } from "./refusals.ts";
import type { Reply } from "./reply.ts";
import { jsonPolicy } from "./security.ts";
import { roomOf } from "./sockets.ts";
import { drained } from "./unread.ts";

/** A stream whose first item Quater has requested. The first item may not have arrived yet. */
interface Begun {
  readonly items: AsyncIterator<unknown>;
  readonly first: Promise<IteratorResult<unknown>>;
}

const firstStepMs = 1_000;

/**
 * Waits for the first item of a stream, so that the response to a refusal before the first item has the status of the refusal.
 * The wait is short, because a subscription may send nothing for hours, and the client needs the headers.
 *
 * @throws {QuaterError} The error that the stream threw during the wait.
 */
export const beginning = async (items: AsyncIterator<unknown>, res: ServerResponse): Promise<Begun> => {
  const first = items.next();
  let goOn: () => void = () => {};
  const waited = new Promise<void>((resolve) => {
    goOn = resolve;
  });
  const timer = setTimeout(goOn, firstStepMs);
  res.once("close", goOn); // A caller that closed the connection needs no status.
  try {
    await Promise.race([first, waited]);
  } finally {
    clearTimeout(timer);
    res.off("close", goOn);
  }
  return { items, first };
};

/** Returns a stream as server-sent events if the caller requests server-sent events, and otherwise as JSON lines. */
export const streamReply = (
  req: IncomingMessage,
  res: ServerResponse,
  begun: Begun,
  { status, callId, run }: { readonly status: number; readonly callId: string; readonly run: Run },
): Reply => {
  const { name, handler } = run.operation;
  const isEvents = (req.headers.accept ?? "").includes("text/event-stream");
  const item = (value: unknown) => (isEvents ? `data: ${JSON.stringify(value)}\n\n` : `${JSON.stringify(value)}\n`);
  const failure = (problem: string) => (isEvents ? `event: error\ndata: ${problem}\n\n` : `{"error":${problem}}\n`);
  const { items } = begun;
  // Clear this variable after its use, because the variable would keep the first item of the stream in memory.
  let upcoming: Begun["first"] | undefined = begun.first;
  const next = async (): Promise<string | Buffer | undefined> => {
    const step = await (upcoming ?? items.next());
    upcoming = undefined;
    if (step.done === true) return undefined;
    const text = item(step.value);
    return text.length < largeAnswer ? text : Buffer.from(text);
  };
  const body = Readable.from(
    (async function* () {
      try {
        for (let part = await next(); part !== undefined; part = await next()) {
          if (typeof part === "string") {
            yield part;
            continue;
          }
          // While a client does not read, only one large item of its stream is in memory.
          const giveBack = await roomOf(res).take(part.length);
          if (giveBack === undefined) throw handler.effect === "read" ? tooMuchUnread() : itemUndelivered(name, tooMuchUnread());
          yield part;
          await drained(res);
          giveBack();
        }
        if (isEvents) yield "event: end\ndata: {}\n\n";
      } catch (error) {
        if (!isQuaterError(error)) throw error;
        yield failure(problemText(req, problemOf(error, callId)).text);
      }
    })(),
  );
  // End the stream also if nobody reads the response body, because of HEAD or because the client left before the first byte.
  body.once("close", () => void items.return?.().catch(() => {}));
  const headers = [
    "content-type",
    isEvents ? "text/event-stream; charset=utf-8" : "application/x-ndjson",
    "cache-control",
    "no-store, no-transform",
    "x-accel-buffering",
    "no",
    ...jsonPolicy,
  ];
  return { status, headers, body, run };
};
