// The example of `quater init --example mcp`: a tool, an MCP resource and a prompt for agents.

import type { Example } from "./example.ts";

const handlerText = `import { can, handler, messages, notFound, text, Type } from "quater";

const terms: Readonly<Record<string, string>> = {
  churn: "The share of customers who leave within a month.",
  runway: "The number of months until the money is used up.",
};
const auth = can("terms:read");
const name = Type.Enum(Object.keys(terms), { description: "The term" });

export const searchTerms = handler({
  description: "Search the glossary. Returns the terms whose name or meaning contains the words.",
  effect: "read",
  input: Type.Object({ words: Type.String({ minLength: 1, maxLength: 100, description: "The words to search for" }) }),
  output: Type.Array(Type.Object({ name: Type.String(), meaning: Type.String() })),
  auth,
  handle: ({ words }) =>
    Object.entries(terms)
      .filter((entry) => entry.join(" ").toLowerCase().includes(words.toLowerCase()))
      .map(([name, meaning]) => ({ name, meaning })),
});

export const readTerm = handler({
  description: "Read the meaning of one term.",
  effect: "read",
  input: Type.Object({ name }),
  output: text("text/plain"),
  auth,
  handle: ({ name }) => terms[name] ?? notFound("term", name),
});

export const explainTerm = handler({
  description: "Explain a term to a person who is new in the company.",
  effect: "read",
  input: Type.Object({ name }),
  output: messages,
  auth,
  handle: ({ name }) => [
    { role: "user" as const, content: \`Explain the term "\${name}" in two sentences. It means: \${terms[name] ?? notFound("term", name)}\` },
  ],
});
`;

const testText = `import assert from "node:assert/strict";
import { test } from "node:test";
import { bootTest, principal } from "quater/testing";
import manifest from "../quater.config.ts";

const agent = principal({ subject: "agent", kind: "agent", scopes: ["terms:read"] });

test("an agent finds a term by a word of its meaning", async () => {
  await using app = await bootTest(manifest, { start: false });
  const outcome = await app.as(agent).call("searchTerms", { words: "customers" }, { surface: "mcp" });
  assert.deepEqual(outcome.ok && outcome.value, [{ name: "churn", meaning: "The share of customers who leave within a month." }]);
});

test("an agent without the scope is refused", async () => {
  await using app = await bootTest(manifest, { start: false });
  const outcome = await app.as(principal({ kind: "agent" })).call("searchTerms", { words: "churn" }, { surface: "mcp" });
  assert.equal(outcome.ok || outcome.error.code, "missing_scope");
});
`;

const manifestText = (
  name: string,
): string => `// The manifest: handlers, how each is exposed, and plugins. A handler that is not listed here cannot be called.
import { defineConfig, expose } from "quater";
import { apiKeys, cli, http, localUser, mcp } from "quater/plugins";

export default defineConfig({
  name: "${name}",
  handlers: [
    expose(() => import("./app/glossary.ts"), {
      searchTerms: { mcp: { title: "Search the glossary" }, cli: true }, // a tool
      readTerm: { mcp: { resource: "term://{name}", tool: false } }, // a resource, which people choose in their client
      explainTerm: { mcp: { prompt: true, title: "Explain a term" } }, // a prompt
    }),
  ],
  plugins: [
    http({ port: 3000, authenticate: apiKeys() }), // MCP over HTTP, at /mcp
    mcp({ authenticate: apiKeys() }),
    cli({ authenticate: localUser({ scopes: ["terms:read"] }) }),
  ],
});
`;

export const mcpExample: Example = {
  purpose: "a tool, a resource and a prompt for agents",
  scopes: ["terms:read"],
  files: ({ name }) => [
    { path: "app/glossary.ts", text: handlerText },
    { path: "test/glossary.test.ts", text: testText },
    { path: "quater.config.ts", text: manifestText(name) },
  ],
  readme: ({ exec, command }) => ({
    about: "a tool, a resource and a prompt in `app/glossary.ts`, for agents over MCP.",
    rows: [
      [`${exec} quater mcp add claude-code --write`, "Connects Claude Code, which then starts the server itself"],
      [`${exec} quater run searchTerms --words month`, "Runs the tool from the terminal"],
      [`${exec} quater exposure`, "Lists handlers with surfaces and auth"],
      [command("test"), "Runs the tests"],
    ],
    createKey: `${exec} quater keys create --name agent --kind agent --scopes terms:read`,
    more: "",
  }),
  calls: ({ exec }) => [`${exec} quater run searchTerms --words month`],
};
