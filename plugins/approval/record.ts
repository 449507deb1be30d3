// One request for approval as it is stored: for one call with exactly these arguments, by exactly this principal.

import type { Principal } from "../../core/index.ts";
import type { EndedAs } from "../audit/service.ts";
import type { Policy } from "./policy.ts";

/** Nothing leaves a state other than `pending` and `approved`. */
export const approvalStates = ["pending", "approved", "consumed", "denied", "cancelled", "expired", "revoked"] as const;
export type ApprovalState = (typeof approvalStates)[number];

/** Of a consumed one. `unknown`: the call may have run, and nobody recorded its end. */
export type ApprovalOutcome = "running" | "succeeded" | "failed" | "unknown";

/** @returns How a call ended that used an approval. A call that was cut short may have done part of its work. */
export const outcomeOf = (how: EndedAs): Exclude<ApprovalOutcome, "running"> =>
  how === "succeeded" ? "succeeded" : how === "unknown" || how === "cancelled" ? "unknown" : "failed";

/** Who asks: what of the principal is bound into the digest. */
export type Requester = Pick<Principal, "issuer" | "subject" | "kind" | "person" | "actsFor" | "credential">;

/** These six and nothing else that a principal carries: roles and scopes are judged anew at every use. */
export const requesterOf = ({ issuer, subject, kind, person, actsFor, credential }: Requester): Requester => ({
  issuer,
  subject,
  kind,
  ...(person === undefined ? {} : { person }),
  ...(actsFor === undefined ? {} : { actsFor }),
  credential,
});

/** The form of a request's id, as the source of a pattern. */
export const idForm = "apr_[a-z2-7]{20}";
const wholeId = new RegExp(`^${idForm}$`);

/** Text from a caller, an address line or an approver may be anything: check it before the store is asked. */
export const isId = (value: unknown): value is string => typeof value === "string" && wholeId.test(value);

/** What was filed. Never changes; `digest` covers all of it but id, times and callKey. */
export interface Filed {
  /** `apr_` and 20 characters of a-z2-7; empty in a damaged record whose row has something else. */
  readonly id: string;
  /** What a repeated call is found by: HMAC over app, handler, arguments, principal and surface. */
  readonly callKey: string;
  /** `sha256:` and 64 hexadecimal digits. */
  readonly digest: string;
  readonly app: string;
  readonly handler: string;
  /** `sha256:...` over the input schema. */
  readonly schema: string;
  /** RFC 8785 text of the arguments. */
  readonly args: string;
  readonly requester: Requester;
  readonly surface: string;
  readonly policyName: string;
  readonly policy: Policy;
  /** RFC 8785 text of what the handler's preview said; `undefined` when it has none. */
  readonly preview: string | undefined;
  readonly nonce: string;
  /** The call that filed it. */
  readonly callId: string;
  /** Milliseconds since the epoch, by the store's clock, as all times here. */
  readonly filedAt: number;
  /** Until when people may decide. */
  readonly pendingUntil: number;
}

export interface Vote {
  /** The person who voted. */
  readonly person: string;
  readonly issuer: string;
  readonly subject: string;
  readonly credential: string;
  readonly roles: readonly string[];
  readonly verdict: "approve" | "deny";
  readonly reason: string | undefined;
  /** Where it was cast: "page", "api", "cli". */
  readonly via: string;
  readonly at: number;
}

export interface ApprovalRecord extends Filed {
  /** Personal data were erased: requester, preview, reasons and `personal()` arguments are gone, and the nonce with them. */
  readonly isErased: boolean;
  /** The row cannot be read: something else than Quater wrote to it. It names nobody as approver. */
  readonly isDamaged: boolean;
  /** Expiry included: derived by the store's clock when the record was read. */
  readonly state: ApprovalState;
  readonly votes: readonly Vote[];
  readonly decidedAt: number | undefined;
  /** Until when an approved one may be used. */
  readonly usableUntil: number | undefined;
  /** Of the denial, cancellation or revocation. */
  readonly reason: string | undefined;
  /** The call that used it, how that ended, and when. */
  readonly use:
    | { readonly callId: string; readonly at: number; readonly outcome: ApprovalOutcome; readonly endedAt: number | undefined }
    | undefined;
}
