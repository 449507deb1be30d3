// Handles the forms with votes and revocations. Quater has authenticated the voter for this HTTP request, and the form contains
// the digest of the approval request that the voter saw.

import { invalid } from "../../../core/index.ts";
import type { Approvals, Approver } from "../service.ts";
import type { Form } from "./form.ts";

const via = "page";

type Voter = Omit<Approver, "via">;

export const vote = async (approvals: Approvals, voter: Voter, id: string, form: Form): Promise<void> => {
  const verdict = form.get("verdict");
  if (verdict !== "approve" && verdict !== "deny") return invalid("/verdict", "must be approve or deny");
  const digest = form.get("digest") ?? invalid("/digest", "is missing");
  await approvals.vote({ ...voter, via }, { id, verdict, digest, ...reasonIn(form) });
};

export const revoke = async (approvals: Approvals, voter: Voter, id: string, form: Form): Promise<void> => {
  await approvals.revoke({ ...voter, via }, { id, ...reasonIn(form) });
};

const longestReason = 500;

const reasonIn = (form: Form): { readonly reason?: string } => {
  const reason = form.get("reason")?.trim() ?? "";
  if (reason.length > longestReason) invalid("/reason", `is longer than ${longestReason} characters`);
  return reason === "" ? {} : { reason };
};
