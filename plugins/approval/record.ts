// The type of an approval request in the plugin: one call with exactly these arguments, by exactly this principal.

import type { Principal } from "../../core/index.ts";
import type { EndedAs } from "../audit/service.ts";
import type { Policy } from "./policy.ts";

/** Only `pending` and `approved` can change to another state. */
export const approvalStates = ["pending", "approved", "consumed", "denied", "cancelled", "expired", "revoked"] as const;
export type ApprovalState = (typeof approvalStates)[number];

/** How the call ended that used the approval. `unknown`: the call may have run, but its end was not recorded. */
export type ApprovalOutcome = "running" | "succeeded" | "failed" | "unknown";

/**
 * Converts the end of a call in the trail to the outcome of its approval. A cancelled call is `unknown`, because it may have done
 * part of its work.
 */
export const outcomeOf = (how: EndedAs): Exclude<ApprovalOutcome, "running"> =>
  how === "succeeded" ? "succeeded" : how === "unknown" || how === "cancelled" ? "unknown" : "failed";

/** The requester: the fields of the principal that the digest covers. */
export type Requester = Pick<Principal, "issuer" | "subject" | "kind" | "person" | "actsFor" | "credential">;

/**
 * Copies the six fields of a requester. The digest does not cover roles and scopes, because policies check roles and scopes again
 * at every use.
 */
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

/** Whether a value is a valid request id. Check each text from outside with this function before a query of the store. */
export const isId = (value: unknown): value is string => typeof value === "string" && wholeId.test(value);

/** The part of a request that never changes. The digest covers all of it except id, callId, times and callKey. */
export interface Filed {
  /** The id of the request: `apr_` and 20 characters of a-z2-7. Empty in a damaged record whose row has another text. */
  readonly id: string;
  /** A keyed digest over app, handler, arguments, principal and surface. The key by which a repeated call finds its request. */
  readonly callKey: string;
  /** The digest that people vote on, `sha256:` and 64 hexadecimal digits. */
  readonly digest: string;
  readonly app: string;
  readonly handler: string;
  /** The digest of the input schema, `sha256:...`. */
  readonly schema: string;
  /** The arguments as RFC 8785 text. */
  readonly args: string;
  readonly requester: Requester;
  readonly surface: string;
  readonly policyName: string;
  readonly policy: Policy;
  /** The handler's preview as RFC 8785 text; `undefined` for a handler without a preview. */
  readonly preview: string | undefined;
  readonly nonce: string;
  /** The id of the call that filed the request. */
  readonly callId: string;
  /** When the request was filed, milliseconds since the epoch. All times in this type are from the store's clock. */
  readonly filedAt: number;
  /** The time until which people may decide the request. */
  readonly pendingUntil: number;
}

export interface Vote {
  /** The name of the person who voted. */
  readonly person: string;
  readonly issuer: string;
  readonly subject: string;
  readonly credential: string;
  readonly roles: readonly string[];
  readonly verdict: "approve" | "deny";
  readonly reason: string | undefined;
  /** The place where the person voted: "page", "api", "cli". */
  readonly via: string;
  readonly at: number;
}

export interface ApprovalRecord extends Filed {
  /** Whether personal data were erased: requester, preview, reasons, `personal()` arguments and the nonce. */
  readonly isErased: boolean;
  /** Whether the row cannot be read, because another program wrote to it. Such a record has no approvers. */
  readonly isDamaged: boolean;
  /** The state by the store's clock at the time of reading. The state may be `expired` before the row contains `expired`. */
  readonly state: ApprovalState;
  readonly votes: readonly Vote[];
  readonly decidedAt: number | undefined;
  /** The time until which the approval may be used. */
  readonly usableUntil: number | undefined;
  /** Why the request was denied, cancelled or revoked. */
  readonly reason: string | undefined;
  /** The call that used the approval, and how and when that call ended. */
  readonly use:
    | { readonly callId: string; readonly at: number; readonly outcome: ApprovalOutcome; readonly endedAt: number | undefined }
    | undefined;
}
