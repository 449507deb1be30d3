// The error codes that the response of any route may contain, besides the problems of the handler. This file contains only types,
// so browsers load no code from this file.

import type { ErrorCode } from "../../../core/diagnostics/errors.ts";

/** The error codes with which the HTTP server refuses an HTTP request before Quater starts a call. */
export type TransportCode =
  | "bad_request"
  | "route_not_found"
  | "origin_not_allowed"
  | "method_not_allowed"
  | "not_acceptable"
  | "request_timeout"
  | "unsupported_media_type"
  | "expectation_failed"
  | "host_not_allowed"
  | "too_many_headers"
  | "overloaded";

/** The error codes with which the gate refuses a call that needs approval. */
export type ApprovalCode =
  | "approval_denied"
  | "approval_expired"
  | "approval_cancelled"
  | "approval_revoked"
  | "approval_used"
  | "approval_stale"
  | "approval_policy_changed"
  | "approval_schema_changed"
  | "approval_mismatch"
  | "approval_unproven"
  | "approval_not_found"
  | "approval_backlog"
  | "approval_filing_limit"
  | "approval_unattributed"
  | "approval_unrenderable"
  | "approval_unavailable";

/** All general error codes except `approval_required`, which has its own type. */
export type GeneralCode = Exclude<ErrorCode, "approval_required" | "unknown_handler"> | TransportCode | ApprovalCode;
