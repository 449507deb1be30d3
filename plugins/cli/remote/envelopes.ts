// Reads the answers of a remote. This file checks everything in an answer, because a remote may be hostile or may run an old
// version of Quater.

import { isCode } from "../../../core/diagnostics/errors.ts";
import { QuaterError } from "../../../core/index.ts";
import { isApprovalId } from "../../../core/plugin/gate.ts";
import { type ErrorKind, errorCodes, errorKinds, type FieldError } from "../../../core/plugin-api.ts";
import { isPlainObject, type JsonSchema } from "../../../core/schema/schema.ts";
import { type Envelope, type Line, type Login, protocol } from "../serving/protocol.ts";
import { Distrusted, quoted, strangeAnswer, unreachable } from "./distrust.ts";
import type { Answer } from "./requests.ts";

/**
 * The deepest nesting of a remote's answer, in levels. Deeper values could overflow the stack. No handler's result is so deep.
 */
const mostLevels = 1_100;

/**
 * Parses one JSON text in a remote's answer.
 *
 * @throws {Distrusted} for a text that is not a JSON object or has too many levels.
 */
export const parsed = (name: string, text: string): JsonSchema => {
  let value: unknown;
  try {
    value = JSON.parse(text);
  } catch {
    throw strangeAnswer(name, "answered with text that is not JSON");
  }
  if (!isPlainObject(value)) throw strangeAnswer(name, "answered with JSON that is not an object");
  if (isTooDeep(value)) throw strangeAnswer(name, "answered with JSON that is nested too deep");
  return value;
};

const isTooDeep = (value: object): boolean => {
  let level: readonly object[] = [value];
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > mostLevels) return true;
    level = level.flatMap((each) => Object.values(each).filter((inner) => inner !== null && typeof inner === "object"));
  }
  return false;
};

export interface Failure {
  readonly error: QuaterError;
  readonly callId: string;
  readonly login?: Login | undefined;
}

/** Reads the envelope in a remote's answer. @throws {Distrusted} for an object that is not an envelope of `quater-actions.v2`. */
export const envelopeOf = (
  name: string,
  value: JsonSchema,
): Extract<Envelope, { ok: true }> | (Failure & { readonly ok: false }) => {
  if (value["protocol"] !== protocol) throw otherProtocol(name, value["protocol"]);
  if (value["ok"] === true) return { ...value, protocol, ok: true, callId: idOf(value["callId"]) };
  const error = value["ok"] === false ? errorOf(value["error"]) : undefined;
  if (error === undefined) throw strangeAnswer(name, `answered with JSON that is not an answer of ${protocol}`);
  return { ok: false, ...error, login: loginOf(value["login"]) };
};

export const otherProtocol = (name: string, spoken: unknown): Error =>
  typeof spoken === "string"
    ? new Distrusted(
        `The remote ${name} speaks ${quoted(spoken)}, but this program speaks ${protocol}. Update the program or the server`,
      )
    : strangeAnswer(name, `answered with JSON that is not an answer of ${protocol}`);

/**
 * Returns the call id in an answer; an empty text for a value that is not a call id. People copy the call id from the output of the
 * program.
 */
const idOf = (value: unknown): string => (typeof value === "string" && /^[0-9a-f-]{1,40}$/.test(value) ? value : "");

/** Makes the error in a remote's answer, so that the program prints the error like the error of a call in this process. */
const errorOf = (body: unknown): Omit<Failure, "login"> | undefined => {
  if (!isPlainObject(body)) return undefined;
  const { code, kind, message, errors, details, retryAfterSeconds, callId } = body;
  if (!isCode(code) || !isKind(kind) || typeof message !== "string" || !hasItsKind(String(code), kind)) return undefined;
  if (details !== undefined && !isPlainObject(details)) return undefined;
  if (retryAfterSeconds !== undefined && typeof retryAfterSeconds !== "number") return undefined;
  if (errors !== undefined && !(Array.isArray(errors) && errors.every(isFieldError))) return undefined;
  const approval = details?.["approval"];
  if (kind === "approval_required" && isPlainObject(approval) && !isApproval(approval)) return undefined;
  const error = new QuaterError({
    code: String(code),
    kind,
    message,
    ...(errors === undefined ? {} : { errors: errors as readonly FieldError[] }),
    ...(details === undefined ? {} : { details }),
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });
  return { error, callId: idOf(callId) };
};

