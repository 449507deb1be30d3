// The service of approval(). The approvals page, the JSON API, the commands and the gate suite make all changes of approval
// requests through this service, so all of them refuse the same changes.

import type { Principal } from "../../core/index.ts";
import { type Awaitable, type Operation, serviceRef } from "../../core/plugin-api.ts";
import type { RanBefore } from "./earlier-call.ts";
import type { Policy } from "./policy.ts";
import type { ApprovalRecord, ApprovalState } from "./record.ts";

export { approvalKey } from "./exposure.ts";
export type { ApprovalRecord } from "./record.ts";

export interface Approver {
  /**
   * The approver's principal, from the `authenticate` option of approval(). Authenticate the approver directly before the call of
   * the service, so that roles and person are current.
   */
  readonly principal: Principal;
  /** The place where the approver decides: "page", "api" or "cli". */
  readonly via: string;
  /**
   * Authenticates the approver again directly before Quater writes a decision, because an operator may revoke the key while a
   * form arrives. Rejects if the credential is no longer valid.
   */
  readonly again?: () => Awaitable<Principal>;
}

/** The filters of a list of approval requests. */
export interface ListGiven {
  /** The states of the listed approval requests. Without this filter, the list contains approval requests in all states. */
  readonly states?: readonly ApprovalState[];
  readonly handler?: string;
  /**
   * The person who made the calls of the approval requests, or for whom an agent or a service made the calls. A requester without
   * a person is named by issuer and subject, with a space between them: `keys nightly`.
   */
  readonly requester?: string;
  /** The list contains only approval requests that were filed at this time or later, milliseconds since the epoch. */
  readonly since?: number;
  /** How many approval requests the list contains, the newest first. Default 50, at most 200. */
  readonly limit?: number;
  /**
   * The id of an approval request. The list contains only approval requests that were filed before this approval request. Use
   * this filter for the next page.
   */
  readonly before?: string;
}

/** A page of a list of approval requests. */
export interface Listed {
  /** At most `limit` approval requests, the newest first. */
  readonly requests: readonly ApprovalRecord[];
  /** The value of `before` for the next page; `undefined` after the last page. */
  readonly next: string | undefined;
}

export interface VoteGiven {
  readonly id: string;
  readonly verdict: "approve" | "deny";
  /** The digest of the approval request, as the approver saw it. */
  readonly digest: string;
  readonly reason?: string;
}

/** The part of the state of an approval request that its requester may read. */
export interface OwnStatus {
  readonly id: string;
  readonly status: ApprovalState;
  /**
   * The time as ISO 8601 text. Until this time people can decide the approval request or, after the approval, the call can use
   * the approval.
   */
  readonly expiresAt: string;
  /** The URL of the approvals page for the approval request. The URL is absent if the project has no http(). */
  readonly url?: string;
  readonly reason?: string;
  /** The call that used the approval. `endedAt` is the time of the end as ISO 8601 text, and is absent while the call runs. */
  readonly usedBy?: { readonly callId: string; readonly outcome: string; readonly endedAt?: string };
}

export interface WaitGiven {
  readonly signal: AbortSignal;
  /** Quater calls the function `asked` before each read of the approval request's state. */
  readonly asked?: () => void;
}

export interface Requirement {
  readonly policy: string;
  /** The requirement in words: `finance: 1 with role finance`. Two requirements with the same words are equal. */
  readonly words: string;
  readonly approvers: Policy["approvers"];
  readonly kind: Policy["kind"];
  /** The surfaces on which calls need approval. Without this field, calls on all surfaces need approval. */
  readonly surfaces?: readonly string[];
}

/** The rules of a handler's approval policy, with all defaults filled in. */
export interface Rules extends Policy {
  /** The name of the approval policy. */
  readonly policy: string;
  /** The surfaces on which calls need approval. `null` means all surfaces. */
  readonly surfaces: readonly string[] | null;
}

