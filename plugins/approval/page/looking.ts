// The pages that a signed-in person can open: the list of approval requests, and one approval request.

import type { Html } from "../../../core/diagnostics/html.ts";
import type { Principal } from "../../../core/index.ts";
import type { KoaContext } from "../../http/service.ts";
import { isSamePerson } from "../policy.ts";
import type { ApprovalRecord } from "../record.ts";
import type { Visitor } from "./layout.ts";
import { filterOf, givenOf, statesOf } from "./list-filter.ts";
import { listPage, type Section } from "./list-page.ts";
import type { PageParts } from "./parts.ts";
import { requestPage } from "./request-page.ts";

const perPage = 20;

export const listed = async (ctx: KoaContext, parts: PageParts, visitor: Visitor, principal: Principal): Promise<Html> => {
  const { approvals, app, presentFirst } = parts;
  const filter = filterOf(ctx.query);
  const { before } = filter;
  const read = async (state: Section["state"]): Promise<Section> => ({
    state,
    ...(await approvals.page(principal, {
      ...givenOf(filter),
      states: statesOf(state),
      limit: perPage,
      ...(before === undefined ? {} : { before }),
    })),
  });
  const sections = await Promise.all(filter.state === undefined ? [read("pending"), read("decided")] : [read(filter.state)]);
  return listPage({ app, visitor }, { filter, sections, presentFirst, now: Date.now() });
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

/**
 * Returns the reason why a person who has voted cannot vote again. A second vote of this person would change nothing or be
 * refused.
 */
const ownVote = ({ person }: Principal, { votes }: ApprovalRecord): string | undefined => {
  const own = votes.find((vote) => isSamePerson(vote.person, person));
  return own && `you have already ${own.verdict === "approve" ? "approved" : "denied"} this request`;
};
