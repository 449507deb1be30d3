// All errors of the kernel on one page. Each code is stable, belongs to exactly one kind, and is listed in docs/reference/errors.md.
// Each surface has one table from kinds to its own language. Surfaces never read messages.

import { brand } from "./brand.ts";
import type { Asks } from "./reading.ts";
import { cut, visible } from "./text.ts";

/** The kinds of failure that callers must tell apart. A new kind does not compile until every surface has an answer for it. */
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

/** The general codes. The codes that handlers add with `problems` have one of the same kinds. */
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

/** Callers and surfaces act on codes, so a code must have one meaning. @throws {TypeError} */
const checkCode = (code: string, kind: ErrorKind): void => {
  if (!isCode(code)) throw new TypeError(`${JSON.stringify(code)} is no code for an error: write it like order_not_paid`);
  const known = Object.hasOwn(errorCodes, code) ? errorCodes[code as ErrorCode] : kind;
  if (known !== kind)
    throw new TypeError(`The code ${code} is a general one, of the kind ${known} and not ${kind}: take a code of your own`);
};

/** One fault of an input. `path` is a JSON Pointer (RFC 6901) into the input; "" is the whole input. */
export interface FieldError {
  readonly path: string;
  readonly message: string;
}

/** Limits in characters: for a message, for a path and a message in `errors`, and for all of `errors` together. */
const most = { message: 1_000, path: 200, fieldMessage: 300, errors: 3_000 } as const;

/**
 * Limits how much of an input is repeated in an error: 15 kB of input must not come back as 15 kB of error. The first error always
 * stays.
 */
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

/** `/amountCents must be at least 1`, `the input must be an object`. */
export const fieldSentence = ({ path, message }: FieldError): string => `${path === "" ? "the input" : path} ${message}`;

export interface ErrorParts {
  /** Stable and greppable, like `order_not_paid`. A general code keeps its kind. */
  readonly code: string;
  readonly kind: ErrorKind;
  /** What failed and the value met; safe to send to any caller. Cut to 1,000 characters. */
  readonly message: string;
  /** The next step for the operator of the process. Never sent to callers. */
  readonly hint?: string;
  /** Cut to about 3,000 characters. */
  readonly errors?: readonly FieldError[];
  /** More for machines, safe to send: missing scopes, an approval's id and link. */
  readonly details?: Readonly<Record<string, unknown>>;
  readonly retryAfterSeconds?: number;
  readonly cause?: unknown;
  /** The policy or plugin that refused the call. For the log and the trail; never sent. */
  readonly refusedBy?: string;
  /** For a refusal at a door: which headers and cookies the door reads. */
  readonly asks?: Asks | undefined;
}

/** The one error class that surfaces translate. Use `isQuaterError` and not `instanceof`: brand.ts says why. */
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

  /** @throws {TypeError} for a malformed code, and for a general code with a wrong kind. */
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

/** Copies an error and adds fields. A copy, because a project may throw one error object in several calls. */
const copiedWith = (error: QuaterError, more: Pick<ErrorParts, "refusedBy" | "asks">): QuaterError => {
  const { code, kind, message, hint, errors, details, retryAfterSeconds, refusedBy, asks, cause, stack } = error;
  const parts = { code, kind, message, hint, errors, details, retryAfterSeconds, refusedBy, asks, cause, ...more };
  const given = Object.fromEntries(Object.entries(parts).filter(([, value]) => value !== undefined));
  const copy = new QuaterError(given as unknown as ErrorParts);
  if (stack !== undefined) copy.stack = stack;
  return copy;
};

/** Adds which policy or plugin refused. */
export const refusedAs = (error: QuaterError, refusedBy: string): QuaterError =>
  error.refusedBy === undefined ? copiedWith(error, { refusedBy }) : error;

/** Adds to a handler's own 401 what the surface's authenticator reads: RFC 9110 15.5.2 wants it in WWW-Authenticate. */
export const askingFor = (error: QuaterError, asks: Asks): QuaterError =>
  error.kind === "unauthenticated" && error.asks === undefined ? copiedWith(error, { asks }) : error;

interface Choice {
  /** A code of the handler's own, listed in its `problems`. */
  readonly code?: string;
}

