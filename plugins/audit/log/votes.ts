// Whether people who agreed are enough for a policy. Both approval, which decides, and `audit verify`, which checks what
// was decided, ask here.

/** One entry of a policy's approvers. */
export interface ApproverRule {
  readonly role?: string;
  readonly person?: string;
  readonly need: number;
}

/** What an entry of `approvers` is held against. */
export interface Candidate {
  readonly person?: string | undefined;
  readonly roles: readonly string[];
}

export const fits = ({ role, person }: ApproverRule, candidate: Candidate): boolean =>
  role === undefined ? person === candidate.person : candidate.roles.includes(role);

/**
 * Whether these people, each of whom agreed, are enough. One person fills one place, so people are matched to places: a
 * person who could fill two places must not keep another person out of the only place that fits.
 */
export const isSatisfied = (
  { approvers }: { readonly approvers: readonly ApproverRule[] },
  agreed: readonly Candidate[],
): boolean => {
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
