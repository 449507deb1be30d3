// The frame that all approvals pages share, and the display of texts of other people.

import { type Html, html, type Part } from "../../../core/diagnostics/html.ts";
import type { ShownText, ShownTime } from "../shown/index.ts";

/** The visitor of an approvals page. */
export interface Visitor {
  readonly formToken: string;
  /** The name of the person who is signed in; `undefined` if nobody is signed in. */
  readonly person: ShownText | undefined;
  /** Whether a proxy signed the visitor in. If a proxy signed the visitor in, the approvals page has no button to sign out. */
  readonly isSso: boolean;
}

export interface Frame {
  readonly app: string;
  readonly title: string;
  readonly visitor?: Visitor | undefined;
}

export const page = ({ app, title, visitor }: Frame, body: Part): Html => html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${title} - ${app}</title>
<link rel="stylesheet" href="/approvals/style.css">
</head>
<body>
<header>
<p><a href="/approvals">Approvals</a> <span class="soft">${app}</span></p>
${visitor?.person === undefined ? undefined : signedIn(visitor.person, visitor)}
</header>
<main>
${body}
</main>
</body>
</html>
`;

const signedIn = (person: ShownText, { formToken, isSso }: Visitor): Html => html`<p>Signed in as ${inline(person)}</p>
${!isSso && html`<form method="post" action="/approvals/sign-out">${token(formToken)}<button>Sign out</button></form>`}`;

export const token = (formToken: string): Html => html`<input type="hidden" name="form" value="${formToken}">`;

/**
 * Displays a text of another person on separate lines. The element `bdi` isolates the writing direction of the text from the
 * surrounding text.
 */
export const block = (shown: ShownText): Html => html`<bdi class="value">${shown.text}</bdi>${remarks(shown)}`;

/** Displays a text of another person inside a sentence. */
export const inline = (shown: ShownText): Html => html`<bdi class="value inline">${shown.text}</bdi>${remarks(shown)}`;

const remarks = ({ warnings, isCut, length, sha256 }: ShownText): Part => [
  isCut && html` <span class="warning">cut: ${length} characters, SHA-256 ${sha256}</span>`,
  warnings.map((warning) => html` <span class="warning">${warning}</span>`),
];

export const time = ({ iso, relative }: ShownTime): Html =>
  html`<time datetime="${iso}">${relative}</time> <span class="soft">${iso}</span>`;
