// Who must agree, as data: what the manifest says, completed with defaults. A policy is bound to every request that was
// filed under it, so that changing it voids what was agreed before.

export interface Approver {
  /** Whoever has this role when the vote is cast. */
  readonly role?: string;
  /** One person by name. */
  readonly person?: string;
  /** How many different people. Default 1. */
  readonly need?: number;
}

export interface ApprovalPolicy {
  /** All of them must be satisfied; one person counts once. */
  readonly approvers: readonly Approver[];
  /**
   * `dual` (default): somebody else than the requester and the person it acts for. `confirm`: the person the agent acts
   * for may agree, with another credential than the agent's.
   */
  readonly kind?: "dual" | "confirm";
  /** How many denials end a request. Default 1. */
  readonly denials?: number;
  /** How long a request waits for people, milliseconds. Default 3,600,000; at most 7 days. */
  readonly pendingForMs?: number;
  /** How long an approved call may be used, milliseconds. Default 600,000; at most 24 hours. */
  readonly usableForMs?: number;
  /** Whether the approved call may be repeated over another surface. Default false. */
  readonly anySurface?: boolean;
  /** Whether a requester without a person may ask. Default false. */
  readonly unattributed?: boolean;
}

/** With every default filled in; RFC 8785 text of it is what is digested. */
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

/** What an entry of `approvers` is held against. */
export interface Candidate {
  readonly person?: string | undefined;
  readonly roles: readonly string[];
}

const fits = ({ role, person }: Policy["approvers"][number], candidate: Candidate): boolean =>
  role === undefined ? person === candidate.person : candidate.roles.includes(role);

/** Whether the policy names this one at all. */
export const names = ({ approvers }: Pick<Policy, "approvers">, candidate: Candidate): boolean =>
  approvers.some((approver) => fits(approver, candidate));

/**
 * Whether these people, each of whom agreed, are enough. One person fills one place alone, so that they are matched to
 * places: who could fill two must not keep another out of the only one he fits.
 */
export const isSatisfied = ({ approvers }: Pick<Policy, "approvers">, agreed: readonly Candidate[]): boolean => {
  const places = approvers.flatMap((approver) => Array.from({ length: approver.need }, () => approver));
  const holders = new Map<number, Candidate>();
  const seat = (candidate: Candidate, tried: Set<number>): boolean =>
    places.some((place, index) => {
      if (tried.has(index) || !fits(place, candidate)) return false;
      tried.add(index);
      const holder = holders.get(index);
      if (holder !== undefined && !seat(holder, tried)) return false;
      holders.set(index, candidate);
      return true;
    });
  for (const candidate of agreed) seat(candidate, new Set());
  return holders.size === places.length;
};
