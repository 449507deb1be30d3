// Approval policies: who must approve calls. The manifest contains the policies, and Quater adds defaults for missing options.
// The digest of a request covers its policy, so a changed policy makes earlier approvals invalid.

import { type Candidate, fits, isSameName } from "../audit/service.ts";

export { type Candidate, isSatisfied } from "../audit/service.ts";

export interface Approver {
  /** A role. People who have the role at the time of their vote can approve. */
  readonly role?: string;
  /** The name of one person who can approve. */
  readonly person?: string;
  /** How many different people must approve. Default 1. */
  readonly need?: number;
}

export interface ApprovalPolicy {
  /** The approvers that are needed. All entries must be satisfied, and one person counts only once. */
  readonly approvers: readonly Approver[];
  /**
   * `dual` (default): the approver must be another person than the requester and the person it acts for. `confirm`: the person
   * for whom an agent acts may approve, with another credential than the agent's.
   */
  readonly kind?: "dual" | "confirm";
  /** How many denials end a request. Default 1. */
  readonly denials?: number;
  /** How long people may decide a request, milliseconds. Default 3,600,000; at most 7 days. */
  readonly pendingForMs?: number;
  /** How long an approval may be used, milliseconds. Default 600,000; at most 24 hours. */
  readonly usableForMs?: number;
  /** Whether the approved call may be repeated over another surface. Default false. */
  readonly anySurface?: boolean;
  /** Whether a requester without a person may make calls that need this approval. Default false. */
  readonly unattributed?: boolean;
}

/** A policy with all defaults. Digests are computed from its RFC 8785 text. */
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

/** Whether the policy lists this candidate, by role or by name. */
export const names = ({ approvers }: Pick<Policy, "approvers">, candidate: Candidate): boolean =>
  approvers.some((approver) => fits(approver, candidate));

/**
 * Returns whether two names belong to one person. Authenticators write a name in different ways: an identity provider says
 * `Ana@shop.example`, a key file `ana@shop.example`, and accents have two encodings. If one person counted as two, they could
 * approve their own request, so similar names count as one person. An absent name belongs to nobody.
 */
export const isSamePerson = (one: string | undefined, other: string | undefined): boolean =>
  one !== undefined && other !== undefined && isSameName(one, other);
