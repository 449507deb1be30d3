// The type of an approval request in the approval plugin. An approval request is for one call with exact arguments, by one
// principal.

import type { Principal } from "../../core/index.ts";
import type { EndedAs } from "../audit/service.ts";
import type { Policy } from "./policy.ts";

/** The states of an approval request. Only `pending` and `approved` can change to another state. */
export const approvalStates = ["pending", "approved", "consumed", "denied", "cancelled", "expired", "revoked"] as const;
export type ApprovalState = (typeof approvalStates)[number];

/** How the call that used the approval ended. `unknown`: the call may have run, but the trail does not contain its end. */
export type ApprovalOutcome = "running" | "succeeded" | "failed" | "unknown";

/**
 * Converts the end of a call on the trail to the outcome of the approval that the call used. A cancelled call is `unknown`,
 * because the call may have done part of its work.
 */
export const outcomeOf = (how: EndedAs): Exclude<ApprovalOutcome, "running"> =>
  how === "succeeded" ? "succeeded" : how === "unknown" || how === "cancelled" ? "unknown" : "failed";

/** The requester: the fields of the requester's principal that the digest of an approval request covers. */
export type Requester = Pick<Principal, "issuer" | "subject" | "kind" | "person" | "actsFor" | "credential">;

/**
 * Copies the six fields of a requester. The digest of an approval request does not cover roles and scopes, because policies check
 * roles and scopes again at every use.
 */
export const requesterOf = ({ issuer, subject, kind, person, actsFor, credential }: Requester): Requester => ({
  issuer,
  subject,
  kind,
  ...(person === undefined ? {} : { person }),
  ...(actsFor === undefined ? {} : { actsFor }),
  credential,
});

/** The form of the id of an approval request, as the source of a pattern. */
export const idForm = "apr_[a-z2-7]{20}";
const wholeId = new RegExp(`^${idForm}$`);

/**
 * Whether a value is a valid id of an approval request. Check each text from outside with this function before a query of the
 * store.
 */
export const isId = (value: unknown): value is string => typeof value === "string" && wholeId.test(value);

/**
 * The part of an approval request that never changes. The digest covers all fields of this part except id, callId, times and
 * callKey.
 */
export interface Filed {
  /**
   * The id of the approval request: `apr_` and 20 characters of a-z2-7. The id is empty in a damaged record whose row contains
   * another text.
   */
  readonly id: string;
  /**
   * A keyed digest over app, handler, arguments, principal and surface. By this key, Quater finds the approval request of a
   * repeated call.
   */
  readonly callKey: string;
  /** The digest of the approval request on which people vote, `sha256:` and 64 hexadecimal digits. */
  readonly digest: string;
  readonly app: string;
  readonly handler: string;
  /** The digest of the input schema of the handler, `sha256:...`. */
  readonly schema: string;
  /** The arguments of the call as RFC 8785 text. */
  readonly args: string;
  readonly requester: Requester;
  readonly surface: string;
  readonly policyName: string;
  readonly policy: Policy;
  /** The handler's preview of the call as RFC 8785 text; `undefined` for a handler without a preview. */
  readonly preview: string | undefined;
  readonly nonce: string;
  /** The id of the call for which Quater filed the approval request. */
  readonly callId: string;
  /**
   * When Quater filed the approval request, milliseconds since the epoch. All times in the type `Filed` are from the store's
   * clock.
   */
  readonly filedAt: number;
  /** The time until which people may decide the approval request. */
  readonly pendingUntil: number;
}

export interface Vote {
  /** The name of the person who cast the vote. */
  readonly person: string;
  readonly issuer: string;
  readonly subject: string;
  readonly credential: string;
  readonly roles: readonly string[];
  readonly verdict: "approve" | "deny";
  readonly reason: string | undefined;
  /** The place where the voter cast the vote: "page", "api" or "cli". */
  readonly via: string;
  readonly at: number;
}

export interface ApprovalRecord extends Filed {
  /**
   * Whether an operator has erased the personal data of the approval request: requester, preview, reasons, `personal()` arguments
   * and the nonce.
   */
  readonly isErased: boolean;
  /**
   * Whether Quater cannot read the row of the approval request, because another program wrote to the row. A damaged record
   * has no approvers.
   */
  readonly isDamaged: boolean;
  /**
   * The state of the approval request by the store's clock at the time of the read. The state may be `expired` before the row of
   * the approval request contains `expired`.
   */
  readonly state: ApprovalState;
  readonly votes: readonly Vote[];
  readonly decidedAt: number | undefined;
  /** The time until which a call may use the approval. */
  readonly usableUntil: number | undefined;
  /** The reason why the approval request was denied, cancelled or revoked. */
  readonly reason: string | undefined;
  /** The call that used the approval, and how and when this call ended. */
  readonly use:
    | { readonly callId: string; readonly at: number; readonly outcome: ApprovalOutcome; readonly endedAt: number | undefined }
    | undefined;
}
