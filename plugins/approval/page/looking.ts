// The pages that a signed-in person can open: the list of approval requests, and one approval request.

import type { Html } from "../../../core/diagnostics/html.ts";
import type { Principal } from "../../../core/index.ts";
import type { KoaContext } from "../../http/service.ts";
import { isSamePerson } from "../policy.ts";
import type { ApprovalRecord, ApprovalState } from "../record.ts";
import type { Visitor } from "./layout.ts";
import { listPage } from "./list-page.ts";
import type { PageParts } from "./parts.ts";
import { requestPage } from "./request-page.ts";

const over: readonly ApprovalState[] = ["approved", "consumed", "denied", "cancelled", "expired", "revoked"];
const mostPending = 200;
const perPage = 20;

export const listed = async (ctx: KoaContext, parts: PageParts, visitor: Visitor, principal: Principal): Promise<Html> => {
  const { approvals, app } = parts;
  const before = [ctx.query["before"]].flat()[0];
  const [pending, decided] = await Promise.all([
    before === undefined ? approvals.list(principal, { states: ["pending"], limit: mostPending }) : [],
    approvals.list(principal, { states: over, limit: perPage, ...(before === undefined ? {} : { before }) }),
  ]);
  return listPage(
    { app, visitor },
    {
      pending,
      decided,
      olderThan: decided.length === perPage ? decided.at(-1)?.id : undefined,
      isContinued: before !== undefined,
      now: Date.now(),
    },
  );
};

export const looked = async (
  ctx: KoaContext,
  parts: PageParts,
  visitor: Visitor,
  principal: Principal,
  id: string,
): Promise<Html> => {
  const { approvals, app } = parts;
  const record = await approvals.show(principal, id);
  const shown = await parts.present(record, ctx.query["view"] === "full" ? "full" : "short");
  return requestPage({ app }, visitor, { shown, obstacle: ownVote(principal, record) ?? approvals.obstacle(principal, record) });
};

/** Returns the reason why a person who has voted cannot vote again. A second vote would change nothing or be refused. */
const ownVote = ({ person }: Principal, { votes }: ApprovalRecord): string | undefined => {
  const own = votes.find((vote) => isSamePerson(vote.person, person));
  return own && `you have already ${own.verdict === "approve" ? "approved" : "denied"} this request`;
};
