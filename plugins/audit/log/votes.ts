// Decides whether enough people have voted to approve a request. The plugin approval uses this function to decide, and `audit
// verify` uses this function to check the decision.

/** One entry of a policy's `approvers`. */
export interface ApproverRule {
  readonly role?: string;
  readonly person?: string;
  readonly need: number;
}

/** A person whose vote Quater matches with the entries of `approvers`. */
export interface Candidate {
  readonly person?: string | undefined;
  readonly roles: readonly string[];
}

export const fits = ({ role, person }: ApproverRule, candidate: Candidate): boolean =>
  role === undefined ? person === candidate.person : candidate.roles.includes(role);

/**
 * Returns whether the people who voted to approve satisfy all rules of `approvers`. Each person counts for one place of the rules
 * only. This function looks for an assignment of people to places. In this assignment, a person who fits two places does not use
 * the only place that fits another person.
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
