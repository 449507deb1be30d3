// Makes the HTML page that shows people the name, the instructions and the tools of the MCP server, in the form that agents get.

import { type Html, html, type Part } from "../../../core/diagnostics/html.ts";
import { visible, visibleLines } from "../../../core/diagnostics/text.ts";
import type { Tool } from "../offers/tools.ts";
import type { About } from "../protocol/about.ts";

/** The entry of a tool in `tools/list`. */
interface Listed {
  readonly name: string;
  readonly title?: string;
  readonly description: string;
  readonly inputSchema: object;
  readonly outputSchema?: object;
  readonly annotations: Readonly<Record<string, boolean>>;
  readonly _meta?: { readonly "quater/approval"?: { readonly required: true; readonly policy?: string } };
}

export interface Shown {
  readonly about: About;
  /** The URL of the MCP endpoint. */
  readonly url: string;
  readonly tools: readonly Tool[];
  /** Whether the page shows all tools, because the server runs in development. */
  readonly isOpen: boolean;
}

export const toolsPage = ({ about, url, tools, isOpen }: Shown): string => {
  const { name, version, title = name, instructions } = about;
  return html`<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="robots" content="noindex">
<title>Tools - ${visible(title)}</title>
<link rel="icon" href="data:,">
<link rel="stylesheet" href="docs/style.css">
</head>
<body>
<header>
<h1>${visible(title)}</h1>
<dl>
<dt>Server</dt><dd><code>${visible(name)}</code> ${visible(version)}</dd>
<dt>Endpoint</dt><dd><code>${url}</code></dd>
</dl>
</header>
<main>
<h2>Instructions for agents</h2>
${instructions === undefined ? html`<p class="soft">The server gives no instructions.</p>` : html`<p class="text">${visibleLines(instructions)}</p>`}
<h2>Tools</h2>
<p class="soft">${isOpen ? "All tools, because the server runs for development." : "The tools that agents with your rights see."}</p>
${tools.length === 0 ? html`<p>There are no tools.</p>` : list(tools)}
${tools.map(article)}
</main>
</body>
</html>
`.toString();
};

const list = (tools: readonly Tool[]): Html =>
  html`<nav aria-label="Tools"><ul>${tools.map(({ operation: { name } }) => html`<li><a href="#${name}">${name}</a></li>`)}</ul></nav>`;

const article = ({ operation, json }: Tool): Html => {
  const { name, title, description, inputSchema, outputSchema, annotations, _meta } = JSON.parse(json) as Listed;
  const { scopeChoices, roles } = operation.policy;
  const approval = _meta?.["quater/approval"];
  const scopes = scopeChoices.some((each) => each.length === 0) ? [] : scopeChoices.map((each) => each.join(" and "));
  return html`
<article id="${name}">
<h3>${title === undefined ? html`<code>${name}</code>` : html`${visible(title)} <code>${name}</code>`}</h3>
<p>${marks(operation.handler.effect)}${approval !== undefined && html`<span class="mark warn">needs approval</span>`}</p>
<p class="text">${visibleLines(description)}</p>
<dl>
<dt>Scopes</dt><dd>${scopes.length === 0 ? "none" : html`<code>${scopes.join(", or ")}</code>`}</dd>
${roles.length > 0 && html`<dt>Roles</dt><dd><code>${roles.join(", ")}</code></dd>`}
${approval?.policy !== undefined && html`<dt>Approval</dt><dd>policy <code>${approval.policy}</code></dd>`}
<dt>Annotations</dt><dd><code>${Object.entries(annotations)
    .map(([hint, value]) => `${hint}: ${String(value)}`)
    .join(", ")}</code></dd>
</dl>
${schema("Input schema", inputSchema)}
${outputSchema === undefined ? html`<p class="soft">The tool has no output schema.</p>` : schema("Output schema", outputSchema)}
</article>`;
};

const words = { read: "only reads", write: "changes data", destructive: "destroys data" } as const;

const marks = (effect: keyof typeof words): Part =>
  html`<span class="mark${effect === "destructive" && " warn"}">${words[effect]}</span>`;

/**
 * Returns the HTML of a schema. The element of the schema can have the keyboard focus, so that a reader without a mouse can
 * scroll the schema.
 */
const schema = (what: string, value: object): Html => html`<details>
<summary>${what}</summary>
<pre tabindex="0" role="region" aria-label="${what}"><code>${visibleLines(JSON.stringify(value, null, 2))}</code></pre>
</details>`;
