// The page of one approval request: first all data that an approver needs, then the buttons to approve and to deny the approval
// request.

import { type Html, html, type Part } from "../../../core/diagnostics/html.ts";
import type { Presentation, ShownText, ShownValues } from "../shown/index.ts";
import { safeText } from "../shown/index.ts";
import { block, type Frame, inline, page, time, token, type Visitor } from "./layout.ts";

export interface Request {
  readonly shown: Presentation;
  /** The reason why this visitor cannot vote; `undefined` if the visitor can vote. */
  readonly obstacle: string | undefined;
}

export const requestPage = (frame: Omit<Frame, "title">, visitor: Visitor, { shown, obstacle }: Request): Html =>
  page({ ...frame, visitor, title: `${shown.handler.text} (${shown.state})` }, [
    html`<h1><bdi>${shown.handler.text}</bdi> <span class="state">${shown.stateInWords}</span></h1>`,
    shown.purpose !== undefined && html`<p class="purpose">${inline(shown.purpose)}</p>`,
    shown.reason !== undefined && html`<p class="note">Reason: ${inline(shown.reason)}</p>`,
    section("Arguments", shown.hidden === undefined ? values(shown.arguments, "No arguments.") : notShown(shown.hidden)),
    shown.preview !== undefined && section("Preview", values(shown.preview, "The preview is empty.")),
    shown.needsFullView && html`<p class="note">Some long values are cut. <a href="?view=full">Show everything</a></p>`,
    section("Requester", requester(shown)),
    section("Did this already run?", ranBefore(shown)),
    section("Identical requests of the last 24 hours", earlier(shown)),
    section("Approval policy", policy(shown)),
    section("This request", about(shown)),
    section("Your decision", decision(visitor, shown, obstacle)),
  ]);

const section = (title: string, body: Part): Html => html`<section><h2>${title}</h2>${body}</section>`;

const notShown = (why: string): Html => html`<p class="note refused">Not shown: ${why}.</p>`;

const values = ({ rows, rowsLeftOut }: ShownValues, none: string): Part =>
  rows.length === 0
    ? html`<p class="soft">${none}</p>`
    : [
        html`<dl class="values">${rows.map(
          ({ path, type, value }) =>
            // The path of a value is empty if the value is the whole input.
            html`<dt>${path.text === "" ? "whole" : inline(path)} <span class="soft">${type}</span></dt><dd>${block(value)}</dd>`,
        )}</dl>`,
        rowsLeftOut > 0 && html`<p class="warning">and ${rowsLeftOut} more</p>`,
      ];

const row = (label: string, text: ShownText | undefined): Part =>
  text !== undefined && html`<dt>${label}</dt><dd>${inline(text)}</dd>`;

const requester = ({ requester }: Presentation): Html =>
  html`<dl>${[
    row("Person", requester.person),
    row("Acts for", requester.actsFor),
    html`<dt>Subject</dt><dd>${inline(requester.subject)} (${requester.kind})</dd>`,
    row("Issuer", requester.issuer),
    row("Credential", requester.credential),
    row("Surface", requester.surface),
  ]}</dl>`;

const ranBefore = ({ ranBefore }: Presentation): Part =>
  ranBefore === undefined
    ? html`<p class="soft">No earlier call like this one is known.</p>`
    : html`<p class="note"><bdi>${ranBefore.words}</bdi>.${
        ranBefore.match === "cannot_tell" ? "" : html` <a href="/approvals/${ranBefore.id}">Show the earlier request</a>`
      }</p>`;

const earlier = ({ earlier }: Presentation): Part =>
  earlier.length === 0
    ? html`<p class="soft">None.</p>`
    : html`<ul>${earlier.map(
        ({ id, filed, stateInWords }) => html`<li><a href="/approvals/${id}">${id}</a>, ${filed.relative}: ${stateInWords}</li>`,
      )}</ul>`;

const policy = ({ policyName, policy, agreed, votes }: Presentation): Part => [
  html`<p>Policy ${inline(policyName)}:</p>`,
  html`<ul>${policy.map((sentence) => html`<li><bdi>${sentence}</bdi></li>`)}</ul>`,
  html`<p>${agreed.votes} of ${agreed.needed} approvals given.</p>`,
  votes.length > 0 &&
    html`<ul>${votes.map(
      ({ person, verdict, reason, at }) =>
        html`<li>${inline(person)} ${verdict === "approve" ? "approved" : "denied"}, ${at.relative}${
          reason === undefined ? "" : [": ", inline(reason)]
        }</li>`,
    )}</ul>`,
];

const about = (shown: Presentation): Html => html`<dl>
<dt>Request</dt><dd><code>${shown.id}</code></dd>
${row("App", shown.app)}
${row("Environment", shown.environment)}
<dt>Filed</dt><dd>${time(shown.filed)}</dd>
${shown.decided !== undefined && html`<dt>Decided</dt><dd>${time(shown.decided)}</dd>`}
${shown.expires !== undefined && html`<dt>Expires</dt><dd>${time(shown.expires)}</dd>`}
<dt>Digest</dt><dd><code>${shown.digestStart}</code></dd>
</dl>`;

const decision = (visitor: Visitor, shown: Presentation, obstacle: string | undefined): Part => {
  if (shown.state === "approved") return revocation(visitor, shown);
  if (shown.state !== "pending") return html`<p class="soft">This request is already decided or has ended.</p>`;
  if (obstacle !== undefined)
    return html`<p class="note">You cannot decide this approval request: ${inline(safeText(obstacle, "full"))}</p>`;
  // The page of an approval request contains two separate forms, so that the Enter key in the reason field cannot approve the
  // request.
  return [shown.isComplete ? approval(visitor, shown) : incomplete(shown), denial(visitor, shown)];
};

const vote = (visitor: Visitor, { digest }: Presentation, verdict: string): Part => [
  token(visitor.formToken),
  html`<input type="hidden" name="digest" value="${digest}"><input type="hidden" name="verdict" value="${verdict}">`,
];

const approval = (
  visitor: Visitor,
  shown: Presentation,
): Html => html`<form class="card" method="post" action="/approvals/${shown.id}/vote">
${vote(visitor, shown, "approve")}
<p>After the approval, the requester can run this exact call once.</p>
<button class="yes">Approve</button>
</form>`;

const incomplete = ({ needsFullView }: Presentation): Html =>
  needsFullView
    ? html`<p class="note">To approve, <a href="?view=full">show everything</a> first, because some long values are cut.</p>`
    : html`<p class="note">This request cannot be approved, because its arguments cannot be shown.</p>`;

const denial = (
  visitor: Visitor,
  shown: Presentation,
): Html => html`<form class="card" method="post" action="/approvals/${shown.id}/vote">
${vote(visitor, shown, "deny")}
<label for="reason">Reason (optional, the requester can read it)</label>
<input id="reason" name="reason" maxlength="500" autocomplete="off">
<button class="no">Deny</button>
</form>`;

const revocation = (
  visitor: Visitor,
  shown: Presentation,
): Html => html`<form class="card" method="post" action="/approvals/${shown.id}/revocation">
${token(visitor.formToken)}
<label for="reason">This request is approved and not used yet. Reason for revoking the approval (optional)</label>
<input id="reason" name="reason" maxlength="500" autocomplete="off">
<button class="no">Revoke approval</button>
</form>`;
