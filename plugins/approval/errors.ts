// All errors of the approval plugin for requesters, approvers, and visitors of the approvals page.

import { QuaterError } from "../../core/index.ts";
import type { ErrorKind } from "../../core/plugin-api.ts";
import { endInWords, type RanBefore, ranBeforeInWords } from "./earlier-call.ts";
import type { ApprovalState } from "./record.ts";

/** The kind of each error code of approvals. A test compares this table with docs/reference/errors.md. */
export const approvalCodes = {
  approval_denied: "approval_refused",
  approval_expired: "approval_refused",
  approval_cancelled: "approval_refused",
  approval_revoked: "approval_refused",
  approval_used: "approval_refused",
  approval_stale: "approval_refused",
  approval_policy_changed: "approval_refused",
  approval_schema_changed: "approval_refused",
  approval_mismatch: "approval_refused",
  approval_unproven: "approval_refused",
  approval_not_found: "not_found",
  approval_backlog: "rate_limited",
  approval_filing_limit: "rate_limited",
  approval_unattributed: "forbidden",
  approval_unrenderable: "invalid_input",
  approval_unavailable: "unavailable",
  approver_not_eligible: "forbidden",
  approval_digest_changed: "conflict",
  approval_vote_differs: "conflict",
  approval_decided: "conflict",
  approval_pending: "conflict",
} as const satisfies Record<string, ErrorKind>;

/** Codes with which the approvals page and the API refuse an HTTP request before they call the approvals service. */
export const pageCodes = {
  sso_not_trusted: "forbidden",
  form_not_yours: "forbidden",
  sign_in_code_wrong: "unauthenticated",
  sign_in_throttled: "rate_limited",
} as const satisfies Record<string, ErrorKind>;

type ErrorParts = ConstructorParameters<typeof QuaterError>[0];

const kinds = { ...approvalCodes, ...pageCodes };

const build = (code: keyof typeof kinds, message: string, more: Partial<ErrorParts> = {}): QuaterError =>
  new QuaterError({ code, kind: kinds[code], message, ...more });

/** The call that used an approval. */
export interface EarlierUse {
  readonly id: string;
  readonly callId: string;
  readonly outcome: string;
  /** When the call that used the approval ended, milliseconds since the epoch. */
  readonly endedAt: number | undefined;
}

export interface Announced {
  readonly id: string;
  readonly url?: string;
  /** The time at which the approval request expires, as ISO 8601 text. */
  readonly expiresAt: string;
}

/** Returns the error for the caller of a call that needs approval. */
export const approvalRequired = (approval: Announced, before?: RanBefore): QuaterError => {
  const message = `People must approve this exact call before it runs. The approval request ${approval.id} is pending`;
  return new QuaterError({
    code: "approval_required",
    kind: "approval_required",
    message: before === undefined ? message : `${message}. ${ranBeforeInWords(before)}`,
    details: { approval: { ...approval, status: "pending", ...(before === undefined ? {} : { earlier: earlierOf(before) }) } },
  });
};

/** Converts the earlier call to the form that callers get, with ISO 8601 times. */
export const earlierOf = (before: RanBefore): object => {
  if (before.match === "cannot_tell") return before;
  const { endedAt } = before;
  const end = endedAt === undefined ? {} : { endedAt: new Date(endedAt).toISOString() };
  return { ...before, at: new Date(before.at).toISOString(), ...end };
};

export const approvalDenied = (id: string, reason: string | undefined, retryAfterSeconds?: number): QuaterError =>
  build("approval_denied", `The approval request ${id} was denied${because(reason)}`, {
    details: { approval: { id, status: "denied", ...(reason === undefined ? {} : { reason }) } },
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });

/** Returns the error for a caller that sends the id of an approval request that ended before its use. */
export const approvalEnded = (
  id: string,
  status: Extract<ApprovalState, "expired" | "cancelled" | "revoked">,
  reason: string | undefined,
): QuaterError =>
  build(`approval_${status}`, `The approval ${id} ${status === "expired" ? "has expired" : `was ${status}`}${because(reason)}`, {
    details: { approval: { id, status, ...(reason === undefined ? {} : { reason }) } },
  });

