// The endpoint `POST /__quater__/actions/read`, which runs commands that read, such as `quater audit tail --remote NAME`. Each
// command needs one right. No command of this endpoint changes anything.

import { resolve } from "node:path";
import { tooMuchUnread } from "../../../core/diagnostics/errors.ts";
import { cut, visible } from "../../../core/diagnostics/text.ts";
import { isQuaterError, QuaterError } from "../../../core/index.ts";
import { binderOf } from "../../../core/pipeline/bind.ts";
import { type CommandIo, internal, type JsonSchema, parseJsonBytes } from "../../../core/plugin-api.ts";
import { closed, isPlainObject } from "../../../core/schema/schema.ts";
import { approvalReadsRef, auditReadsRef, type RemoteRead, type WebReply, type WebRequest } from "../../offered.ts";
import { Lines } from "./lines.ts";
import { type Printed, protocol, type ReadBody } from "./protocol.ts";
import { accounted, answering, bodyIn, checkRight, type Endpoints, entered, errorBodyOf, malformed } from "./refusing.ts";

export interface ReadEndpoint extends Endpoints {
  readonly heartbeatMs: number;
  /** The commands that the plugin cli defines itself: `exposure` and `explain`. */
  readonly own: readonly RemoteRead[];
}

/** The longest time for which a revoked credential may still read the output of a command, in milliseconds. */
const againMs = 1_000;
/** The largest amount of command output that may wait in memory for a slow client, in UTF-16 units. */
const mostWaiting = 32 * 1024 * 1024;

const readsIn = ({ services, own }: ReadEndpoint): readonly RemoteRead[] => [
  ...own,
  ...(services.find(approvalReadsRef) ?? []),
  ...(services.find(auditReadsRef) ?? []),
];

export const readEndpoint = (parts: ReadEndpoint) => answering(parts, "POST", (request) => read(parts, request));

const read = async (parts: ReadEndpoint, request: WebRequest): Promise<WebReply | undefined> => {
  const { http, gate } = parts;
  const caller = await entered(parts, request);
  const bytes = await bodyIn(parts, caller, request, "read");
  // A key may have been revoked while the body arrived.
  const principal = await gate.enterAgain(caller.entry, caller.principal, caller.enteredAt);
  const again = { ...caller, principal };
  const { command, input, isJson } = await accounted(parts, again, "read", () => readBody(bytes));
  const found = readsIn(parts).find((each) => each.command === command);
  if (found === undefined) throw unknownCommand(command);
  checkRight(parts, again, found.right, command);
  const bind = binderOf(closed(found.input) as JsonSchema);
  const given = [{ from: "input", isText: false, values: { ...input } }];
  const values = await accounted(parts, again, command, () => bind(given));
  const { callId } = request;
  const lines = new Lines(request, http, parts.heartbeatMs);
  const output = new Output(lines, http.cancellation(request).signal);
  const watch = setInterval(async () => {
    try {
      checkRight(parts, { ...caller, principal: await gate.enter(caller.entry) }, found.right, command);
    } catch (error) {
      output.stop(error);
    }
  }, againMs).unref();
  try {
    const code = await found.run(values as never, output.io(isJson), {
      principal,
      callId,
      credentialsOn: (surface) => http.credentials(request, surface),
    });
    await output.written();
    return await lines.end(200, { protocol, ok: true, callId, value: { code: code ?? 0 } });
  } catch (thrown) {
    const error = isQuaterError(thrown) ? thrown : internal(thrown);
    return await lines.end(http.statusOf(error), { protocol, ok: false, error: errorBodyOf(error, callId) });
  } finally {
    clearInterval(watch);
    lines.stop();
  }
};

/** Sends the outputs of a command to the caller in the order in which the command printed them. */
class Output {
  readonly #lines: Lines;
  readonly #stopping = new AbortController();
  #waiting = 0;
  #sending: Promise<void> = Promise.resolve();
  #failure: unknown;

  constructor(lines: Lines, left: AbortSignal) {
    this.#lines = lines;
    if (left.aborted) this.#stopping.abort();
    left.addEventListener("abort", () => this.#stopping.abort(), { once: true });
  }

  io(isJson: boolean): CommandIo {
    return {
      write: (text) => this.#print({ write: text }, text.length),
      show: (value) => void this.#print({ show: value }, 0),
      say: (text) => void this.#print({ say: text }, text.length),
      isTerminal: false,
      isJson,
      signal: this.#stopping.signal,
      ask: async () => undefined,
      readInput: async () => Buffer.alloc(0),
      pathOf: (file) => resolve(file),
      credentials: { surface: "cli", isLocal: false },
    };
  }

  /** Stops the running command with an error, such as the error for a revoked credential. */
  stop(error: unknown): void {
    this.#failure ??= error;
    this.#stopping.abort();
  }

  /** Waits until the client has received all outputs of the command. @throws {unknown} The error that was passed to `stop`. */
  async written(): Promise<void> {
    await this.#sending;
    if (this.#failure !== undefined) throw this.#failure;
  }

  #print(item: Printed, length: number): Promise<void> {
    if (this.#stopping.signal.aborted) return this.#sending;
    this.#waiting += length;
    if (this.#waiting > mostWaiting) this.stop(tooMuchUnread());
    else
      this.#sending = this.#sending.then(async () => {
        if (!(await this.#lines.send({ item }))) this.#stopping.abort();
        this.#waiting -= length;
      });
    return this.#sending;
  }
}

const unknownCommand = (command: string): QuaterError =>
  new QuaterError({
    code: "unknown_handler",
    kind: "not_found",
    message: `This server has no command ${JSON.stringify(cut(visible(command)))} for remote callers. Its manifest may lack the plugin`,
  });

/** Reads the body of an HTTP request for a command that reads. @throws {QuaterError} for a body that is not valid. */
const readBody = (bytes: Buffer): ReadBody => {
  const body = parseJsonBytes(bytes);
  if (!isPlainObject(body)) throw malformed("The body must be a JSON object");
  const { command, input, isJson } = body;
  if (body["protocol"] !== protocol)
    throw malformed(`This server speaks ${protocol}. Update the program quater on your computer, or the server`);
  if (typeof command !== "string" || !isPlainObject(input) || typeof isJson !== "boolean")
    throw malformed("The body must have the fields command, input and isJson");
  return { protocol, command, input, isJson };
};
