// The service of approval(). The approvals page, the JSON API, the commands and the gate suite make all changes through this
// service, so all of them refuse the same changes.

import type { Principal } from "../../core/index.ts";
import { type Awaitable, type Operation, serviceRef } from "../../core/plugin-api.ts";
import type { RanBefore } from "./earlier-call.ts";
import type { Policy } from "./policy.ts";
import type { ApprovalRecord, ApprovalState } from "./record.ts";

export { approvalKey } from "./exposure.ts";
export type { ApprovalRecord } from "./record.ts";

export interface Approver {
  /**
   * The approver's principal, from the `authenticate` option of approval(). Authenticate directly before the call of the service,
   * so that roles and person are current.
   */
  readonly principal: Principal;
  /** The place where the approver decides: "page", "api", "cli". */
  readonly via: string;
  /**
   * Authenticates again directly before a decision is written, because a key may be revoked while a form arrives. Rejects when
   * the credential is no longer valid.
   */
  readonly again?: () => Awaitable<Principal>;
}

/** The filters of a list of requests. */
export interface ListGiven {
  /** The states of the listed requests. Default: all. */
  readonly states?: readonly ApprovalState[];
  readonly handler?: string;
  /**
   * The person who made the requests, or for whom an agent or a service made the requests. A requester without a person is
   * named by issuer and subject, with a space between: `keys nightly`.
   */
  readonly requester?: string;
  /** Only requests that were filed at this time or later, milliseconds since the epoch. */
  readonly since?: number;
  /** How many requests to return, the newest first. Default 50, at most 200. */
  readonly limit?: number;
  /** The id of a request. Only requests that were filed before this request are listed. Use this filter for the next page. */
  readonly before?: string;
}

/** A page of requests. */
export interface Listed {
  /** At most `limit` requests, the newest first. */
  readonly requests: readonly ApprovalRecord[];
  /** The `before` of the next page; `undefined` after the last page. */
  readonly next: string | undefined;
}

export interface VoteGiven {
  readonly id: string;
  readonly verdict: "approve" | "deny";
  /** The digest of the request that the approver saw. */
  readonly digest: string;
  readonly reason?: string;
}

/** The part of a request's state that its requester may read. */
export interface OwnStatus {
  readonly id: string;
  readonly status: ApprovalState;
  /** ISO 8601 text. Until this time people can decide the request or, after the approval, the call can use it. */
  readonly expiresAt: string;
  /** The URL of the approvals page for the request. Absent without http(). */
  readonly url?: string;
  readonly reason?: string;
  /** The call that used the approval. `endedAt` is ISO 8601 text, and absent while the call runs. */
  readonly usedBy?: { readonly callId: string; readonly outcome: string; readonly endedAt?: string };
}

export interface WaitGiven {
  readonly signal: AbortSignal;
  /** Called before each read of the state. */
  readonly asked?: () => void;
}

export interface Requirement {
  readonly policy: string;
  /** The requirement in words: `finance: 1 with role finance`. Requirements with the same words are equal. */
  readonly words: string;
  readonly approvers: Policy["approvers"];
  readonly kind: Policy["kind"];
  /** The surfaces on which approval is needed. Absent: all surfaces. */
  readonly surfaces?: readonly string[];
}

/** The rules of a handler's approval policy, with all defaults filled in. */
export interface Rules extends Policy {
  /** The name of the approval policy. */
  readonly policy: string;
  /** The surfaces on which approval is needed. `null`: all surfaces. */
  readonly surfaces: readonly string[] | null;
}

export interface Approvals {
  /** Checks that this principal may see and decide requests. @throws {QuaterError} `approver_not_eligible`. */
  assertApprover(approver: Principal): void;
  list(approver: Principal, given?: ListGiven): Promise<readonly ApprovalRecord[]>;
  /**
   * Returns a page of requests. A page reads at most 1,000 requests, so it costs the same for any number of requests. If the
   * approver may see few of these requests, the page may have fewer requests than `limit`, although `next` is not `undefined`.
   */
  page(approver: Principal, given?: ListGiven): Promise<Listed>;
  /** Returns a request. @throws {QuaterError} `approval_not_found`, `approver_not_eligible`. */
  show(approver: Principal, id: string): Promise<ApprovalRecord>;
  /** Returns requests for identical calls of the last 24 hours, newest first, without `record` itself. */
  earlier(record: ApprovalRecord): Promise<readonly ApprovalRecord[]>;
  /**
   * Returns an earlier call of this handler by the same person with the same or similar arguments; `undefined` when no such call
   * is known.
   */
  ranBefore(record: ApprovalRecord): Promise<RanBefore | undefined>;
  /**
   * Returns why this principal may not vote on the request, as the end of a sentence; `undefined` when the principal may vote.
   */
  obstacle(approver: Principal, record: ApprovalRecord): string | undefined;
  /**
   * Approves or denies a request. Repeating the same vote changes nothing.
   *
   * @throws {QuaterError} `approval_not_found`, `approver_not_eligible`, `approval_digest_changed` (the person saw another
   * digest), `approval_vote_differs` (the earlier vote of this person differs), `approval_decided` (the request is no longer
   * pending).
   */
  vote(approver: Approver, given: VoteGiven): Promise<ApprovalRecord>;
  /**
   * Revokes an approval before it is used. Each person who could have approved the request may revoke it.
   *
   * @throws {QuaterError} `approval_not_found`, `approver_not_eligible`, `approval_used`, `approval_decided`.
   */
  revoke(approver: Approver, given: { readonly id: string; readonly reason?: string }): Promise<ApprovalRecord>;
  /** Cancels a pending or approved request of the requester. @throws {QuaterError} `approval_not_found`, `approval_used`, `approval_decided`. */
  cancel(requester: Principal, surface: string, id: string): Promise<OwnStatus>;
  /**
   * Returns the state of the requester's own request. @throws {QuaterError} `approval_not_found` for unknown ids and for requests
   * of other requesters.
   */
  statusOf(requester: Principal, surface: string, id: string): Promise<OwnStatus>;
  /**
   * Calls `statusOf` repeatedly, outside of any call, until the request is no longer pending or `signal` aborts.
   *
   * @param enter  Authenticates the requester. Called before each read of the state, because the credential may be revoked in the
   * meantime.
   * @returns The last status. @throws {QuaterError} as `statusOf` and `enter`.
   */
  untilDecided(enter: () => Awaitable<Principal>, surface: string, id: string, how: WaitGiven): Promise<OwnStatus>;
  /** Returns who must approve the calls of a handler, for tables and help; `undefined` when no approval is needed. */
  requirementOf(operation: Operation): Requirement | undefined;
  /** Returns all rules of the handler's approval policy as data, for comparisons; `undefined` when no approval is needed. */
  rulesOf(operation: Operation): Rules | undefined;
  /** Returns the approvals page where people decide a request, built from `publicUrl`; `undefined` without http(). */
  urlOf(id: string): string | undefined;
}

export const approvalsRef = serviceRef<Approvals>("approval");
