// The service of approval() for everything that lets people decide: the page, the JSON API, the commands, the gate suite. Every way to
// decide goes through here, so that all of them refuse the same.

import type { Principal } from "../../core/index.ts";
import { type Awaitable, type Operation, serviceRef } from "../../core/plugin-api.ts";
import type { RanBefore } from "./earlier-call.ts";
import type { Policy } from "./policy.ts";
import type { ApprovalRecord, ApprovalState } from "./record.ts";

export { approvalKey } from "./exposure.ts";
export type { ApprovalRecord } from "./record.ts";

export interface Approver {
  /** Authenticated now, by the plugin's own door: roles and person count as they are at this moment. */
  readonly principal: Principal;
  /** Where: "page", "api", "cli". */
  readonly via: string;
  /**
   * Asks the door again, directly before a decision is written: a key may be revoked, and a role taken away, while a form or
   * an answer is on its way. Rejects when the door does not let this person in any more.
   */
  readonly again?: () => Awaitable<Principal>;
}

/** Which requests a list shows. */
export interface ListGiven {
  /** Default: all. */
  readonly states?: readonly ApprovalState[];
  readonly handler?: string;
  /** Newest first. Default 50, at most 200. */
  readonly limit?: number;
  /** Only those filed before this one: for the next page. */
  readonly before?: string;
}

export interface VoteGiven {
  readonly id: string;
  readonly verdict: "approve" | "deny";
  /** The digest that the approver was shown. */
  readonly digest: string;
  readonly reason?: string;
}

/** What the requesting principal may know of its own request. */
export interface OwnStatus {
  readonly id: string;
  readonly status: ApprovalState;
  /** ISO 8601: until when it can be decided, or used once it is approved. */
  readonly expiresAt: string;
  /** Absent without http. */
  readonly url?: string;
  readonly reason?: string;
  readonly usedBy?: { readonly callId: string; readonly outcome: string };
}

export interface WaitGiven {
  readonly signal: AbortSignal;
  /** Called before each time it is asked. */
  readonly asked?: () => void;
}

export interface Requirement {
  readonly policy: string;
  /** `finance: 1 with role finance`. Two requirements with one text are the same. */
  readonly words: string;
  readonly approvers: Policy["approvers"];
  readonly kind: Policy["kind"];
  /** Only over these; absent: over all. */
  readonly surfaces?: readonly string[];
}

export interface Approvals {
  /** Whether this principal may see and decide requests at all. @throws {QuaterError} `approver_not_eligible`. */
  assertApprover(approver: Principal): void;
  list(approver: Principal, given?: ListGiven): Promise<readonly ApprovalRecord[]>;
  /** @throws {QuaterError} `approval_not_found`, `approver_not_eligible`. */
  show(approver: Principal, id: string): Promise<ApprovalRecord>;
  /** Identical calls of the last 24 hours, newest first, without `record` itself: what the approver should know of. */
  earlier(record: ApprovalRecord): Promise<readonly ApprovalRecord[]>;
  /** Whether the same person has called this handler like this before; `undefined` when no such call is known. */
  ranBefore(record: ApprovalRecord): Promise<RanBefore | undefined>;
  /** Why this principal may not vote on it now, if it may not: for pages that show no useless buttons. */
  obstacle(approver: Principal, record: ApprovalRecord): string | undefined;
  /**
   * Repeating the same vote is harmless.
   *
   * @throws {QuaterError} `approval_not_found`, `approver_not_eligible`, `approval_digest_changed` (another digest was
   *   shown), `approval_vote_differs` (this person voted otherwise before), `approval_decided` (no longer pending).
   */
  vote(approver: Approver, given: VoteGiven): Promise<ApprovalRecord>;
  /**
   * Revokes an approval before it is used. For people who could have approved it.
   *
   * @throws {QuaterError} `approval_not_found`, `approver_not_eligible`, `approval_used`, `approval_decided`.
   */
  revoke(approver: Approver, given: { readonly id: string; readonly reason?: string }): Promise<ApprovalRecord>;
  /** The requester takes its own pending or approved request back. @throws {QuaterError} `approval_not_found`, ... */
  cancel(requester: Principal, surface: string, id: string): Promise<OwnStatus>;
  /** @throws {QuaterError} `approval_not_found` for unknown and foreign ids alike. */
  statusOf(requester: Principal, surface: string, id: string): Promise<OwnStatus>;
  /**
   * Asks `statusOf` again and again, outside of any call, until it is pending no more or `signal` aborts. Made by
   * `waitingOn` in waiting.ts.
   *
   * @param enter  Returns the requester; called each time, because the credential may be revoked while it waits.
   * @returns The last status seen. @throws {QuaterError} as `statusOf` and `enter`.
   */
  untilDecided(enter: () => Awaitable<Principal>, surface: string, id: string, how: WaitGiven): Promise<OwnStatus>;
  /** Who must agree to a handler's calls, for tables and help; `undefined` when nobody must. Made by `requirementsBy` in requirement.ts. */
  requirementOf(operation: Operation): Requirement | undefined;
  /** Where people decide this one; `undefined` without http. Built from `publicUrl`. */
  urlOf(id: string): string | undefined;
}

export const approvalsRef = serviceRef<Approvals>("approval");