const fail = (code: ErrorCode, message: string, more: Partial<ErrorParts> = {}): never => {
  throw new QuaterError({ code, kind: errorCodes[code], message, ...more });
};

// Errors that handlers throw. These functions throw by themselves, so that `(await find(id)) ?? notFound("order", id)` works.

/** @throws {QuaterError} `not_found`: `order "ord_7" was not found`, `invoice 7 was not found`. */
export const notFound = (what: string, id: string | number | bigint, choice: Choice = {}): never => {
  const shown = typeof id === "string" ? JSON.stringify(cut(visible(id))) : String(id);
  return fail("not_found", `${what} ${shown} was not found`, choice);
};

/** @throws {QuaterError} `conflict`: the input is valid, but the current state does not allow the call. */
export const conflict = (message: string, choice: Choice = {}): never => fail("conflict", message, choice);

/**
 * @param path  JSON Pointer into the input, `/amountCents`, or "" for the whole.
 * @throws {QuaterError} `invalid_input`, for rules that a schema cannot say.
 */
export const invalid = (path: string, message: string, choice: Choice = {}): never =>
  fail("invalid_input", summary([{ path, message }]), { errors: [{ path, message }], ...choice });

/** @throws {QuaterError} `forbidden`. */
export const forbidden = (message: string, choice: Choice = {}): never => fail("forbidden", message, choice);

/** @throws {QuaterError} `unavailable`: nothing happened, the caller may repeat the call later. */
export const unavailable = (message: string, more: Choice & { readonly retryAfterSeconds?: number } = {}): never =>
  fail("unavailable", message, { retryAfterSeconds: 1, ...more });

/** @throws {QuaterError} `rate_limited`: nothing happened, the caller sends too many calls. */
export const rateLimited = (message: string, more: Choice & { readonly retryAfterSeconds?: number } = {}): never =>
  fail("rate_limited", message, { retryAfterSeconds: 1, ...more });

/** @throws {QuaterError} `outcome_unknown`: something may have happened, the caller must not repeat the call. */
export const outcomeUnknown = (message: string, choice: Choice = {}): never => fail("outcome_unknown", message, choice);

// Errors that the kernel and the surfaces make. These functions return the error.

const build = (code: ErrorCode, message: string, more: Partial<ErrorParts> = {}): QuaterError =>
  new QuaterError({ code, kind: errorCodes[code], message, ...more });

/** The message for a list of field errors: the first error in full, and the number of the others. */
const summary = (errors: readonly FieldError[]): string => {
  const [first] = limited(errors.slice(0, 1));
  if (first === undefined) return "the input does not match its schema";
  const others = errors.length === 1 ? "" : ` (and ${errors.length - 1} more)`;
  return `${fieldSentence(first)}${others}`;
};

export const inputInvalid = (errors: readonly FieldError[]): QuaterError => build("invalid_input", summary(errors), { errors });

/** Threat T11: unknown fields are refused, not removed. */
export const unknownField = (errors: readonly FieldError[]): QuaterError => build("unknown_field", summary(errors), { errors });

export const jsonRefused = (code: ErrorCode & `json_${string}`, path: string, message: string): QuaterError =>
  build(code, summary([{ path, message }]), { errors: [{ path, message }] });

export const unauthenticated = (surface: string, asks?: Asks): QuaterError =>
  build("unauthenticated", `A credential is needed to call this over ${surface}`, { asks });

export const invalidToken = (asks?: Asks): QuaterError =>
  build(
    "invalid_token",
    "The credential is unknown, expired or revoked, or not for this service; ask the operator of the service for another one",
    { asks },
  );

export const authenticatorFailed = (surface: string, cause: unknown): QuaterError =>
  build("authenticator_failed", "Credentials cannot be checked right now", {
    cause,
    hint: `The authenticator of ${surface} failed`,
    retryAfterSeconds: 1,
  });

export const missingScope = (scopes: readonly string[]): QuaterError =>
  build("missing_scope", `The scope ${scopes.join(", ")} is needed`, {
    details: { scopes },
    refusedBy: scopes.map((scope) => `can(${scope})`).join(" and "),
  });

export const missingRole = (role: string): QuaterError =>
  build("missing_role", `The role ${role} is needed`, { refusedBy: `hasRole(${role})` });

