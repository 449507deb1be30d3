// The HTTP statuses of error kinds and of refusals by the HTTP server. This is a separate file, because boot reads these tables,
// and the file refusals.ts loads node:http, which takes some milliseconds of every start.

import type { ErrorKind } from "../../core/plugin-api.ts";

export const statusOfKind: Readonly<Record<ErrorKind, number>> = {
  invalid_input: 422,
  unauthenticated: 401,
  forbidden: 403,
  not_found: 404,
  conflict: 409,
  // The status of `approval_required` is neither 2xx nor 409. With 2xx, a simple client would treat the pending call as done.
  // With 409, a simple client would retry automatically.
  approval_required: 428,
  approval_refused: 409,
  too_large: 413,
  rate_limited: 429,
  unavailable: 503,
  outcome_unknown: 500,
  cancelled: 499, // The client has left, so nobody reads the status 499.
  internal: 500,
};

/** The statuses of HTTP requests that the HTTP server refuses before Quater starts a call. */
export const transportStatus = {
  bad_request: 400,
  route_not_found: 404,
  origin_not_allowed: 403,
  method_not_allowed: 405,
  not_acceptable: 406,
  request_timeout: 408,
  unsupported_media_type: 415,
  expectation_failed: 417,
  host_not_allowed: 421,
  too_many_headers: 431,
  overloaded: 503,
} as const;
