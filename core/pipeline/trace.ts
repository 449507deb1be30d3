// Which trace a call belongs to, as the caller's own tracing says: W3C Trace Context. Told to whoever records the call, and
// never decided on, because callers choose it.

/** Version 00: trace, parent and flags, in small letters. All zeros name nothing. */
const traceparent = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** @returns The trace's id, 32 hexadecimal digits; `undefined` for a value that is not valid. */
export const traceIdOf = (value: unknown): string | undefined =>
  typeof value === "string" ? traceparent.exec(value)?.[1] : undefined;
