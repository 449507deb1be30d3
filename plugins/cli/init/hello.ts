// The default example of a new project: one handler on three surfaces.

import type { Example } from "./example.ts";

const handlerText = `import { can, handler, Type } from "quater";

export const hello = handler({
  description: "Greet a person by name.",
  effect: "read",
  input: Type.Object({ name: Type.String({ minLength: 1, maxLength: 50, default: "world" }) }),
  output: Type.Object({ text: Type.String() }),
  auth: can("hello"),
  handle: ({ name }) => ({ text: \`Hello \${name}\` }),
});
`;

const testText = `import assert from "node:assert/strict";
import { test } from "node:test";
import { bootTest, principal } from "quater/testing";
import manifest from "../quater.config.ts";

test("a caller with the scope gets a greeting", async () => {
  await using app = await bootTest(manifest, { start: false });
  const outcome = await app.as(principal({ scopes: ["hello"] })).call("hello", { name: "Ana" });
  assert.deepEqual(outcome.ok && outcome.value, { text: "Hello Ana" });
});

test("a caller without the scope is refused", async () => {
  await using app = await bootTest(manifest, { start: false });
  const outcome = await app.as(principal()).call("hello", { name: "Ana" });
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
    expose(() => import("./app/hello.ts"), {
      hello: { http: "GET /hello", mcp: true, cli: true },
    }),
  ],
  plugins: [
    http({ port: 3000, authenticate: apiKeys() }),
    mcp({ authenticate: apiKeys() }),
    cli({ authenticate: localUser({ scopes: ["hello"] }) }),
  ],
});
`;

export const helloExample: Example = {
  purpose: "one handler on three surfaces",
  scopes: ["hello"],
  files: ({ name }) => [
    { path: "app/hello.ts", text: handlerText },
    { path: "test/hello.test.ts", text: testText },
    { path: "quater.config.ts", text: manifestText(name) },
  ],
  readme: ({ exec, command }) => ({
    about: "one handler in `app/hello.ts`, exposed over HTTP, as a tool for agents, and at the terminal.",
    rows: [
      [`${exec} quater run hello --name Ana`, "Runs the handler from the terminal"],
      [`${exec} quater exposure`, "Lists handlers with surfaces and auth"],
      [command("test"), "Runs the tests"],
    ],
    createKey: `${exec} quater keys create --name ana --scopes hello`,
    more: "",
  }),
  calls: ({ exec }, { url, header }) => [`curl ${header} ${url}/hello`, `${exec} quater run hello --name Ana`],
};
