// Approval policies, which define who must approve calls. The manifest contains the approval policies, and Quater adds defaults
// for missing options. The digest of an approval request covers the approval policy, so a changed policy makes earlier approvals
// invalid.

import { type Candidate, fits, isSameName } from "../audit/service.ts";

export { type Candidate, isSatisfied } from "../audit/service.ts";

export interface Approver {
  /** The name of a role. People who have this role at the time of their vote can approve. */
  readonly role?: string;
  /** The name of one person who can approve. */
  readonly person?: string;
  /** How many different people with the role must approve. Default 1. */
  readonly need?: number;
}

export interface ApprovalPolicy {
  /**
   * The approvers that the policy needs. Every entry of this list must be satisfied, and one person counts for only one entry.
   */
  readonly approvers: readonly Approver[];
  /**
   * `dual` (default): the approver must be another person than the requester and the person for whom the requester acts.
   * `confirm`: the person for whom an agent acts may approve, with another credential than the agent's credential.
   */
  readonly kind?: "dual" | "confirm";
  /** How many denials end an approval request. Default 1. */
  readonly denials?: number;
  /** How long people may decide an approval request, milliseconds. Default 3,600,000; at most 7 days. */
  readonly pendingForMs?: number;
  /** How long a call may use an approval, milliseconds. Default 600,000; at most 24 hours. */
  readonly usableForMs?: number;
  /** Whether the requester may repeat the approved call over another surface. Default false. */
  readonly anySurface?: boolean;
  /** Whether a requester without a person may make calls that need approval by this policy. Default false. */
  readonly unattributed?: boolean;
}

/** An approval policy with all defaults. Quater computes digests from the RFC 8785 text of the approval policy. */
export interface Policy {
  readonly approvers: readonly { readonly role?: string; readonly person?: string; readonly need: number }[];
  readonly kind: "dual" | "confirm";
  readonly denials: number;
  readonly pendingForMs: number;
  readonly usableForMs: number;
  readonly anySurface: boolean;
  readonly unattributed: boolean;
}

export const completed = ({ approvers, ...rest }: ApprovalPolicy): Policy => ({
  approvers: approvers.map(({ need = 1, ...who }) => ({ ...who, need })),
  kind: rest.kind ?? "dual",
  denials: rest.denials ?? 1,
  pendingForMs: rest.pendingForMs ?? 3_600_000,
  usableForMs: rest.usableForMs ?? 600_000,
  anySurface: rest.anySurface ?? false,
  unattributed: rest.unattributed ?? false,
});

/** Whether the approval policy lists the candidate, by role or by name. */
export const names = ({ approvers }: Pick<Policy, "approvers">, candidate: Candidate): boolean =>
  approvers.some((approver) => fits(approver, candidate));

/**
 * Returns whether two names belong to one person. Authenticators write the name of a person in different ways. An identity
 * provider writes `Ana@shop.example`, a key file contains `ana@shop.example`, and accents have two encodings. If one person
 * counted as two people, this person could approve their own request, so similar names count as one person. An absent name
 * belongs to nobody.
 */
export const isSamePerson = (one: string | undefined, other: string | undefined): boolean =>
  one !== undefined && other !== undefined && isSameName(one, other);
