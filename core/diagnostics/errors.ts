// All errors of the kernel. Each error code is stable, belongs to exactly one kind, and is listed in docs/reference/errors.md.
// Each surface has one table that translates kinds into the codes of the surface, such as status codes. Surfaces never
// decide by error messages.

import { brand } from "./brand.ts";
import type { Asks } from "./reading.ts";
import { cut, visible } from "./text.ts";

/** The kinds of errors that callers must distinguish. A new kind does not compile until every surface translates the kind. */
export const errorKinds = [
  "invalid_input",
  "unauthenticated",
  "forbidden",
  "not_found",
  "conflict",
  "approval_required",
  "approval_refused",
  "too_large",
  "rate_limited",
  "unavailable",
  "outcome_unknown",
  "cancelled",
  "internal",
] as const;
export type ErrorKind = (typeof errorKinds)[number];

/** The general error codes with their kinds. The codes that handlers add with `problems` have one of the same kinds. */
export const errorCodes = {
  invalid_input: "invalid_input",
  unknown_field: "invalid_input",
  json_invalid: "invalid_input",
  json_bad_unicode: "invalid_input",
  json_duplicate_key: "invalid_input",
  json_forbidden_key: "invalid_input",
  json_number_lossy: "invalid_input",
  json_too_deep: "invalid_input",
  json_too_many_keys: "invalid_input",
  json_too_many_values: "invalid_input",
  json_string_too_long: "invalid_input",
  unauthenticated: "unauthenticated",
  invalid_token: "unauthenticated",
  forbidden: "forbidden",
  missing_scope: "forbidden",
  missing_role: "forbidden",
  not_found: "not_found",
  unknown_handler: "not_found",
  conflict: "conflict",
  too_large: "too_large",
  rate_limited: "rate_limited",
  unavailable: "unavailable",
  stopping: "unavailable",
  authenticator_failed: "unavailable",
  audit_unavailable: "unavailable",
  outcome_unknown: "outcome_unknown",
  outcome_unrecorded: "outcome_unknown",
  output_undelivered: "outcome_unknown",
  cancelled: "cancelled",
  internal: "internal",
  output_too_large: "internal",
  approval_required: "approval_required",
  approval_refused: "approval_refused",
} as const satisfies Record<string, ErrorKind>;
export type ErrorCode = keyof typeof errorCodes;

const codeForm = /^[a-z][a-z0-9_]*$/;

export const isCode = (value: unknown): boolean => typeof value === "string" && codeForm.test(value);

/** Checks that a general error code has its own kind, because callers act on error codes. @throws {TypeError} */
const checkCode = (code: string, kind: ErrorKind): void => {
  if (!isCode(code))
    throw new TypeError(`The error code ${JSON.stringify(code)} is not valid. Use a code such as order_not_paid`);
  const known = Object.hasOwn(errorCodes, code) ? errorCodes[code as ErrorCode] : kind;
  if (known !== kind)
    throw new TypeError(`The error code ${code} of Quater has the kind ${known}, not ${kind}. Choose another code`);
};

/** One fault of an input. `path` is a JSON Pointer (RFC 6901) into the input. The path "" means the whole input. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** The limits in characters: for a message, for a path and a message in `errors`, and for all of `errors` together. */
const most = { message: 1_000, path: 200, fieldMessage: 300, errors: 3_000 } as const;

/** Shortens a list of field errors, so that a large input does not cause a large error. The first field error always stays. */
const limited = (errors: readonly FieldError[]): readonly FieldError[] => {
  const kept: FieldError[] = [];
  let length = 0;
  for (const { path, message } of errors) {
    const one = { path: cut(visible(path), most.path), message: cut(message, most.fieldMessage) };
    length += one.path.length + one.message.length;
    if (kept.length > 0 && length > most.errors) break;
    kept.push(one);
  }
  return kept;
};

/** Returns a field error as a sentence: `/amountCents must be at least 1`, `the input must be an object`. */
export const fieldSentence = ({ path, message }: FieldError): string => `${path === "" ? "the input" : path} ${message}`;

