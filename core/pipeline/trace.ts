// Reads the trace of a call from the caller's `traceparent` (W3C Trace Context). It is only recorded. No decision depends on it,
// because callers choose it.

/** Version 00: trace, parent and flags, in small letters. All zeros name nothing. */
const traceparent = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** @returns The trace's id, 32 hexadecimal digits; `undefined` for a value that is not valid. */
export const traceIdOf = (value: unknown): string | undefined =>
  typeof value === "string" ? traceparent.exec(value)?.[1] : undefined;