export interface Approvals {
  /** Checks that a principal may see and decide approval requests. @throws {QuaterError} `approver_not_eligible`. */
  assertApprover(approver: Principal): void;
  list(approver: Principal, given?: ListGiven): Promise<readonly ApprovalRecord[]>;
  /**
   * Returns a page of approval requests. The function reads at most 1,000 approval requests, so a page costs the same for any
   * number of approval requests. If the approver may see few of the read approval requests, the page may contain fewer approval
   * requests than `limit`, although `next` is not `undefined`.
   */
  page(approver: Principal, given?: ListGiven): Promise<Listed>;
  /** Returns an approval request. @throws {QuaterError} `approval_not_found`, `approver_not_eligible`. */
  show(approver: Principal, id: string): Promise<ApprovalRecord>;
  /** Returns approval requests for identical calls of the last 24 hours, the newest first, without `record` itself. */
  earlier(record: ApprovalRecord): Promise<readonly ApprovalRecord[]>;
  /**
   * Returns an earlier call of the same handler by the same person with the same or similar arguments; `undefined` if Quater
   * knows no such earlier call.
   */
  ranBefore(record: ApprovalRecord): Promise<RanBefore | undefined>;
  /**
   * Returns the reason why an approver may not vote on an approval request, as the end of a sentence; `undefined` if the approver
   * may vote.
   */
  obstacle(approver: Principal, record: ApprovalRecord): string | undefined;
  /**
   * Approves or denies an approval request. If the approver repeats the same vote, the repeated vote changes nothing.
   *
   * @throws {QuaterError} `approval_not_found`, `approver_not_eligible`, `approval_digest_changed` (the approver saw another
   * digest), `approval_vote_differs` (the earlier vote of the approver differs), `approval_decided` (the approval request is no
   * longer pending).
   */
  vote(approver: Approver, given: VoteGiven): Promise<ApprovalRecord>;
  /**
   * Revokes an approval before a call uses the approval. Each person who could have approved the approval request may revoke the
   * approval.
   *
   * @throws {QuaterError} `approval_not_found`, `approver_not_eligible`, `approval_used`, `approval_decided`.
   */
  revoke(approver: Approver, given: { readonly id: string; readonly reason?: string }): Promise<ApprovalRecord>;
  /**
   * Cancels a pending or approved request of the requester. @throws {QuaterError} `approval_not_found`, `approval_used`,
   * `approval_decided`.
   */
  cancel(requester: Principal, surface: string, id: string): Promise<OwnStatus>;
  /**
   * Returns the state of the requester's own approval request. @throws {QuaterError} `approval_not_found` for unknown ids and for
   * approval requests of other requesters.
   */
  statusOf(requester: Principal, surface: string, id: string): Promise<OwnStatus>;
  /**
   * Calls `statusOf` repeatedly, outside of any call, until the approval request is no longer pending or `signal` aborts.
   *
   * @param enter  Authenticates the requester. Quater calls `enter` before each read of the state, because an operator may revoke
   * the credential in the meantime.
   * @returns The last status of the approval request. @throws {QuaterError} as `statusOf` and `enter`.
   */
  untilDecided(enter: () => Awaitable<Principal>, surface: string, id: string, how: WaitGiven): Promise<OwnStatus>;
  /**
   * Returns who must approve the calls of a handler, for tables and help; `undefined` if calls of the handler need no approval.
   */
  requirementOf(operation: Operation): Requirement | undefined;
  /**
   * Returns all rules of the handler's approval policy as data, for comparisons; `undefined` if calls of the handler need no
   * approval.
   */
  rulesOf(operation: Operation): Rules | undefined;
  /**
   * Returns the URL of the approvals page where people decide an approval request, built from `publicUrl`; `undefined` if the
   * project has no http().
   */
  urlOf(id: string): string | undefined;
}

export const approvalsRef = serviceRef<Approvals>("approval");