export const approvalUsed = (use: EarlierUse): QuaterError =>
  build(
    "approval_used",
    `The approval ${use.id} was already used: the call ${use.callId} ran ${endInWords(use)}. Do not repeat the call`,
    { details: { approval: { id: use.id, status: "consumed", usedBy: useOf(use) } } },
  );

/** Converts the call that used an approval to the form that callers get, with an ISO 8601 time. */
export const useOf = ({ callId, outcome, endedAt }: EarlierUse): { callId: string; outcome: string; endedAt?: string } => ({
  callId,
  outcome,
  ...(endedAt === undefined ? {} : { endedAt: new Date(endedAt).toISOString() }),
});

/**
 * Returns the error for an approved call whose preview changed. @param changed  JSON Pointers to the changed values in the
 * preview.
 */
export const approvalStale = (id: string, changed: readonly string[]): QuaterError =>
  build(
    "approval_stale",
    `The preview of the call has changed since people approved ${id}. These parts of the preview differ: ${changed.map((path) => (path === "" ? "the whole preview" : path)).join(", ")}`,
    { details: { approval: { id, status: "expired", changed } } },
  );

export const approvalOutdated = (id: string, what: "policy" | "schema"): QuaterError =>
  build(
    `approval_${what}_changed`,
    `The ${what === "policy" ? "approval policy" : "input schema"} has changed since people approved ${id}. Repeat the call without the approval id`,
    {
      details: { approval: { id, status: "expired" } },
    },
  );

/**
 * Returns the error for a call that names an approval of another call. @param status  The state of the named approval, if Quater
 * knows it.
 */
export const approvalMismatch = (id: string, status?: ApprovalState, use?: EarlierUse): QuaterError =>
  build("approval_mismatch", `The approval ${id} is for a call with other arguments. ${remedyFor(status, use)}`, {
    details: {
      approval: {
        id,
        ...(status === undefined ? {} : { status }),
        ...(use === undefined ? {} : { usedBy: useOf(use) }),
      },
    },
  });

const remedyFor = (status: ApprovalState | undefined, use: EarlierUse | undefined): string => {
  if (use !== undefined)
    return `The approved call ran ${endInWords(use)} (call ${use.callId}). Send this call without the approval id`;
  if (status === "approved")
    return "The approval is still valid. Repeat the approved call, or send this call without the approval id";
  if (status === "pending") return "People have not decided the approval request yet. Send this call without the approval id";
  return "Send this call without the approval id";
};

/** Returns the error for an approval request whose row contradicts the events of the approval request on the trail. */
export const approvalUnproven = (id: string): QuaterError =>
  build(
    "approval_unproven",
    `The trail does not prove the approval ${id}, so Quater voided the approval request. Repeat the call to make a new approval request`,
    {
      details: { approval: { id, status: "expired" } },
    },
  );

/**
 * Returns the error for unknown ids and for approval requests of other people. Both cases get the same error, so callers cannot
 * find out which ids exist.
 */
export const approvalNotFound = (): QuaterError =>
  build("approval_not_found", "The approval with this id does not exist or belongs to another requester");

export const approvalBacklog = (most: number): QuaterError =>
  build(
    "approval_backlog",
    `This caller already has ${most} pending approval requests. Wait until approvers decide some of these requests, or cancel one of them`,
    {
      retryAfterSeconds: 60,
    },
  );

export const approvalFilingLimit = (most: number, retryAfterSeconds: number): QuaterError =>
  build(
    "approval_filing_limit",
    `This person has made ${most} approval requests within the last hour, including cancelled requests. Repeat the call later`,
    {
      retryAfterSeconds,
    },
  );

export const approvalUnattributed = (message: string): QuaterError => build("approval_unattributed", message);

export const approvalUnrenderable = (path: string, message: string): QuaterError =>
  build(
    "approval_unrenderable",
    `${path === "" ? "The call" : `The value at ${path}`} cannot be shown to approvers: ${message}`,
    {
      errors: [{ path, message }],
    },
  );

