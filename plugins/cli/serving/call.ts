// The endpoint `POST /__quater__/actions/call`, which runs an action for a remote caller through the gate.

import { isQuaterError } from "../../../core/index.ts";
import { isApprovalId } from "../../../core/plugin/gate.ts";
import { type Catalog, parseJsonBytes } from "../../../core/plugin-api.ts";
import { fileFieldsOf } from "../../../core/schema/file.ts";
import { SentFile } from "../../../core/schema/file-answer.ts";
import { isPlainObject } from "../../../core/schema/schema.ts";
import type { WebReply, WebRequest } from "../../offered.ts";
import { Lines } from "./lines.ts";
import { type CallBody, type Envelope, type Part, protocol, sources } from "./protocol.ts";
import { accounted, answering, bodyIn, checkRight, type Endpoints, entered, errorBodyOf, malformed } from "./refusing.ts";

export interface CallEndpoint extends Endpoints {
  readonly catalog: Catalog;
  readonly heartbeatMs: number;
}

export const callEndpoint = (parts: CallEndpoint) => answering(parts, "POST", (request) => call(parts, request));

const call = async (parts: CallEndpoint, request: WebRequest): Promise<WebReply | undefined> => {
  const { http, gate, catalog } = parts;
  const caller = await entered(parts, request);
  const { entry, enteredAt } = caller;
  checkRight(parts, caller, "run", "run");
  const body = await bodyIn(parts, caller, request, "run");
  // A key may have been revoked while the body arrived.
  const principal = await gate.enterAgain(entry, caller.principal, enteredAt);
  const again = { ...caller, principal };
  checkRight(parts, again, "run", "run");
  const { action, parts: given, dryRun = false, approvalId } = await accounted(parts, again, "run", () => readCall(body));
  const operation = catalog.get(action);
  const hasFile =
    operation !== undefined && fileFieldsOf(operation.input).some(({ name }) => given.some(({ values }) => name in values));
  // The gate calls `read` after it has checked the caller's rights, so no caller can find a hidden handler by this refusal.
  const read = () => {
    if (hasFile) throw malformed("Files cannot be sent to a remote. Call the handler over HTTP, or run the action on the server");
    return given;
  };
  const { callId } = request;
  const lines = new Lines(request, http, parts.heartbeatMs);
  try {
    const outcome = await gate.invoke({
      handler: action,
      surface: "cli",
      principal,
      entry: { ...entry, ...(operation === undefined ? {} : { handler: action }) },
      given: read,
      callId,
      traceId: entry.traceId,
      peer: entry.credentials.peer,
      cancellation: http.cancellation(request),
      dryRun,
      progress: (fraction, message) => lines.offer({ progress: { fraction, ...(message === undefined ? {} : { message }) } }),
      room: http.room(request, "answer"),
      ...(approvalId === undefined ? {} : { approvalId }),
    });
    if (operation !== undefined && !dryRun) http.noteRun(request, operation, outcome);
    if (!outcome.ok) {
      const { retryAfterSeconds } = outcome.error;
      const later = retryAfterSeconds === undefined ? [] : ["retry-after", String(retryAfterSeconds)];
      return await lines.end(http.statusOf(outcome.error), failure(outcome.error, callId), later);
    }
    const { value } = outcome;
    if (value instanceof SentFile) {
      for await (const part of value.stream())
        if (!(await lines.send({ bytes: (part as Buffer).toString("base64") }))) return undefined;
      return await lines.end(200, success(callId));
    }
    if (!isStreamed(value)) return await lines.end(200, success(callId, value));
    return await sendItems(value, lines, callId);
  } finally {
    lines.stop();
  }
};

const sendItems = async (items: AsyncIterable<unknown>, lines: Lines, callId: string): Promise<WebReply | undefined> => {
  try {
    for await (const item of items) if (!(await lines.send({ item }))) return undefined;
    return await lines.end(200, success(callId));
  } catch (error) {
    // A stream of the gate throws only QuaterErrors, because the gate converts all other errors.
    if (!isQuaterError(error)) throw error;
    return lines.end(200, failure(error, callId));
  }
};

const success = (callId: string, value?: unknown): Envelope => ({
  protocol,
  ok: true,
  callId,
  ...(value === undefined ? {} : { value }),
});

const failure = (error: Parameters<typeof errorBodyOf>[0], callId: string): Envelope => ({
  protocol,
  ok: false,
  error: errorBodyOf(error, callId),
});

const isStreamed = (value: unknown): value is AsyncIterable<unknown> =>
  value !== null && typeof value === "object" && Symbol.asyncIterator in value;

/** The number of levels of `{ parts: [{ values: ... }] }` around the input of a call. */
const levelsAround = 3;

const fields = new Set(["protocol", "action", "parts", "dryRun", "approvalId"]);

/** Reads the body of a call. @throws {QuaterError} for a body that is not valid. */
const readCall = (bytes: Buffer): CallBody => {
  const body = parseJsonBytes(bytes, levelsAround);
  if (!isPlainObject(body)) throw malformed("The body must be a JSON object");
  const { action, parts, dryRun, approvalId } = body;
  if (body["protocol"] !== protocol)
    throw malformed(`This server speaks ${protocol}. Update the program quater on your computer, or the server`);
  const unknown = Object.keys(body).find((name) => !fields.has(name));
  if (unknown !== undefined) throw malformed("The body has an unknown field");
  if (typeof action !== "string") throw malformed("The body has no action");
  if (!Array.isArray(parts) || parts.length > 8 || !parts.every(isPart))
    throw malformed("The field parts of the body is not valid");
  if (dryRun !== undefined && typeof dryRun !== "boolean") throw malformed("The field dryRun of the body must be true or false");
  if (approvalId !== undefined && !isApprovalId(approvalId)) throw malformed("The field approvalId of the body is not valid");
  return {
    protocol,
    action,
    parts,
    ...(dryRun === undefined ? {} : { dryRun }),
    ...(approvalId === undefined ? {} : { approvalId }),
  };
};

export const isPart = (part: unknown): part is Part =>
  isPlainObject(part) &&
  Object.keys(part).length === 3 &&
  (sources as readonly unknown[]).includes(part["from"]) &&
  typeof part["isText"] === "boolean" &&
  isPlainObject(part["values"]) &&
  (!part["isText"] || Object.values(part["values"]).every(isText));

const isText = (value: unknown): boolean =>
  typeof value === "string" || (Array.isArray(value) && value.every((each) => typeof each === "string"));
