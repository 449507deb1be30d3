// A request for approval: one call with exactly these arguments, by exactly this principal.

import type { Principal } from "../../core/index.ts";
import type { EndedAs } from "../audit/service.ts";
import type { Policy } from "./policy.ts";

/** Only `pending` and `approved` can change to another state. */
export const approvalStates = ["pending", "approved", "consumed", "denied", "cancelled", "expired", "revoked"] as const;
export type ApprovalState = (typeof approvalStates)[number];

/** How the call ended that used the approval. `unknown`: the call may have run, but its end was not recorded. */
export type ApprovalOutcome = "running" | "succeeded" | "failed" | "unknown";

/** Converts the end of a call on the trail. A cancelled call is `unknown`, because it may have done part of its work. */
export const outcomeOf = (how: EndedAs): Exclude<ApprovalOutcome, "running"> =>
  how === "succeeded" ? "succeeded" : how === "unknown" || how === "cancelled" ? "unknown" : "failed";

/** Who asks: the fields of the principal that the digest covers. */
export type Requester = Pick<Principal, "issuer" | "subject" | "kind" | "person" | "actsFor" | "credential">;

/** Takes these six fields alone. Roles and scopes are not covered, because policies check them again at every use. */
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

/** Whether a value is a valid id. Check a text from outside with it before you query the store. */
export const isId = (value: unknown): value is string => typeof value === "string" && wholeId.test(value);

/** The part of a request that never changes. The digest covers all of it except id, callId, times and callKey. */
export interface Filed {
  /** `apr_` and 20 characters of a-z2-7; empty in a damaged record whose row has something else. */
  readonly id: string;
  /** HMAC over app, handler, arguments, principal and surface. A repeated call is found by it. */
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
  /** The handler's preview as RFC 8785 text; `undefined` when it has none. */
  readonly preview: string | undefined;
  readonly nonce: string;
  /** The call that filed the request. */
  readonly callId: string;
  /** Milliseconds since the epoch by the store's clock, as are all times here. */
  readonly filedAt: number;
  /** People may decide until then. */
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
  /** Where the person voted: "page", "api", "cli". */
  readonly via: string;
  readonly at: number;
}

export interface ApprovalRecord extends Filed {
  /** Personal data were erased: requester, preview, reasons, `personal()` arguments and the nonce are gone. */
  readonly isErased: boolean;
  /** The row cannot be read, because something else than Quater wrote to it. Such a record names no approver. */
  readonly isDamaged: boolean;
  /** The state by the store's clock when the record was read, so it may be `expired` before the row says so. */
  readonly state: ApprovalState;
  readonly votes: readonly Vote[];
  readonly decidedAt: number | undefined;
  /** The approval may be used until then. */
  readonly usableUntil: number | undefined;
  /** Why the request was denied, cancelled or revoked. */
  readonly reason: string | undefined;
  /** The call that used the approval, and how and when that call ended. */
  readonly use:
    | { readonly callId: string; readonly at: number; readonly outcome: ApprovalOutcome; readonly endedAt: number | undefined }
    | undefined;
}