export const approvalUnavailable = (cause: unknown): QuaterError =>
  build("approval_unavailable", "The server cannot look up approvals right now, so the call did not run. Repeat the call later", {
    cause,
    retryAfterSeconds: 1,
  });

/** Returns the error for a damaged row of an approval request. @param why  The damage, as the end of a sentence. */
export const approvalDamaged = (id: string, why: string): QuaterError =>
  build(
    "approval_unproven",
    `The row of ${id === "" ? "a request without an id" : `request ${id}`} was not written by Quater: ${why}`,
    {
      hint: "Find out who changed the table approval_request, then delete the row",
    },
  );

/**
 * Returns the error for a development key that a person types at the terminal. Over a network, all refused keys get the same
 * error.
 */
export const developmentKeyRefused = (): QuaterError =>
  new QuaterError({
    code: "invalid_token",
    kind: "unauthenticated",
    message:
      "Only `quater dev` accepts a development key. Use the approvals page that `quater dev` serves, or create another key: `quater keys create --name NAME --person NAME --kind user --roles ROLE`",
  });

/** Returns the error for a person who may not vote. @param why  The end of a sentence: "you made the request yourself". */
export const notEligible = (why: string): QuaterError =>
  build("approver_not_eligible", `You cannot decide this approval request: ${why}`);

export const digestChanged = (id: string): QuaterError =>
  build(
    "approval_digest_changed",
    `The given digest does not match the approval request ${id}. Read the request again, then vote with its digest`,
  );

export const voteDiffers = (id: string): QuaterError =>
  build(
    "approval_vote_differs",
    `You have already voted differently on the approval request ${id}, and a vote cannot be changed`,
  );

export const alreadyDecided = (id: string, state: ApprovalState): QuaterError =>
  build("approval_decided", `The approval request ${id} is already ${state}`, { details: { approval: { id, status: state } } });

export const stillPending = (id: string): QuaterError =>
  build("approval_pending", `The approval request ${id} is pending, so it cannot be revoked. Deny the request instead`, {
    details: { approval: { id, status: "pending" } },
  });

export const ssoNotTrusted = (message: string): QuaterError => build("sso_not_trusted", message);

/** Returns the error for a form of another visitor, for a form from before the last sign-in, and for a form without a token. */
export const formNotYours = (): QuaterError =>
  build("form_not_yours", "This form belongs to another visitor, or to an earlier session. Open the approvals page again");

/** Returns the error for wrong, used and expired sign-in codes. All three cases get the same error. */
export const codeWrong = (): QuaterError =>
  build(
    "sign_in_code_wrong",
    "The sign-in code is wrong, was already used, or is older than five minutes. Create a new code with `quater approvals code`",
  );

export const signInThrottled = (retryAfterSeconds: number): QuaterError =>
  build("sign_in_throttled", "There were too many attempts to sign in with a code. Wait a minute, or sign in with your key", {
    retryAfterSeconds,
  });

// Errors with codes of the plugin http. docs/reference/errors.md lists these codes under http.

export const crossSite = (): QuaterError =>
  new QuaterError({
    code: "origin_not_allowed",
    kind: "forbidden",
    message:
      "The form was sent from a page of another origin. Open the approvals page in the browser and send the form from this page",
  });

export const notAForm = (): QuaterError =>
  new QuaterError({
    code: "unsupported_media_type",
    kind: "invalid_input",
    message: "The request body must be a form: application/x-www-form-urlencoded",
  });

export const noSuchPage = (): QuaterError =>
  new QuaterError({
    code: "route_not_found",
    kind: "invalid_input",
    message: "This page does not exist. The list of approvals is at /approvals",
  });

export const methodNotAllowed = (allow: string): QuaterError =>
  new QuaterError({ code: "method_not_allowed", kind: "invalid_input", message: `This path allows only ${allow}` });

export const notJson = (): QuaterError =>
  new QuaterError({
    code: "unsupported_media_type",
    kind: "invalid_input",
    message: "The request body must be JSON. Send Content-Type: application/json",
  });

const because = (reason: string | undefined): string => (reason === undefined ? "" : `: ${reason}`);
