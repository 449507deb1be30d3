// All errors of the approval plugin: for requesters, for approvers, and for visitors of the page.

import { QuaterError } from "../../core/index.ts";
import type { ErrorKind } from "../../core/plugin-api.ts";
import { type RanBefore, ranBeforeInWords } from "./earlier-call.ts";
import type { ApprovalState } from "./record.ts";

/** The kind of each code. A test compares this table with docs/reference/errors.md. */
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

/** Codes with which the page and the API refuse a request before they call the approvals service. */
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
}

export interface Announced {
  readonly id: string;
  readonly url?: string;
  /** The time of expiry as ISO 8601 text. */
  readonly expiresAt: string;
}

/** For a call that needs approval. It goes to the caller. */
export const approvalRequired = (approval: Announced, before?: RanBefore): QuaterError => {
  const message = `People must agree to this exact call first: approval ${approval.id} is pending`;
  return new QuaterError({
    code: "approval_required",
    kind: "approval_required",
    message: before === undefined ? message : `${message}. ${ranBeforeInWords(before)}`,
    details: { approval: { ...approval, status: "pending", ...(before === undefined ? {} : { earlier: earlierOf(before) }) } },
  });
};

/** Returns the earlier call for callers, with an ISO 8601 time. */
export const earlierOf = (before: RanBefore): object =>
  before.match === "cannot_tell" ? before : { ...before, at: new Date(before.at).toISOString() };

export const approvalDenied = (id: string, reason: string | undefined, retryAfterSeconds?: number): QuaterError =>
  build("approval_denied", `Approval ${id} was denied${because(reason)}`, {
    details: { approval: { id, status: "denied", ...(reason === undefined ? {} : { reason }) } },
    ...(retryAfterSeconds === undefined ? {} : { retryAfterSeconds }),
  });

/** For a caller that names an approval request which ended before its use. */
export const approvalEnded = (
  id: string,
  status: Extract<ApprovalState, "expired" | "cancelled" | "revoked">,
  reason: string | undefined,
): QuaterError =>
  build(`approval_${status}`, `Approval ${id} ${status === "expired" ? "has expired" : `was ${status}`}${because(reason)}`, {
    details: { approval: { id, status, ...(reason === undefined ? {} : { reason }) } },
  });

export const approvalUsed = ({ id, callId, outcome }: EarlierUse): QuaterError =>
  build("approval_used", `Approval ${id} was used by the call ${callId} (${outcome}); do not repeat it`, {
    details: { approval: { id, status: "consumed", usedBy: { callId, outcome } } },
  });

/** For an approved call whose preview changed. @param changed  JSON Pointers into the preview. */
export const approvalStale = (id: string, changed: readonly string[]): QuaterError =>
  build(
    "approval_stale",
    `The preview has changed since approval ${id} was given. These parts differ: ${changed.map((path) => (path === "" ? "the whole preview" : path)).join(", ")}`,
    { details: { approval: { id, status: "expired", changed } } },
  );

export const approvalOutdated = (id: string, what: "policy" | "schema"): QuaterError =>
  build(`approval_${what}_changed`, `The ${what === "policy" ? "policy" : "input schema"} has changed since approval ${id}`, {
    details: { approval: { id, status: "expired" } },
  });

export const approvalMismatch = (id: string): QuaterError =>
  build("approval_mismatch", `Approval ${id} was given for a different call`, { details: { approval: { id } } });

/** For a request whose row contradicts its events in the trail. */
export const approvalUnproven = (id: string): QuaterError =>
  build("approval_unproven", `Approval ${id} is not proven by the audit trail, so it was voided. Repeat the call to ask again`, {
    details: { approval: { id, status: "expired" } },
  });

/** For unknown ids and for requests of others, with the same answer. */
export const approvalNotFound = (): QuaterError => build("approval_not_found", "There is no such approval");

export const approvalBacklog = (most: number): QuaterError =>
  build("approval_backlog", `${most} requests of this caller are pending. Wait, or cancel one`, {
    retryAfterSeconds: 60,
  });