export interface ErrorParts {
  /** The stable error code, such as `order_not_paid`. A general error code always has the same kind. */
  readonly code: string;
  readonly kind: ErrorKind;
  /** A sentence about the failure and the value that caused it. Any caller may read this message. Cut to 1,000 characters. */
  readonly message: string;
  /** The next step for the operator of the process. Quater never sends this hint to callers. */
  readonly hint?: string;
  /** The wrong fields of an input. Quater cuts this list to about 3,000 characters in total. */
  readonly errors?: readonly FieldError[];
  /** More information for programs, such as missing scopes or an approval's id and link. Any caller may read these details. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
  /** The policy or plugin that refused the call. Quater writes this name to the log and the trail, but never sends the name. */
  readonly refusedBy?: string;
  /** The headers and cookies that the surface's authenticator reads. Set when the authentication failed. */
  readonly asks?: Asks | undefined;
}

/** The class of errors that surfaces translate for callers. Use `isQuaterError`: another copy of Quater has another class. */
export class QuaterError extends Error {
  readonly [brand] = "error";
  readonly code: string;
  readonly kind: ErrorKind;
  readonly hint?: string;
  readonly errors?: readonly FieldError[];
  readonly details?: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds?: number;
  readonly refusedBy?: string;
  readonly asks?: Asks;

  /** @throws {TypeError} for a malformed error code, and for a general error code with a wrong kind. */
  constructor(parts: ErrorParts) {
    checkCode(parts.code, parts.kind);
    super(cut(parts.message, most.message), parts.cause === undefined ? undefined : { cause: parts.cause });
    this.name = "QuaterError";
    this.code = parts.code;
    this.kind = parts.kind;
    if (parts.hint !== undefined) this.hint = parts.hint;
    if (parts.errors !== undefined) this.errors = limited(parts.errors);
    if (parts.details !== undefined) this.details = parts.details;
    if (parts.retryAfterSeconds !== undefined) this.retryAfterSeconds = parts.retryAfterSeconds;
    if (parts.asks !== undefined) this.asks = parts.asks;
    if (parts.refusedBy !== undefined) this.refusedBy = parts.refusedBy;
  }
}

export const isQuaterError = (value: unknown): value is QuaterError =>
  value instanceof Error && (value as unknown as Record<symbol, unknown>)[brand] === "error";

/** Returns a copy of an error with more fields. A project may throw one error object in several calls. */
const copiedWith = (error: QuaterError, more: Pick<ErrorParts, "refusedBy" | "asks">): QuaterError => {
  const { code, kind, message, hint, errors, details, retryAfterSeconds, refusedBy, asks, cause, stack } = error;
  const parts = { code, kind, message, hint, errors, details, retryAfterSeconds, refusedBy, asks, cause, ...more };
  const given = Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined));
  const copy = new QuaterError(given as unknown as ErrorParts);
  if (stack !== undefined) copy.stack = stack;
  return copy;
};

/** Returns a copy of an error that names the policy or plugin that refused the call. */
export const refusedAs = (error: QuaterError, refusedBy: string): QuaterError =>
  error.refusedBy === undefined ? copiedWith(error, { refusedBy }) : error;

/** Returns a copy of a handler's own 401 with the headers that the authenticator reads (RFC 9110 15.5.2). */
export const askingFor = (error: QuaterError, asks: Asks): QuaterError =>
  error.kind === "unauthenticated" && error.asks === undefined ? copiedWith(error, { asks }) : error;

interface Choice {
  /** An error code that the handler lists in its `problems`, in place of the general code. */
  readonly code?: string;
}

const fail = (code: ErrorCode, message: string, more: Partial<ErrorParts> = {}): never => {
  throw new QuaterError({ code, kind: errorCodes[code], message, ...more });
};

// Errors that handlers throw. Each function throws the error itself, so that `(await find(id)) ?? notFound("order", id)` works.

/** Throws the error for a missing thing: `order "ord_7" was not found`. @throws {QuaterError} `not_found`. */
export const notFound = (what: string, id: string | number | bigint, choice: Choice = {}): never => {
  const shown = typeof id === "string" ? JSON.stringify(cut(visible(id))) : String(id);
  return fail("not_found", `${what} ${shown} was not found`, choice);
};

/** Throws the error for a valid input that the current state of the data does not allow. @throws {QuaterError} `conflict`. */
export const conflict = (message: string, choice: Choice = {}): never => fail("conflict", message, choice);

/**
 * Throws an error about one field of the input, for rules that a schema cannot express.
 * @param path  A JSON Pointer into the input, such as `/amountCents`, or "" for the whole input.
 * @throws {QuaterError} `invalid_input`.
 */
