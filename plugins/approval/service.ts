// The service of approval(). The page, the JSON API, the commands and the gate suite all decide through it, so they all refuse the same things.

import type { Principal } from "../../core/index.ts";
import { type Awaitable, type Operation, serviceRef } from "../../core/plugin-api.ts";
import type { RanBefore } from "./earlier-call.ts";
import type { Policy } from "./policy.ts";
import type { ApprovalRecord, ApprovalState } from "./record.ts";

export { approvalKey } from "./exposure.ts";
export type { ApprovalRecord } from "./record.ts";

export interface Approver {
  /** Authenticated by the `authenticate` option of approval(), at this moment: current roles and person count. */
  readonly principal: Principal;
  /** Where the approver decides: "page", "api", "cli". */
  readonly via: string;
  /**
   * Authenticates again, directly before a decision is written, because a key may be revoked while a form is on its way. Rejects when the
   * credential is not valid any more.
   */
  readonly again?: () => Awaitable<Principal>;
}

/** Which requests a list shows. */
export interface ListGiven {
  /** Default: all states. */
  readonly states?: readonly ApprovalState[];
  readonly handler?: string;
  /** Newest first. Default 50, at most 200. */
  readonly limit?: number;
  /** The id of a request. Only requests that were filed before it are listed: for the next page. */
  readonly before?: string;
}

export interface VoteGiven {
  readonly id: string;
  readonly verdict: "approve" | "deny";
  /** The digest that the approver was shown. */
  readonly digest: string;
  readonly reason?: string;
}

/** What a requester may know about its own request. */
export interface OwnStatus {
  readonly id: string;
  readonly status: ApprovalState;
  /** ISO 8601. Until then people can decide the request or, after approval, the call can use it. */
  readonly expiresAt: string;
  /** The page of the request. Absent without http(). */
  readonly url?: string;
  readonly reason?: string;
  readonly usedBy?: { readonly callId: string; readonly outcome: string };
}

export interface WaitGiven {
  readonly signal: AbortSignal;
  /** Called before each query. */
  readonly asked?: () => void;
}

export interface Requirement {
  readonly policy: string;
  /** `finance: 1 with role finance`. Requirements with the same text are equal. */
  readonly words: string;
  readonly approvers: Policy["approvers"];
  readonly kind: Policy["kind"];
  /** The surfaces on which approval is needed. Absent: all. */
  readonly surfaces?: readonly string[];
}

export interface Approvals {
  /** Whether this principal may see and decide requests at all. @throws {QuaterError} `approver_not_eligible`. */
  assertApprover(approver: Principal): void;
  list(approver: Principal, given?: ListGiven): Promise<readonly ApprovalRecord[]>;
  /** @throws {QuaterError} `approval_not_found`, `approver_not_eligible`. */
  show(approver: Principal, id: string): Promise<ApprovalRecord>;
  /** Requests for identical calls of the last 24 hours, newest first, without `record` itself. */
  earlier(record: ApprovalRecord): Promise<readonly ApprovalRecord[]>;
  /** Whether the same person has called this handler like this before; `undefined` when no such call is known. */
  ranBefore(record: ApprovalRecord): Promise<RanBefore | undefined>;
  /** Returns why this principal may not vote on the request, as the end of a sentence; `undefined` when it may vote. */
  obstacle(approver: Principal, record: ApprovalRecord): string | undefined;
  /**
   * Approves or denies. Repeating the same vote changes nothing.
   *
   * @throws {QuaterError} `approval_not_found`, `approver_not_eligible`, `approval_digest_changed` (another digest was
   *   shown), `approval_vote_differs` (this person voted otherwise before), `approval_decided` (no longer pending).
   */
  vote(approver: Approver, given: VoteGiven): Promise<ApprovalRecord>;
  /**
   * Revokes an approval before it is used. Everybody who could have approved the request may revoke it.
   *
   * @throws {QuaterError} `approval_not_found`, `approver_not_eligible`, `approval_used`, `approval_decided`.
   */
  revoke(approver: Approver, given: { readonly id: string; readonly reason?: string }): Promise<ApprovalRecord>;
  /** Cancels a pending or approved request of the requester. @throws {QuaterError} `approval_not_found`, `approval_used`, `approval_decided`. */
  cancel(requester: Principal, surface: string, id: string): Promise<OwnStatus>;
  /** @throws {QuaterError} `approval_not_found` for unknown ids and for requests of others. */
  statusOf(requester: Principal, surface: string, id: string): Promise<OwnStatus>;
  /**
   * Calls `statusOf` again and again, outside of any call, until the request is not pending any more or `signal` aborts.
   *
   * @param enter  Authenticates the requester. Called each time, because the credential may be revoked meanwhile.
   * @returns The last status seen. @throws {QuaterError} as `statusOf` and `enter`.
   */
  untilDecided(enter: () => Awaitable<Principal>, surface: string, id: string, how: WaitGiven): Promise<OwnStatus>;
  /** Returns who must approve the calls of a handler, for tables and help; `undefined` when no approval is needed. */
  requirementOf(operation: Operation): Requirement | undefined;
  /** Returns the page where people decide a request, built from `publicUrl`; `undefined` without http(). */
  urlOf(id: string): string | undefined;
}

export const approvalsRef = serviceRef<Approvals>("approval");
