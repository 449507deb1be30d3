// The page with all approval requests: first the pending approval requests, then the approval requests that were decided or have
// ended.

import { type Html, html, type Part } from "../../../core/diagnostics/html.ts";
import type { ApprovalRecord } from "../record.ts";
import type { Listed } from "../service.ts";
import { type FirstArguments, type PresentFirst, type ShownTime, safeText, shownTime, stateInWords } from "../shown/index.ts";
import { type Frame, inline, page } from "./layout.ts";
import { type Filter, filterForm, linkTo } from "./list-filter.ts";

/** One of the two lists on the page with all approval requests. */
export interface Section extends Listed {
  readonly state: NonNullable<Filter["state"]>;
}

export interface ListShown {
  readonly filter: Filter;
  readonly sections: readonly Section[];
  readonly presentFirst: PresentFirst;
  /** The current time, milliseconds since the epoch. */
  readonly now: number;
}

export const listPage = (frame: Omit<Frame, "title">, shown: ListShown): Html =>
  page({ ...frame, title: "Approvals" }, [
    html`<h1>Approvals</h1>`,
    filterForm(shown.filter),
    shown.sections.map((each) => section(each, shown)),
  ]);

const headings: Partial<Record<Section["state"], string>> = { pending: "Pending requests", decided: "Decided or ended requests" };
const nothing: Partial<Record<Section["state"], string>> = {
  pending: "No request is pending.",
  decided: "No request was decided yet.",
};

const section = ({ state, requests, next }: Section, { filter, presentFirst, now }: ListShown): Html => html`<section>
<h2>${headings[state] ?? `Requests in the state ${state}`}</h2>
${
  requests.length === 0
    ? html`<p class="soft">${next === undefined ? (nothing[state] ?? "No request is in this state.") : "No request on this page."}</p>`
    : html`<ul class="requests">${requests.map((record) => row(record, presentFirst(record), now))}</ul>`
}
${next !== undefined && html`<p><a href="${linkTo(filter, state, next)}">Older ${state === "pending" ? "pending " : ""}requests</a></p>`}
</section>`;

const row = (record: ApprovalRecord, first: FirstArguments, now: number): Html => html`<li>
<a href="/approvals/${record.id}"><bdi class="value inline">${safeText(record.handler).text}</bdi></a> <span class="state">${stateInWords(record)}</span><br>
${firstArguments(first)}requested by ${asker(record)} over ${inline(safeText(record.surface))}<br>
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

const firstArguments = ({ rows, rowsLeftOut, hidden }: FirstArguments): Part => {
  if (hidden !== undefined) return html`<span class="soft">arguments not shown: ${hidden}</span><br>`;
  if (rows.length === 0) return undefined;
  return [
    html`<span class="first">${rows.map(
      ({ path, type, value }) =>
        html`<span>${path.text !== "" && html`<bdi class="soft">${path.text}</bdi> `}<bdi class="value inline">${
          value.text === "" ? type : value.text
        }</bdi>${[...path.warnings, ...value.warnings].map((warning) => html` <span class="warning">${warning}</span>`)}</span> `,
    )}${rowsLeftOut > 0 && html`<span class="soft">and ${rowsLeftOut} more</span>`}</span><br>`,
  ];
};