export const invalid = (path: string, message: string, choice: Choice = {}): never =>
  fail("invalid_input", summary([{ path, message }]), { errors: [{ path, message }], ...choice });

/** Refuses the call because the caller has no right to make the call. @throws {QuaterError} `forbidden`. */
export const forbidden = (message: string, choice: Choice = {}): never => fail("forbidden", message, choice);

/** Throws the error for a failure that changed nothing. Callers may repeat the call. @throws {QuaterError} `unavailable`. */
export const unavailable = (message: string, more: Choice & { readonly retryAfterSeconds?: number } = {}): never =>
  fail("unavailable", message, { retryAfterSeconds: 1, ...more });

/** Refuses a caller who makes too many calls. Throw this error before any change. @throws {QuaterError} `rate_limited`. */
export const rateLimited = (message: string, more: Choice & { readonly retryAfterSeconds?: number } = {}): never =>
  fail("rate_limited", message, { retryAfterSeconds: 1, ...more });

/** Throws the error for a change that may have taken effect. Callers must not repeat. @throws {QuaterError} `outcome_unknown`. */
export const outcomeUnknown = (message: string, choice: Choice = {}): never => fail("outcome_unknown", message, choice);

// Errors that the kernel and the surfaces make. The following functions return the error and do not throw the error.

const build = (code: ErrorCode, message: string, more: Partial<ErrorParts> = {}): QuaterError =>
  new QuaterError({ code, kind: errorCodes[code], message, ...more });

/** Returns the message for a list of field errors: the first field error in full, and the number of further field errors. */
const summary = (errors: readonly FieldError[]): string => {
  const [first] = limited(errors.slice(0, 1));
  if (first === undefined) return "the input does not match its schema";
  const others = errors.length === 1 ? "" : ` (and ${errors.length - 1} more)`;
  return `${fieldSentence(first)}${others}`;
};

export const inputInvalid = (errors: readonly FieldError[]): QuaterError => build("invalid_input", summary(errors), { errors });

/** Returns the error for undeclared fields. Quater refuses and never removes undeclared fields (threat T11). */
export const unknownField = (errors: readonly FieldError[]): QuaterError => build("unknown_field", summary(errors), { errors });

/** Returns the error for JSON text that strict JSON refuses, such as a repeated key. */
export const jsonRefused = (code: ErrorCode & `json_${string}`, path: string, message: string): QuaterError =>
  build(code, summary([{ path, message }]), { errors: [{ path, message }] });

/** Returns the error for a caller without a credential. @param asks  The headers and cookies that the authenticator reads. */
export const unauthenticated = (surface: string, asks?: Asks): QuaterError =>
  build("unauthenticated", `This call over ${surface} needs a credential`, { asks });

/** Returns the error for a credential that the authenticator does not accept. */
export const invalidToken = (asks?: Asks): QuaterError =>
  build(
    "invalid_token",
    "The credential is unknown, expired, revoked, or made for another service. Ask the operator of this service for a new credential",
    { asks },
  );

/** Returns the error for an authenticator that threw. Quater does not send the text of `cause`. */
export const authenticatorFailed = (surface: string, cause: unknown): QuaterError =>
  build("authenticator_failed", "The server cannot check credentials right now. Repeat the call later", {
    cause,
    hint: `The authenticator of ${surface} threw an error. This log line contains the error as its cause`,
    retryAfterSeconds: 1,
  });

/** Returns the error for a caller who lacks scopes. The error names all missing scopes. */
export const missingScope = (scopes: readonly string[]): QuaterError =>
  build("missing_scope", `This call needs a credential with the scope ${scopes.join(", ")}`, {
    details: { scopes },
    refusedBy: scopes.map((scope) => `can(${scope})`).join(" and "),
  });

/** Returns the error for a caller who lacks a role. */
export const missingRole = (role: string): QuaterError =>
  build("missing_role", `This call needs a credential with the role ${role}`, { refusedBy: `hasRole(${role})` });

/** Returns a policy's or `authorize` hook's refusal. @param by  The policy or plugin. @param reason  The text for the caller. */
export const notAllowed = (by: string, reason?: string): QuaterError =>
  build("forbidden", reason ?? "The caller is not allowed to make this call", { refusedBy: by });

