// Row T14: one useful line where the program said nothing, or said the same again and again.

import { afterAll, expect, test } from "vitest";
import { builtProject, type Project, quater, start } from "./kit.ts";

const made: Project[] = [];
afterAll(() => {
  for (const { remove } of made) remove();
});

const served = (plugins: string, table = 'pay: { http: "POST /payments/:to", mcp: true }'): string => {
  const one = builtProject({
    "handlers.mjs": `
import { authenticated, handler, Type } from "quater";
export const pay = handler({
  description: "Pays.",
  effect: "write",
  input: Type.Object({ to: Type.String({ minLength: 2 }), cents: Type.Integer({ minimum: 1 }) }),
  auth: authenticated,
  handle: ({ to }) => ({ to }),
});
`,
    "quater.config.mjs": `
import { defineConfig, expose } from "quater";
import { apiKeys, audit, http, localUser, mcp, store } from "quater/plugins";
export default defineConfig({
  name: "made",
  handlers: [expose(() => import("./handlers.mjs"), { ${table} })],
  plugins: [${plugins}],
});
`,
  });
  made.push(one);
  return one.folder;
};
const withKeys = "http({ port: 0, authenticate: apiKeys() }), mcp({ authenticate: apiKeys() })";

test("T14: quater serve without any API key prints once that no caller has access, and how to create a key", async () => {
  const cwd = served(withKeys);
  const line = /has no valid key, so every call that needs a key is refused\. Create a key: quater keys create --name <name>/g;
  const first = start(["serve"], { cwd });
  expect((await first.said(/is ready/)).match(line)).toHaveLength(1);
  first.process.kill("SIGTERM");
  await first.ended;
  await start(["keys", "create", "--name", "ana"], { cwd }).ended;
  const second = start(["serve"], { cwd });
  expect(await second.said(/is ready/)).not.toMatch(line);
  second.process.kill("SIGTERM");
  await second.ended;
});

test("T14: for a project that has only POST routes, quater serve prints a command line that works in a shell", async () => {
  const cwd = served(withKeys);
  const server = start(["dev", "--no-watch"], { cwd });
  const text = await server.said(/Try it:\n.*\n/);
  const line = /Try it:\n {2}(curl .*)\n/.exec(text)?.[1] ?? "";
  expect(line).toMatch(
    /^curl -H "Authorization: Bearer qk_\S+" --json '\{"cents":1\}' http:\/\/127\.0\.0\.1:\d+\/payments\/\w+$/,
  );
  const [, authorization = "", body = "", url = ""] = /-H "Authorization: (.*?)" --json '(.*?)' (\S+)$/.exec(line) ?? [];
  const answer = await fetch(url, { method: "POST", body, headers: { authorization, "content-type": "application/json" } });
  expect([answer.status, await answer.json()]).toEqual([200, { to: url.split("/").at(-1) }]);
  server.process.kill("SIGTERM");
  await server.ended;
});

test("T14: the response of the server to GET / contains the addresses of the pages of the server", async () => {
  const server = start(["serve"], { cwd: served(withKeys) });
  const url = /"url":"([^"]+)"/.exec(await server.said(/is ready/))?.[1] ?? "";
  expect(await (await fetch(`${url}/`)).json()).toMatchObject({
    status: 404,
    detail: "No route matches GET /. The routes of this server are documented at /docs and in /openapi.json",
  });
  expect(await (await fetch(`${url}/other`)).json()).toMatchObject({ detail: "No route matches GET /other" });
  server.process.kill("SIGTERM");
  await server.ended;
});

test("T14: quater mcp prints what it waits for on a terminal, and prints no such line when an MCP client starts it", async () => {
  const cwd = served(withKeys);
  const line =
    /quater mcp waits for the messages of an MCP client on standard input\. To connect a client, run: .*quater mcp add <client>/;
  expect((await quater(["mcp"], { cwd, isTerminal: true, isTyping: true })).err).toMatch(line);
  expect((await quater(["mcp"], { cwd })).err).toBe("");
});

test("T14: quater dev and quater serve print only once that audit() has no sinks, and no reload repeats this line", async () => {
  const cwd = served(`http({ port: 0, authenticate: apiKeys() }), mcp({ authenticate: apiKeys() }), store(), audit()`);
  const dev = start(["dev", "--no-watch"], { cwd });
  expect(await dev.said(/is ready/)).not.toContain("no sinks");
  dev.process.kill("SIGTERM");
  await dev.ended;
  const server = start(["serve"], { cwd });
  expect((await server.said(/is ready/)).match(/no sinks/g)).toHaveLength(1);
  server.process.kill("SIGTERM");
  await server.ended;
});
