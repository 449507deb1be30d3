// The page with all approval requests: first the pending requests, then the requests that were decided or have ended.

import { type Html, html, type Part } from "../../../core/diagnostics/html.ts";
import type { ApprovalRecord } from "../record.ts";
import { type ShownTime, safeText, shownTime, stateInWords } from "../shown/index.ts";
import { type Frame, inline, page } from "./layout.ts";

export interface Listed {
  readonly pending: readonly ApprovalRecord[];
  readonly decided: readonly ApprovalRecord[];
  /** The id of the oldest shown approval request, if there may be older requests. */
  readonly olderThan: string | undefined;
  /** Whether this is a later page of the list. Pending requests are on the first page. */
  readonly isContinued: boolean;
  /** The current time, milliseconds since the epoch. */
  readonly now: number;
}

export const listPage = (frame: Omit<Frame, "title">, { pending, decided, olderThan, isContinued, now }: Listed): Html =>
  page({ ...frame, title: "Approvals" }, [
    html`<h1>Approvals</h1>`,
    !isContinued && html`<section><h2>Pending requests</h2>${rows(pending, now, "No request is pending.")}</section>`,
    html`<section><h2>Decided or ended requests</h2>${rows(decided, now, "No request was decided yet.")}</section>`,
    olderThan !== undefined && html`<p><a href="/approvals?before=${olderThan}">Older requests</a></p>`,
  ]);

const rows = (records: readonly ApprovalRecord[], now: number, none: string): Part =>
  records.length === 0
    ? html`<p class="soft">${none}</p>`
    : html`<ul class="requests">${records.map((record) => row(record, now))}</ul>`;

const row = (record: ApprovalRecord, now: number): Html => html`<li>
<a href="/approvals/${record.id}"><bdi class="value inline">${safeText(record.handler).text}</bdi></a> <span class="state">${stateInWords(record)}</span><br>
requested by ${asker(record)} over ${inline(safeText(record.surface))}<br>
<span class="soft">filed ${relative(shownTime(record.filedAt, now))}${until(record, now)}</span>
</li>`;

const asker = ({ requester }: ApprovalRecord): Part => {
  const who = inline(safeText(requester.person ?? requester.subject));
  return requester.actsFor === undefined ? who : [who, " for ", inline(safeText(requester.actsFor))];
};

const until = ({ state, pendingUntil, usableUntil }: ApprovalRecord, now: number): Part => {
  if (state === "pending") return [", decide ", relative(shownTime(pendingUntil, now))];
  return state === "approved" && usableUntil !== undefined && [", use ", relative(shownTime(usableUntil, now))];
};

const relative = ({ iso, relative }: ShownTime): Html => html`<time datetime="${iso}">${relative}</time>`;
