// Runs one call on a remote. `act` uses this gate in the same way as the gate of a kernel in this process, so the program prints
// the same texts for a remote call as for a local call.

import { Readable } from "node:stream";
import { cancelled } from "../../../core/diagnostics/errors.ts";
import { isQuaterError, QuaterError } from "../../../core/index.ts";
import {
  type Cancellation,
  type Invocation,
  Cancellation as NewCancellation,
  type Operation,
  type Outcome,
} from "../../../core/plugin-api.ts";
import { OfferedFile } from "../../../core/schema/file.ts";
import { fileAnswerRulesOf, SentFile } from "../../../core/schema/file-answer.ts";
import type { Env } from "../program/context.ts";
import { type CallBody, linesType, type Part, paths, protocol } from "../serving/protocol.ts";
import { strangeAnswer, type Unreachable, unanswered, unreachable } from "./distrust.ts";
import { bodyOf, envelopeOf, lineOf, parsed } from "./envelopes.ts";
import type { Remote } from "./known.ts";
import { type Answer, hasNotLeft, send } from "./requests.ts";

interface Calling {
  readonly env: Env;
  readonly remote: Remote;
  readonly token: string;
  readonly operation: Operation;
}

/** Sends a call to the remote and waits for the outcome of the call. The value of a stream is read while the items arrive. */
export const callRemote = async (calling: Calling, invocation: Invocation): Promise<Outcome> => {
  const { env, remote, token, operation } = calling;
  const { callId: ownId = "", cancellation = new NewCancellation(), dryRun, approvalId } = invocation;
  let parts: readonly Part[];
  try {
    parts = partsOf(await given(invocation));
  } catch (error) {
    if (isQuaterError(error)) return { ok: false, error, callId: ownId };
    throw error;
  }
  const body: CallBody = {
    protocol,
    action: operation.name,
    parts,
    ...(dryRun === true ? { dryRun } : {}),
    ...(approvalId === undefined ? {} : { approvalId }),
  };
  const { signal } = cancellation;
  const failed = (error: unknown): Outcome => ({
    ok: false,
    error: whyFailed(error, calling, cancellation, dryRun === true),
    callId: ownId,
  });
  let answer: Answer;
  try {
    answer = await send(env, remote, {
      method: "POST",
      path: paths.call,
      token,
      body: { type: "application/json", text: JSON.stringify(body) },
      signal,
    });
    if (answer.type !== linesType) return outcomeIn(calling, await bodyOf(remote.name, answer), dryRun === true);
  } catch (error) {
    return failed(error);
  }
  return followed(calling, invocation, answer, failed);
};

/** Reads a remote's answer in lines. Returns at the last line, at the first item of a stream, or at the first bytes of a file. */
const followed = async (
  calling: Calling,
  { progress, dryRun }: Invocation,
  answer: Answer,
  failed: (error: unknown) => Outcome,
): Promise<Outcome> => {
  const {
    operation,
    remote: { name },
  } = calling;
  const lines = answer.lines();
  let end: Outcome | undefined;
  /** Returns the next line of the answer that contains an item or bytes; `undefined` at the last line of the answer. */
  const next = async () => {
    for (;;) {
      const step = await lines.next();
      if (step.done === true) throw unreachable(name, "the connection was closed before the end of the answer");
      if (step.value === "") continue;
      const value = parsed(name, step.value);
      const line = lineOf(name, value);
      if (line === undefined) {
        end = outcomeIn(calling, value, dryRun === true);
        await lines.return(undefined);
        return undefined;
      }
      if (!("progress" in line)) return line;
      progress?.(line.progress.fraction, line.progress.message);
    }
  };
  try {
    const first = await next();
    if (first === undefined) return end as Outcome;
    async function* values(kind: "item" | "bytes") {
      try {
        for (let line: Awaited<ReturnType<typeof next>> = first; line !== undefined; line = await next()) {
          if (!(kind in line)) throw strangeAnswer(name, "mixed items and bytes in one answer");
          yield "item" in line ? line.item : Buffer.from((line as { bytes: string }).bytes, "base64");
        }
      } catch (error) {
        const ended = failed(error);
        throw ended.ok ? error : ended.error;
      } finally {
        await lines.return(undefined);
      }
      if (end !== undefined && !end.ok) throw end.error;
    }
    const value = "item" in first ? values("item") : fileOf(operation, values("bytes"));
    return { ok: true, value, callId: answer.callId };
  } catch (error) {
    return failed(error);
  }
};

/**
 * Makes a file from the bytes of an answer. The program reads only the content, so the other data of the file are placeholders.
 */
const fileOf = (operation: Operation, content: AsyncIterable<unknown>): SentFile =>
  new SentFile(
    { name: operation.name, mediaType: "application/octet-stream", bytes: 0, version: "", modifiedAt: undefined },
    () => Readable.from(content, { objectMode: false }),
  );

const outcomeIn = ({ remote, operation }: Calling, answered: Parameters<typeof envelopeOf>[1], isDryRun: boolean): Outcome => {
  const envelope = envelopeOf(remote.name, answered);
  const { callId } = envelope;
  if (!envelope.ok) return { ok: false, error: envelope.error, callId };
  const { value } = envelope;
  if (isDryRun || value !== undefined) return { ok: true, value, callId };
  // If a remote's answer has no value, the result of the call is a stream without items, a file without content, or no value.
  if (operation.isStream) return { ok: true, value: nothing(), callId };
  return { ok: true, value: fileAnswerRulesOf(operation.output) === undefined ? value : fileOf(operation, nothing()), callId };
};

async function* nothing(): AsyncGenerator<never> {}

const given = async ({ given: parts }: Invocation) => (typeof parts === "function" ? parts() : parts);

/** Returns the input of a call in the form of the protocol. @throws {QuaterError} for an input that contains a file. */
export const partsOf = (parts: Awaited<ReturnType<typeof given>>): readonly Part[] =>
  parts.map(({ from, isText, values }) => {
    const named = Object.entries(Object(values) as object);
    const file = named.find(([, value]) => [value].flat().some((each) => each instanceof OfferedFile));
    if (file !== undefined)
      throw new QuaterError({
        code: "invalid_input",
        kind: "invalid_input",
        message: `/${file[0]} is a file, and files cannot be sent to a remote. Call the handler over HTTP, or run the action on the server`,
      });
    return { from: from as Part["from"], isText, values: values as Part["values"] };
  });

/** Returns the error of a call to which the remote sent no complete answer. A write that was sent may have taken effect. */
const whyFailed = (
  error: unknown,
  { remote, operation }: Calling,
  { isCancelled }: Cancellation,
  isDryRun: boolean,
): QuaterError => {
  const changesNothing = isDryRun || operation.handler.effect === "read";
  if (isCancelled) return changesNothing ? cancelled() : leftMidway(remote.name, operation.name);
  if (!isQuaterError(error)) throw error;
  return changesNothing || hasNotLeft(error) || error.kind !== "unavailable"
    ? error
    : unanswered(remote.name, operation.name, (error as Partial<Unreachable>).why ?? error.message);
};

const leftMidway = (name: string, action: string): QuaterError =>
  new QuaterError({
    code: "cancelled",
    kind: "cancelled",
    message: `You cancelled the call. The remote ${name} was told to stop ${action}, but ${action} may have taken effect before`,
  });
