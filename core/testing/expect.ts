// Assertions about calls. The assertions work with any test runner. A failed assertion throws an error that says how the call
// ended.

import { type ErrorKind, errorCodes } from "../diagnostics/errors.ts";
import type { Outcome } from "../model/call.ts";
import type { Awaitable } from "../model/principal.ts";
import type { ProbeAnswer } from "../plugin/surface.ts";

/**
 * The kinds of errors by which the gate refuses a call. Errors of all other kinds are failures of the handler or of the server.
 */
const denials: ReadonlySet<ErrorKind> = new Set([
  "invalid_input",
  "unauthenticated",
  "forbidden",
  "approval_required",
  "approval_refused",
  "too_large",
  "rate_limited",
]);

/**
 * Checks that the gate refused a call before the handler.
 *
 * @param code  The error code that the refusal must have, such as `missing_scope`. Default: any error code.
 * @returns The error of the refusal.
 * @throws {Error} when the call succeeded, failed, or was refused with another error code.
 */
export const expectDenied = async (
  call: Awaitable<Outcome | ProbeAnswer>,
  code?: string,
): Promise<{ readonly code: string; readonly message: string }> => {
  const wanted = code === undefined ? "Expected the call to be denied" : `Expected the call to be denied with ${code}`;
  const met = await call;
  if (met.ok) throw new Error(`${wanted}, but it succeeded with ${shown(met.value)}`);
  const refusal = "error" in met ? met.error : met;
  const said = saidOf(refusal);
  if (code !== undefined && refusal.code !== code) throw new Error(`${wanted}, but it ended with ${said}`);
  if (code === undefined && !isDenial(refusal)) throw new Error(`${wanted}, but it failed with ${said}`);
  return { code: refusal.code, message: refusal.message };
};

interface ExpectOk {
  <Value>(call: Awaitable<Outcome<Value>>): Promise<Value>;
  (call: Awaitable<Outcome | ProbeAnswer>): Promise<unknown>;
}

/**
 * Checks that a call succeeded.
 *
 * @returns The value that the call returned.
 * @throws {Error} that says how the call ended. For a call that ended with `internal`, the `cause` of this error is the error
 * that the code threw.
 */
export const expectOk: ExpectOk = async (call: Awaitable<Outcome | ProbeAnswer>): Promise<never> => {
  const met = await call;
  if (met.ok) return met.value as never;
  const failure = "error" in met ? met.error : met;
  throw new Error(`Expected the call to succeed, but it ended with ${saidOf(failure)}`, { cause: failure });
};

/**
 * Adds the cause of an `internal` error to the message. Without `saidOf`, only the log would contain the cause. The answer of a
 * surface has no cause, because callers must not see the cause.
 */
const saidOf = ({
  code,
  message,
  cause,
}: {
  readonly code: string;
  readonly message: string;
  readonly cause?: unknown;
}): string => `${code}: ${message}${cause === undefined ? "" : ` (${String(cause)})`}`;

/**
 * Whether an error is a refusal by the gate. The answer of a surface has no kind, so the error code decides. A general error code
 * has a known kind, and the error codes of approvals begin with `approval_`.
 */
const isDenial = ({ code, kind }: { readonly code: string; readonly kind?: ErrorKind }): boolean => {
  if (code === "unknown_handler") return false; // `unknown_handler` shows a mistake in the test, unless the test expects it.
  if (code === "approval_not_found") return true;
  const known = kind ?? (errorCodes as Readonly<Record<string, ErrorKind>>)[code];
  return known === undefined ? code.startsWith("approval_") : denials.has(known);
};

const shown = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 200);
