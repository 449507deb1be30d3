// Answers the requests for MCP resources and prompts. If a client reads a resource or gets a prompt, Quater calls a handler. Such
// a call goes through the gate like a tool call.

import { outputTooLarge, tooMuchUnread } from "../../../core/diagnostics/errors.ts";
import { isQuaterError, type QuaterError } from "../../../core/index.ts";
import {
  type Awaitable,
  type Gate,
  type GivenInput,
  type Operation,
  type Outcome,
  traceIdOf,
  unknownHandler,
} from "../../../core/plugin-api.ts";
import { SentFile } from "../../../core/schema/file-answer.ts";
import { challengeIn, isReachable } from "../authorization/resource-server.ts";
import type { List } from "../offers/lists.ts";
import type { Prompts } from "../offers/prompts.ts";
import type { FoundResource, Resources } from "../offers/resources.ts";
import type { Answer } from "../protocol/answers.ts";
import { invalidParams, type Results } from "../protocol/answers.ts";
import { errorMessage, type Request, rpcCodes } from "../protocol/messages.ts";
import type { Caller } from "./caller.ts";
import { bodyOf, promptResult } from "./content.ts";
import { errorDataOf, rpcCodeOf } from "./outcome.ts";
import { Progress } from "./progress.ts";
import { readMeta } from "./tool-call.ts";

export interface ReaderParts {
  readonly gate: Gate;
  readonly resources: Resources;
  readonly prompts: Prompts;
  readonly results: Results;
  readonly maxOutputBytes: number;
}

/** A request for an MCP resource or a prompt. */
interface Reading {
  readonly request: Request;
  readonly caller: Caller;
  /** The handler that the request calls; `undefined` if no resource or prompt has the requested URI or name. */
  readonly operation: Operation | undefined;
  readonly given: GivenInput;
  /** Returns the MCP result as JSON text, from the value of the handler. */
  readonly result: (value: unknown, callId: string) => Awaitable<string>;
  /** The JSON-RPC error for a resource or prompt that does not exist. */
  readonly unknown: { readonly message: string; readonly code: number; readonly uri?: string };
}

export class Reader {
  readonly #parts: ReaderParts;

  constructor(parts: ReaderParts) {
    this.#parts = parts;
  }

  /**
   * Returns the answer to a request, or `undefined` if the app offers no resources, prompts or completion for the method of the
   * request.
   */
  answer(request: Request, caller: Caller): Awaitable<Answer> | undefined {
    const { resources, prompts } = this.#parts;
    const { method } = request;
    if (!resources.isEmpty) {
      if (method === "resources/list") return this.#list(request, caller, resources.list);
      if (method === "resources/templates/list") return this.#list(request, caller, resources.templates);
      if (method === "resources/read") return this.#readResource(request, caller);
    }
    if (!prompts.isEmpty) {
      if (method === "prompts/list") return this.#list(request, caller, prompts.list);
      if (method === "prompts/get") return this.#getPrompt(request, caller);
    }
    return undefined;
  }

  #list({ id, params }: Request, { principal, era, authorization }: Caller, list: List): Answer {
    const page = list.page(principal, params["cursor"], authorization);
    return page === undefined ? invalidParams(id, unknownCursor) : { body: this.#parts.results.list(era, id, page) };
  }

