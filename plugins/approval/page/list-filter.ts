// The filters of the list on the approvals page. list-filter.ts reads the filters from the query of the URL, shows the filters as
// a form, and repeats the filters in links to the next page.

import { timeOf } from "../../../core/diagnostics/given-time.ts";
import { type Html, html } from "../../../core/diagnostics/html.ts";
import { type ApprovalState, approvalStates } from "../record.ts";
import type { ListGiven } from "../service.ts";

const decidedStates: readonly ApprovalState[] = approvalStates.filter((state) => state !== "pending");

/**
 * The choices of the form for `state`. Without a choice, the approvals page lists pending requests first, and then all other
 * requests.
 */
const choices = ["pending", "decided", ...decidedStates] as const;
type Choice = (typeof choices)[number];

const times = { "1h": "the last hour", "1d": "the last day", "7d": "the last 7 days", "30d": "the last 30 days" } as const;

/** The texts in the query of the URL. If a text is not valid, the filter counts as absent. */
export interface Filter {
  readonly state: Choice | undefined;
  readonly handler: string | undefined;
  readonly requester: string | undefined;
  readonly since: keyof typeof times | undefined;
  readonly before: string | undefined;
}

/** The most characters of a handler name or a person name in the query of the URL. */
const longest = 512;

export const filterOf = (query: Readonly<Record<string, string | readonly string[] | undefined>>): Filter => {
  const text = (name: string): string | undefined => {
    const given = [query[name]].flat()[0]?.trim();
    return given === undefined || given === "" || given.length > longest ? undefined : given;
  };
  const state = text("state");
  const since = text("since");
  return {
    state: choices.find((choice) => choice === state),
    handler: text("handler"),
    requester: text("requester"),
    since: since !== undefined && Object.hasOwn(times, since) ? (since as keyof typeof times) : undefined,
    before: text("before"),
  };
};

/** Returns the filter in the form that the approvals service accepts, without states. */
export const givenOf = ({ handler, requester, since }: Filter): ListGiven => ({
  ...(handler === undefined ? {} : { handler }),
  ...(requester === undefined ? {} : { requester }),
  ...(since === undefined ? {} : { since: timeOf("since", since) }),
});

export const statesOf = (choice: Choice): readonly ApprovalState[] => (choice === "decided" ? decidedStates : [choice]);

/** Returns the URL of the next page of the list. */
export const linkTo = (filter: Filter, state: Choice, before: string): string => {
  const given = Object.entries({ ...filter, state, before }).filter((entry): entry is [string, string] => entry[1] !== undefined);
  return `/approvals?${new URLSearchParams(given)}`;
};

const isSet = ({ before: _, ...filter }: Filter): boolean => Object.values(filter).some((value) => value !== undefined);

export const filterForm = (filter: Filter): Html => html`<details class="filter"${isSet(filter) && html` open`}>
<summary>Filter</summary>
<form method="get" action="/approvals">
<div><label for="state">State</label>
<select id="state" name="state">${option("", "pending, then decided", filter.state)}${choices.map((choice) =>
  option(choice, choice === "decided" ? "decided or ended" : choice, filter.state),
)}</select></div>
<div><label for="since">Filed in</label>
<select id="since" name="since">${option("", "any time", filter.since)}${Object.entries(times).map(([since, words]) =>
  option(since, words, filter.since),
)}</select></div>
<div><label for="handler">Handler</label>
<input id="handler" name="handler" value="${filter.handler ?? ""}" maxlength="${longest}" autocomplete="off"></div>
<div><label for="requester">Requested by or for</label>
<input id="requester" name="requester" value="${filter.requester ?? ""}" maxlength="${longest}" autocomplete="off"></div>
<p><button>Show</button> ${isSet(filter) && html`<a href="/approvals">Show all</a>`}</p>
</form>
</details>`;

const option = (value: string, words: string, chosen: string | undefined): Html =>
  html`<option value="${value}"${value === (chosen ?? "") && html` selected`}>${words}</option>`;