/** Returns the error for a refusing `approve` hook. @param by  The plugin. @param reason  The text for the caller. */
export const approvalRefused = (by: string, reason?: string): QuaterError =>
  build("approval_refused", reason ?? "This call was not approved, so it did not run", { refusedBy: by });

/** Returns the error for unknown and for unexposed handlers. The error is the same, so callers cannot find unexposed handlers. */
export const unknownHandler = (name: string, surface: string): QuaterError =>
  build("unknown_handler", `No handler named ${JSON.stringify(cut(visible(name)))} is exposed over ${surface}`);

/** Returns the error for an input that exceeds a size limit: `The body is larger than 1 MiB`. */
export const tooLarge = (what: string, limit: string): QuaterError => build("too_large", `${what} is larger than ${limit}`);

export const stopping = () => build("stopping", "The server is stopping. Repeat the call later", { retryAfterSeconds: 1 });

/** Returns the error for a call whose caller cancelled the call or left. */
export const cancelled = (): QuaterError => build("cancelled", "The caller cancelled the call");

/** Returns the error for calls that were still running when the process had to end. */
export const cutOff = (): QuaterError =>
  build("outcome_unknown", "The server stopped before this call had ended. The call may have taken effect, so do not repeat it");

/** Returns the error for a credential revoked during a write. Callers repeat a call after a 401, so this error is no 401. */
export const refusedMidway = ({ cause }: QuaterError): QuaterError =>
  build(
    "outcome_unknown",
    "The credential became invalid while the call ran, so the server stopped the call. The call may have taken effect, so do not repeat it",
    { cause },
  );

/** Returns the error for a call that ran, but whose end Quater could not write to the trail. */
export const outcomeUnrecorded = (cause: unknown): QuaterError =>
  build("outcome_unrecorded", "The call ran, but the server could not record how it ended. Do not repeat the call", { cause });

export const outputTooLarge = (handler: string, maxBytes: number): QuaterError =>
  build("output_too_large", `The output of ${handler} is larger than ${maxBytes} bytes. Request less data in one call`, {
    hint: "Return one page of the result per call, declare output: stream(...), or raise maxOutputBytes in the manifest",
  });

/** Returns the error for a large dropped answer. Callers may repeat reads. For writes, `output_undelivered` has this cause. */
export const tooMuchUnread = (): QuaterError =>
  build("rate_limited", "The server dropped this response. First read the earlier large responses, then repeat the call", {
    retryAfterSeconds: 1,
  });

/** Returns the error for a write that ran, but whose value Quater cannot send. The caller must not repeat the call. */
export const outputUndelivered = (handler: string, cause: QuaterError): QuaterError =>
  build("output_undelivered", `${handler} finished, but its output ${reasonUnsent(cause)}. Do not repeat the call`, {
    cause,
    ...(cause.hint === undefined ? {} : { hint: cause.hint }),
  });

/** Returns the error for a stream item that Quater cannot send. Quater stopped the handler before the handler ended. */
export const itemUndelivered = (handler: string, cause: QuaterError): QuaterError =>
  build(
    "outcome_unknown",
    `${handler} was stopped, because an item of its output ${reasonUnsent(cause)}. The call may have taken effect, so do not repeat it`,
    { cause, ...(cause.hint === undefined ? {} : { hint: cause.hint }) },
  );

const reasonUnsent = ({ code }: QuaterError): string => {
  if (code === "output_too_large") return "is too large to be sent";
  if (code === "rate_limited") return "could not be sent, because the client has not read earlier large responses";
  return "does not match the output schema and could not be sent";
};

/** Returns the error for a write that ran and then failed, as in its commit. The code of `error` might say "repeat": not sent. */
export const failedAfterwards = (handler: string, error: QuaterError): QuaterError =>
  build(
    "outcome_unknown",
    `${handler} finished, but the call failed after that. The call may have taken effect, so do not repeat it`,
    {
      cause: error.kind === "internal" ? error.cause : error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    },
  );

/** Returns the error that callers get in place of an error that is not a QuaterError. Quater never sends the text of `cause`. */
export const internal = (cause: unknown): QuaterError =>
  build("internal", "The call failed because of an error inside the server", {
    cause: cause ?? new Error(`The code threw ${String(cause)}, which is not an Error. Throw an Error`),
  });
