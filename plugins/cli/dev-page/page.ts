// Makes the page that `quater dev` serves at `/`. The page shows the handlers with their routes, tools and actions, and links to
// the other pages of the server.

import { type Html, html, type Part } from "../../../core/diagnostics/html.ts";
import { visible, visibleLines } from "../../../core/diagnostics/text.ts";
import type { Callable, CallLine } from "./calls.ts";
import { style } from "./style.ts";

export interface Shown {
  readonly name: string;
  readonly url: string;
  readonly callables: readonly Callable[];
  /** The links to other pages of the server. Each link has a name, a path or URL, and one sentence about the linked page. */
  readonly links: readonly (readonly [name: string, href: string, about: string])[];
  /** The mounted paths of the HTTP server that no handler's policy protects. */
  readonly mounted: readonly string[];
  /** The names of handlers that no surface exposes. */
  readonly declared: readonly string[];
  /** The shell variable with the development key in the command lines, and the command line that sets the variable. */
  readonly key: { readonly variable: string; readonly line: string };
}

export const devPage = ({ name, url, callables, links, mounted, declared, key }: Shown): string =>
  html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>${visible(name)} - quater dev</title>
<link rel="icon" href="data:,">
${inlineStyle}
</head>
<body>
<header>
<h1>${visible(name)}</h1>
<p class="soft">Development server at <code>${visible(url)}</code>. Only <code>quater dev</code> serves this page.</p>
</header>
<main>
<nav aria-label="Pages"><ul>${links.map(
    ([title, href, about]) => html`<li><a href="${href}">${title}</a> <span class="soft">${about}</span></li>`,
  )}</ul></nav>
<h2>Handlers</h2>
<p>The command lines below send the development key. Set the variable <code>${key.variable}</code> first:</p>
<pre class="setup">${visible(key.line)}</pre>
${callables.length === 0 ? html`<p>The manifest exposes no handler.</p>` : callables.map(article)}
${declared.length > 0 && html`<h2>Not exposed</h2><p>No surface can call these handlers: ${list(declared)}</p>`}
${
  mounted.length > 0 &&
  html`<h2>Routes without the checks of a handler</h2><ul>${mounted.map((path) => html`<li><code>${visible(path)}</code></li>`)}</ul>`
}
</main>
</body>
</html>
`.toString();

/** The style sheet of the page. The content security policy contains the digest of this text, so the text must never differ. */
const inlineStyle = html`<style>${style}</style>`;

const list = (names: readonly string[]): Part => names.map((name, at) => [at > 0 && ", ", html`<code>${visible(name)}</code>`]);

const effects = { read: "only reads", write: "changes data", destructive: "destroys data" } as const;

const article = ({ operation, approval, calls }: Callable): Html => {
  const { name, handler, policy, isPublic } = operation;
  return html`
<article>
<h3><code>${visible(name)}</code></h3>
<p><span class="mark${handler.effect === "destructive" && " warn"}">${effects[handler.effect]}</span>${
    approval !== null && html`<span class="mark warn">needs approval</span>`
  }</p>
<p class="text">${visibleLines(handler.description)}</p>
<dl>
<dt>Policy</dt><dd>${isPublic ? "public, no credential is needed" : html`<code>${visible(policy.name)}</code>`}</dd>
${approval !== null && html`<dt>Approval</dt><dd>${visible(approval)}</dd>`}
</dl>
${calls.map(call)}
</article>`;
};

const surfaces = { http: "Route", mcp: "Tool", cli: "Action" } as const;

const call = ({ surface, target, line }: CallLine): Html => html`<h4>${surfaces[surface]} <code>${visible(target)}</code></h4>
${line === undefined ? html`<p class="soft">No example can be made from the input schema.</p>` : html`<pre>${visible(line)}</pre>`}`;