export const notAllowed = (by: string, reason?: string): QuaterError =>
  build("forbidden", reason ?? "This call is not allowed", { refusedBy: by });

export const approvalRefused = (by: string, reason?: string): QuaterError =>
  build("approval_refused", reason ?? "This call was not approved", { refusedBy: by });

/** The answer is the same for unknown and for unexposed handlers, so callers cannot find out what exists elsewhere. */
export const unknownHandler = (name: string, surface: string): QuaterError =>
  build("unknown_handler", `No handler named ${JSON.stringify(cut(visible(name)))} is exposed over ${surface}`);

export const tooLarge = (what: string, limit: string): QuaterError => build("too_large", `${what} is larger than ${limit}`);

export const stopping = (): QuaterError => build("stopping", "The server is stopping", { retryAfterSeconds: 1 });

export const cancelled = (): QuaterError => build("cancelled", "The caller cancelled the call");

/** For calls that still ran when the process had to end. */
export const cutOff = (): QuaterError =>
  build("outcome_unknown", "The server stopped before the call had ended; it may have taken effect, do not repeat it");

/** The credential was revoked after the handler began to write. Not a 401: its caller would repeat the call with another credential. */
export const refusedMidway = ({ cause }: QuaterError): QuaterError =>
  build(
    "outcome_unknown",
    "The credential was not accepted again while the call ran, so the call was stopped. It may have taken effect: do not repeat it",
    { cause },
  );

export const outcomeUnrecorded = (cause: unknown): QuaterError =>
  build("outcome_unrecorded", "The call ran, but its end could not be recorded; do not repeat it", { cause });

export const outputTooLarge = (handler: string, maxBytes: number): QuaterError =>
  build("output_too_large", `The answer of ${handler} is larger than ${maxBytes} bytes: ask for less at once`, {
    hint: "Return a page at a time, declare output: stream(...), or raise maxOutputBytes in the manifest",
  });

/** A large answer was dropped. Reads get this error and may be repeated. For other calls it is the cause of `output_undelivered`. */
export const tooMuchUnread = (): QuaterError =>
  build("rate_limited", "The answer was dropped, because too many large answers to this client are unread", {
    retryAfterSeconds: 1,
  });

/**
 * The handler returned, and its value cannot be sent. Only for handlers that change something: their callers must not repeat
 * the call.
 *
 * @param cause  Why the value cannot be sent: `output_too_large`, `rate_limited` of `tooMuchUnread`, or `internal`.
 */
export const outputUndelivered = (handler: string, cause: QuaterError): QuaterError =>
  build("output_undelivered", `${handler} ran to its end, but its result ${reasonUnsent(cause)}; do not repeat the call`, {
    cause,
    ...(cause.hint === undefined ? {} : { hint: cause.hint }),
  });

/** An item of a stream cannot be sent. The handler was stopped before its end. */
export const itemUndelivered = (handler: string, cause: QuaterError): QuaterError =>
  build(
    "outcome_unknown",
    `${handler} was stopped, because an item of its result ${reasonUnsent(cause)}; it may have taken effect, do not repeat the call`,
    { cause, ...(cause.hint === undefined ? {} : { hint: cause.hint }) },
  );

const reasonUnsent = ({ code }: QuaterError): string => {
  if (code === "output_too_large") return "is too large to be sent";
  if (code === "rate_limited") return "could not be sent, because too many large answers to this client are unread";
  return "is not what the handler declares and could not be sent";
};

/**
 * Something failed after a handler had returned, such as the commit of its changes. Only for handlers that change something.
 *
 * @param error  The failure, also a refusal such as `unavailable`: its code would tell the caller that nothing happened.
 */
export const failedAfterwards = (handler: string, error: QuaterError): QuaterError =>
  build(
    "outcome_unknown",
    `${handler} ran to its end, but the call failed afterwards; it may have taken effect, do not repeat it`,
    {
      cause: error.kind === "internal" ? error.cause : error,
      ...(error.hint === undefined ? {} : { hint: error.hint }),
    },
  );

/** For errors that are not a QuaterError. Their text is never sent. */
export const internal = (cause: unknown): QuaterError =>
  build("internal", "The call failed because of an error inside the server", {
    cause: cause ?? new Error(`${String(cause)} was thrown: throw an Error`),
  });