const isKind = (kind: unknown): kind is ErrorKind => (errorKinds as readonly unknown[]).includes(kind);

const hasItsKind = (code: string, kind: ErrorKind): boolean =>
  !Object.hasOwn(errorCodes, code) || errorCodes[code as keyof typeof errorCodes] === kind;

const isFieldError = (error: unknown): boolean =>
  isPlainObject(error) && typeof error["path"] === "string" && typeof error["message"] === "string";

/** Checks the id and the link of an approval request, because people paste the id into commands and open the link. */
const isApproval = ({ id, url, expiresAt }: JsonSchema): boolean =>
  isApprovalId(id) &&
  (url === undefined || (typeof url === "string" && URL.canParse(url) && /^https?:$/.test(new URL(url).protocol))) &&
  (expiresAt === undefined || (typeof expiresAt === "string" && !Number.isNaN(Date.parse(expiresAt))));

const loginOf = (value: unknown): Login | undefined => {
  if (!isPlainObject(value)) return undefined;
  const { issuer, clientId, scopes } = value;
  if (typeof issuer !== "string" || typeof clientId !== "string" || !Array.isArray(scopes)) return undefined;
  return scopes.every((scope) => typeof scope === "string") ? { issuer, clientId, scopes: scopes as string[] } : undefined;
};

/** Reads one line of a remote's answer; `undefined` for the last line, an envelope. @throws {Distrusted} for an unknown line. */
export const lineOf = (name: string, value: JsonSchema): Line | undefined => {
  const { progress, bytes } = value;
  if ("item" in value) return { item: value["item"] };
  if (typeof bytes === "string") return { bytes };
  if (!isPlainObject(progress)) {
    if ("protocol" in value) return undefined;
    throw strangeAnswer(name, "answered with a line that this program does not know");
  }
  const { fraction, message } = progress;
  if (typeof fraction !== "number" || (message !== undefined && typeof message !== "string"))
    throw strangeAnswer(name, "answered with a line that this program does not know");
  return { progress: { fraction, ...(message === undefined ? {} : { message }) } };
};

/**
 * Reads a remote's answer that is one JSON text.
 *
 * @throws {Distrusted} for an answer that no server of Quater sends.
 * @throws {QuaterError} if the server, or a proxy in front of the server, cannot answer now.
 */
export const bodyOf = async (name: string, answer: Answer): Promise<JsonSchema> => {
  if (answer.type === "application/json") {
    let text = "";
    for await (const line of answer.lines()) text += line;
    return parsed(name, text);
  }
  throw await refusedBefore(name, answer);
};

/** Returns the error for an answer that no endpoint of the protocol sent: the HTTP server or a proxy refused the HTTP request. */
export const refusedBefore = async (name: string, answer: Answer): Promise<Error> => {
  const { status, type } = answer;
  const detail = type === "application/problem+json" ? await problemIn(name, answer) : undefined;
  answer.close();
  const said = detail === undefined ? "" : `: ${detail}`;
  if (status >= 500) return unreachable(name, `it answered with the HTTP status ${status}${said}`);
  if (status === 404) return strangeAnswer(name, `has no ${protocol}. Its manifest needs cli({ remote: { authenticate: ... } })`);
  return strangeAnswer(name, `answered with the HTTP status ${status}${said}`);
};

const problemIn = async (name: string, answer: Answer): Promise<string | undefined> => {
  let text = "";
  for await (const line of answer.lines()) text += line;
  const { detail } = parsed(name, text);
  return typeof detail === "string" ? detail : undefined;
};
