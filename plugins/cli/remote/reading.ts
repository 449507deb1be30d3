// Requests the outputs of a command that reads from a remote, such as `audit tail`.

import type { Env } from "../program/context.ts";
import { linesType, paths, protocol, type ReadBody } from "../serving/protocol.ts";
import { strangeAnswer, unreachable } from "./distrust.ts";
import { bodyOf, envelopeOf, lineOf, parsed } from "./envelopes.ts";
import type { Remote } from "./known.ts";
import { send } from "./requests.ts";

export interface Asking {
  readonly env: Env;
  readonly remote: Remote;
  readonly token: string;
  readonly signal?: AbortSignal;
}

/** Yields the outputs of a remote command. @returns The value with the exit code. @throws {QuaterError} The remote's refusal. */
export async function* readRemote(
  { env, remote, token, signal }: Asking,
  command: string,
  input: Readonly<Record<string, unknown>>,
  isJson = true,
): AsyncGenerator<unknown, unknown> {
  const { name } = remote;
  const body: ReadBody = { protocol, command, input, isJson };
  const answer = await send(env, remote, {
    method: "POST",
    path: paths.read,
    token,
    body: { type: "application/json", text: JSON.stringify(body) },
    ...(signal === undefined ? {} : { signal }),
  });
  if (answer.type !== linesType) {
    const envelope = envelopeOf(name, await bodyOf(name, answer));
    if (!envelope.ok) throw envelope.error;
    return envelope.value;
  }
  for await (const text of answer.lines()) {
    if (text === "") continue;
    const value = parsed(name, text);
    const line = lineOf(name, value);
    if (line === undefined) {
      const envelope = envelopeOf(name, value);
      if (!envelope.ok) throw envelope.error;
      return envelope.value;
    }
    if (!("item" in line)) throw strangeAnswer(name, "answered with a line that does not belong to this command");
    yield line.item;
  }
  throw unreachable(name, "the connection was closed before the end of the answer");
}
