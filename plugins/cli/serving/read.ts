// The endpoint `POST /__quater__/actions/read`: commands that read, such as `quater audit tail --remote NAME`. Each command
// belongs to a plugin and needs its own right. No command of this endpoint changes anything.

import { isQuaterError } from "../../../core/index.ts";
import { binderOf } from "../../../core/pipeline/bind.ts";
import { type JsonSchema, parseJsonBytes, unknownHandler } from "../../../core/plugin-api.ts";
import { closed, isPlainObject } from "../../../core/schema/schema.ts";
import type { RemoteRead, WebReply, WebRequest } from "../../offered.ts";
import { Lines } from "./lines.ts";
import { protocol, type ReadBody } from "./protocol.ts";
import { answering, checkRight, type Endpoints, entered, errorBodyOf, malformed } from "./refusing.ts";

export interface ReadEndpoint extends Endpoints {
  readonly reads: ReadonlyMap<string, RemoteRead>;
  readonly heartbeatMs: number;
}

export const readEndpoint = (parts: ReadEndpoint) => answering(parts, "POST", (request) => read(parts, request));

const read = async (parts: ReadEndpoint, request: WebRequest): Promise<WebReply | undefined> => {
  const { http, gate, reads } = parts;
  const caller = await entered(parts, request);
  const bytes = await http.readBody(request);
  // A key may have been revoked while the body arrived.
  const principal = await gate.enterAgain(caller.entry, caller.principal, caller.enteredAt);
  const { command, input } = readBody(bytes);
  const found = reads.get(command);
  if (found === undefined) throw unknownHandler(command, "the remote commands");
  checkRight(parts, { ...caller, principal }, found.right, command);
  const values = binderOf(closed(found.input) as JsonSchema)([{ from: "input", isText: false, values: input }]);
  const { signal } = http.cancellation(request);
  const enter = async () => {
    const again = await gate.enter(caller.entry);
    checkRight(parts, { ...caller, principal: again }, found.right, command);
    return again;
  };
  const { callId } = request;
  const lines = new Lines(request, http, parts.heartbeatMs);
  try {
    for await (const item of found.read(values as never, { principal, callId, signal, enter }))
      if (!(await lines.send({ item }))) return undefined;
    return await lines.end(200, { protocol, ok: true, callId });
  } catch (error) {
    if (!isQuaterError(error)) throw error;
    return await lines.end(http.statusOf(error), { protocol, ok: false, error: errorBodyOf(error, callId) });
  } finally {
    lines.stop();
  }
};

/** @throws {QuaterError} */
const readBody = (bytes: Buffer): ReadBody => {
  const body = parseJsonBytes(bytes);
  if (!isPlainObject(body)) throw malformed("The body must be a JSON object");
  const { command, input } = body;
  if (body["protocol"] !== protocol)
    throw malformed(`This server speaks ${protocol}. Update the program quater on your computer, or the server`);
  if (typeof command !== "string" || !isPlainObject(input)) throw malformed("The body must have the fields command and input");
  return { protocol, command, input };
};