export const approvalFilingLimit = (most: number, retryAfterSeconds: number): QuaterError =>
  build(
    "approval_filing_limit",
    `This person has filed ${most} requests for approval within the last hour, including cancelled ones`,
    {
      retryAfterSeconds,
    },
  );

export const approvalUnattributed = (message: string): QuaterError => build("approval_unattributed", message);

export const approvalUnrenderable = (path: string, message: string): QuaterError =>
  build("approval_unrenderable", `${path === "" ? "The call" : path} cannot be shown to people: ${message}`, {
    errors: [{ path, message }],
  });

export const approvalUnavailable = (cause: unknown): QuaterError =>
  build("approval_unavailable", "Approvals cannot be looked up right now", { cause, retryAfterSeconds: 1 });

/** For a damaged row of a request. @param why  The damage, as the end of a sentence. */
export const approvalDamaged = (id: string, why: string): QuaterError =>
  build(
    "approval_unproven",
    `The row of ${id === "" ? "a request without an id" : `request ${id}`} was not written by Quater: ${why}`,
    {
      hint: "Find out who changed the table approval_request, and delete the row",
    },
  );

/** For a development key that a person types at the terminal. Over a network, all refused keys get the same answer. */
export const developmentKeyRefused = (): QuaterError =>
  new QuaterError({
    code: "invalid_token",
    kind: "unauthenticated",
    message:
      "Only `quater dev` accepts a development key. Decide on the page that it serves, or make another key: `quater keys create --name NAME --person NAME --kind user --roles ROLE`",
  });

/** For a person who may not vote. @param why  The end of a sentence: "you made the request yourself". */
export const notEligible = (why: string): QuaterError => build("approver_not_eligible", `You may not decide this: ${why}`);

export const digestChanged = (id: string): QuaterError =>
  build("approval_digest_changed", `The digest is not the one of approval ${id}. Look at the request again`);

export const voteDiffers = (id: string): QuaterError =>
  build("approval_vote_differs", `You have already voted the other way on approval ${id}`);

export const alreadyDecided = (id: string, state: ApprovalState): QuaterError =>
  build("approval_decided", `Approval ${id} is already ${state}`, { details: { approval: { id, status: state } } });

export const stillPending = (id: string): QuaterError =>
  build("approval_pending", `Approval ${id} is pending: deny it instead`, { details: { approval: { id, status: "pending" } } });

export const ssoNotTrusted = (message: string): QuaterError => build("sso_not_trusted", message);

/** For a form of another visitor, a form from before the last sign-in, and a form without a token. */
export const formNotYours = (): QuaterError =>
  build("form_not_yours", "This form belongs to another visitor, or to an earlier session. Open the page again");

/** For wrong, used and expired codes, with the same answer. */
export const codeWrong = (): QuaterError =>
  build("sign_in_code_wrong", "This code is wrong, has been used, or is older than five minutes");

export const signInThrottled = (retryAfterSeconds: number): QuaterError =>
  build("sign_in_throttled", "Too many attempts to sign in with a code. Wait a little, or sign in with your key", {
    retryAfterSeconds,
  });

// Errors with codes of http, which docs/reference/errors.md lists under http.

export const crossSite = (): QuaterError =>
  new QuaterError({ code: "origin_not_allowed", kind: "forbidden", message: "A page of another origin may not send this form" });

export const notAForm = (): QuaterError =>
  new QuaterError({
    code: "unsupported_media_type",
    kind: "invalid_input",
    message: "The body must be a form: application/x-www-form-urlencoded",
  });

export const noSuchPage = (): QuaterError =>
  new QuaterError({ code: "route_not_found", kind: "invalid_input", message: "There is no such page here" });

export const methodNotAllowed = (allow: string): QuaterError =>
  new QuaterError({ code: "method_not_allowed", kind: "invalid_input", message: `This path takes ${allow}` });

export const notJson = (): QuaterError =>
  new QuaterError({
    code: "unsupported_media_type",
    kind: "invalid_input",
    message: "The body must be JSON: send Content-Type: application/json",
  });

const because = (reason: string | undefined): string => (reason === undefined ? "" : `: ${reason}`);
