// The sign-in page, and the page that explains a refused HTTP request.

import { type Html, html, type Part } from "../../../core/diagnostics/html.ts";
import type { QuaterError } from "../../../core/index.ts";
import { safeText } from "../shown/index.ts";
import { type Frame, inline, page, token } from "./layout.ts";

export interface SignIn {
  readonly formToken: string;
  /** The path under /approvals that the browser opens after the sign-in. */
  readonly next: string;
  readonly refused?: QuaterError | undefined;
}

export const signInPage = (frame: Omit<Frame, "title">, { formToken, next, refused }: SignIn): Html => {
  const shared = [token(formToken), html`<input type="hidden" name="next" value="${next}">`];
  return page({ ...frame, title: "Sign in" }, [
    html`<h1>Sign in</h1>`,
    refused !== undefined && refusal(refused),
    html`<form class="card" method="post" action="/approvals/sign-in">${shared}
<label for="code">One-time code, from <code>quater approvals code</code></label>
<input id="code" name="code" required autocomplete="one-time-code" autocapitalize="characters" spellcheck="false" maxlength="16">
<button>Sign in with the code</button>
</form>`,
    html`<form class="card" method="post" action="/approvals/sign-in">${shared}
<label for="key">Approver key</label>
<input id="key" name="key" type="password" required autocomplete="current-password" spellcheck="false" maxlength="8192">
<button>Sign in with the key</button>
</form>`,
  ]);
};

/**
 * The page for a visit from another site. The browser sends the session cookie only if the visitor follows the link on this page.
 */
export const continuePage = (frame: Omit<Frame, "title">, path: string): Html =>
  page({ ...frame, title: "Continue" }, [
    html`<h1>Continue</h1>`,
    html`<p>You came from another site. To protect your sign-in, open the page with this link:</p>`,
    html`<p><a href="${path}">Open the page</a></p>`,
  ]);

export const refusedPage = (
  frame: Omit<Frame, "title">,
  error: QuaterError,
  callId: string,
  back: { readonly path: string; readonly words: string },
): Html =>
  page({ ...frame, title: "Refused" }, [
    html`<h1>Refused</h1>`,
    refusal(error),
    html`<p><a href="${back.path}">${back.words}</a></p>`,
    html`<p class="soft">Call ${callId}</p>`,
  ]);

const refusal = ({ message, code }: QuaterError): Part =>
  html`<p class="note refused" role="alert">${inline(safeText(message, "full"))} <code>${code}</code></p>`;