  #readResource(request: Request, caller: Caller): Awaitable<Answer> {
    const { uri } = request.params;
    if (typeof uri !== "string") return invalidParams(request.id, 'The params of resources/read must have "uri", a text');
    const found = this.#parts.resources.find(uri);
    return this.#read({
      request,
      caller,
      operation: found?.operation,
      given: { from: "URI", isText: true, values: found?.values },
      result: (value, callId) => this.#contents(found as FoundResource, uri, value, callId, caller),
      unknown: {
        message: "No resource has this URI",
        code: caller.era === "2025" ? rpcCodes.resourceNotFound : rpcCodes.invalidParams,
        uri,
      },
    });
  }

  #getPrompt(request: Request, caller: Caller): Awaitable<Answer> {
    const { name, arguments: values = {} } = request.params;
    if (typeof name !== "string")
      return invalidParams(request.id, 'The params of prompts/get must have "name", the name of a prompt');
    if (!areTexts(values)) return invalidParams(request.id, '"arguments" must be an object of texts');
    const operation = this.#parts.prompts.find(name);
    return this.#read({
      request,
      caller,
      operation,
      given: { from: "arguments", isText: true, values },
      result: (value, callId) => promptResult(operation as Operation, value, callId),
      unknown: { message: "No prompt has this name", code: rpcCodes.invalidParams },
    });
  }

  async #read({ request, caller, operation, given, result, unknown }: Reading): Promise<Answer> {
    const { id, method, params } = request;
    const { principal, entry, callId, cancellation, peer, room, era } = caller;
    const meta = readMeta(params);
    if (typeof meta === "string") return invalidParams(id, meta);
    const { dryRun, progressToken, traceparent } = meta;
    const progress = progressToken === undefined ? undefined : new Progress(caller.notifier, progressToken);
    const outcome = await this.#parts.gate.invoke({
      // The gate also gets requests for unknown resources and prompts, so that audit records the refusal.
      handler: operation?.name ?? "",
      surface: "mcp",
      principal,
      entry,
      given: [given],
      callId,
      cancellation,
      dryRun,
      progress: progress?.report,
      peer,
      traceId: traceIdOf(traceparent) ?? caller.traceId,
      room,
    });
    if (operation !== undefined && !dryRun) caller.ended?.(operation, outcome);
    const ended = await this.#result(outcome, dryRun ? forecastOf(method) : result);
    progress?.end();
    if (typeof ended === "string") {
      const { results } = this.#parts;
      return { body: method === "resources/read" ? results.content(era, id, ended) : results.result(era, id, ended) };
    }
    const { uri } = unknown;
    const more = uri === undefined ? {} : { uri };
    // If the static part of the handler's policy refuses the principal even with more scopes, the principal must not learn that
    // the handler exists.
    if (operation === undefined || !isReachable(operation, principal)) {
      const { code } = unknownHandler("", "mcp");
      return { body: errorMessage(id, unknown.code, unknown.message, { code, callId, errors: [], ...more }) };
    }
    const code = ended.kind === "not_found" ? unknown.code : rpcCodeOf(ended);
    const body = errorMessage(id, code, ended.message, { ...errorDataOf(ended, callId), ...more });
    return { body, challenge: challengeIn(ended, principal, caller.authorization) };
  }

  async #result(outcome: Outcome, result: Reading["result"]): Promise<string | QuaterError> {
    if (!outcome.ok) return outcome.error;
    try {
      return await result(outcome.value, outcome.callId);
    } catch (error) {
      if (isQuaterError(error)) return error;
      throw error;
    }
  }

  async #contents(
    { operation, mimeType }: FoundResource,
    uri: string,
    value: unknown,
    callId: string,
    { room }: Caller,
  ): Promise<string> {
    const content =
      value instanceof SentFile ? await this.#file(operation, value, room) : { mimeType, text: textOf(value, mimeType) };
    return JSON.stringify({ _meta: { "quater/callId": callId }, contents: [{ uri, ...content }] });
  }

  async #file({ name }: Operation, file: SentFile, room: Caller["room"]) {
    const { maxOutputBytes } = this.#parts;
    const { mediaType: mimeType, bytes } = file;
    if (bytes > maxOutputBytes) throw outputTooLarge(name, maxOutputBytes);
    if (!room.reserve(3 * bytes)) throw tooMuchUnread(); // Memory for the bytes, their text, and the text of the answer.
    const parts: Buffer[] = [];
    for await (const part of file.stream()) parts.push(part as Buffer);
    return bodyOf(mimeType, Buffer.concat(parts));
  }
}

export const unknownCursor = "This list has no page with this cursor. Begin again without a cursor";

/** Returns a function that writes the result of a dry run, which has no content. */
const forecastOf = (method: string) => (value: unknown, callId: string) =>
  JSON.stringify({
    _meta: { "quater/callId": callId, "quater/dryRun": value },
    [method === "resources/read" ? "contents" : "messages"]: [],
  });

const areTexts = (values: unknown): values is Readonly<Record<string, string>> =>
  values !== null &&
  typeof values === "object" &&
  !Array.isArray(values) &&
  Object.values(values).every((value) => typeof value === "string");

/** Returns the text of a text output unchanged, and other values as JSON text. */
const textOf = (value: unknown, mimeType: string | undefined): string =>
  typeof value === "string" && mimeType !== "application/json" ? value : (JSON.stringify(value) ?? "null");
