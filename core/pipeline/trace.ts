// Reads the trace id of a call from the caller's `traceparent` header (W3C Trace Context). Quater only records the trace id. No
// decision depends on the trace id, because callers choose the id.

/**
 * Matches version 00 of the `traceparent` header: trace id, parent id and flags, in lower-case letters. Ids of zeros are invalid.
 */
const traceparent = /^00-(?!0{32})([0-9a-f]{32})-(?!0{16})[0-9a-f]{16}-[0-9a-f]{2}$/;

/** @returns The trace id, 32 hexadecimal digits; `undefined` if the `traceparent` header is not valid. */
export const traceIdOf = (value: unknown): string | undefined =>
  typeof value === "string" ? traceparent.exec(value)?.[1] : undefined;
