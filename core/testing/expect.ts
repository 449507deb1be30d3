// Claims about calls, for any test runner: a claim that does not hold throws an error that says what was met.

import { type ErrorKind, errorCodes } from "../diagnostics/errors.ts";
import type { Outcome } from "../model/call.ts";
import type { Awaitable } from "../model/principal.ts";
import type { ProbeAnswer } from "../plugin/surface.ts";

/** The kinds of refusals by the gate; the others are failures of the handler or of the server. */
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
 * Claims that a call was refused before its handler.
 *
 * @param code  Exactly this code: `missing_scope`.
 * @returns What it was refused with.
 * @throws {Error} when it succeeded, failed, or was refused with another code.
 */
export const expectDenied = async (
  call: Awaitable<Outcome | ProbeAnswer>,
  code?: string,
): Promise<{ readonly code: string; readonly message: string }> => {
  const wanted = code === undefined ? "Expected the call to be denied" : `Expected the call to be denied with ${code}`;
  const met = await call;
  if (met.ok) throw new Error(`${wanted}, and it succeeded with ${shown(met.value)}`);
  const refusal = "error" in met ? met.error : met;
  const said = saidOf(refusal);
  if (code !== undefined && refusal.code !== code) throw new Error(`${wanted}, but it ended with ${said}`);
  if (code === undefined && !isDenial(refusal)) throw new Error(`${wanted}, and it failed with ${said}`);
  return { code: refusal.code, message: refusal.message };
};

interface ExpectOk {
  <Value>(call: Awaitable<Outcome<Value>>): Promise<Value>;
  (call: Awaitable<Outcome | ProbeAnswer>): Promise<unknown>;
}

/**
 * Claims that a call succeeded.
 *
 * @returns Its value.
 * @throws {Error} that says how it ended, and why where callers are not told: the error that was thrown is its `cause`.
 */
export const expectOk: ExpectOk = async (call: Awaitable<Outcome | ProbeAnswer>): Promise<never> => {
  const met = await call;
  if (met.ok) return met.value as never;
  const failure = "error" in met ? met.error : met;
  throw new Error(`Expected the call to succeed, but it ended with ${saidOf(failure)}`, { cause: failure });
};

/** With what only the log is told otherwise. A surface's answer is what a caller saw, and has no cause. */
const saidOf = ({
  code,
  message,
  cause,
}: {
  readonly code: string;
  readonly message: string;
  readonly cause?: unknown;
}): string => `${code}: ${message}${cause === undefined ? "" : ` (${String(cause)})`}`;

/** A surface's answer names no kind: the general codes tell theirs, and those of approval begin with its name. */
const isDenial = ({ code, kind }: { readonly code: string; readonly kind?: ErrorKind }): boolean => {
  if (code === "unknown_handler") return false; // a mistake in the test, unless the test names the code
  if (code === "approval_not_found") return true;
  const known = kind ?? (errorCodes as Readonly<Record<string, ErrorKind>>)[code];
  return known === undefined ? code.startsWith("approval_") : denials.has(known);
};

const shown = (value: unknown): string => (JSON.stringify(value) ?? String(value)).slice(0, 200);
