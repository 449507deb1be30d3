// The help of every command, and the ways in which people find commands and actions.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { builtins } from "../../../plugins/cli/program/builtins.ts";
import { pluginGroups } from "../../../plugins/cli/program/plugin-groups.ts";
import { pluginHelp } from "../../../plugins/cli/program/plugin-help.ts";
import { builtProject, project, quater, start } from "./kit.ts";

const nowhere = project({});
afterAll(() => nowhere.remove());

const all = [
  ...(await Promise.all(builtins.map(async ({ load }) => (await load()).help()))).flat(),
  ...(await Promise.all(pluginGroups.map(async ({ load }) => (await load()).map(pluginHelp)))).flat(),
];

describe("T10: the help of every command has an example, also outside a project", () => {
  test.each(all.map(({ path, usage }) => [path.join(" "), usage] as const))(
    "the command quater %s --help prints help with an example outside a project",
    async (path, usage) => {
      const { code, out, err } = await quater([...path.split(" "), "--help"], { cwd: nowhere.folder });
      expect([code, err]).toEqual([0, ""]);
      expect(out).toMatch(/^Usage {2}quater /);
      expect(out).toContain(`Usage  quater ${usage}\n`);
      expect(out).toMatch(/\nExamples?\n {2}[A-Z].*:\n {4}(?:eval "\$\()?quater /);
    },
  );

  test.each(["audit", "approvals", "store", "keys", "actions", "mcp"])(
    "the command quater %s --help lists the commands of its group",
    async (word) => {
      const { code, out } = await quater([word, "--help"], { cwd: nowhere.folder });
      expect(code).toBe(0);
      for (const { path, description } of all.filter((help) => help.path[0] === word)) {
        expect(out).toContain(path.join(" "));
        expect(out).toContain(description);
      }
    },
  );

  test("the list of commands with help contains exactly the commands of the sample project", async () => {
    const { out } = await quater(["commands"], { cwd: join(import.meta.dirname, "../../..") });
    const added = (JSON.parse(out) as { command: string }[]).map(({ command }) => command);
    expect(all.map(({ path }) => path.join(" "))).toEqual(expect.arrayContaining(added));
    expect(added).toEqual(expect.arrayContaining(["audit tail", "approvals list", "store restored"]));
  });

  test("quater --help lists the groups of plugin commands", async () => {
    const { out } = await quater(["--help"], { cwd: nowhere.folder });
    for (const { usage, summary } of pluginGroups) expect(out).toMatch(new RegExp(`${usage.replaceAll("|", "\\|")} +${summary}`));
  });

  test("quater audit in a project without audit() prints which entry of the manifest is missing", async () => {
    const { code, err } = await quater(["audit", "tail"]);
    expect([code, err]).toEqual([78, expect.stringContaining("No audit() is configured, so there is no command audit")]);
    expect(err).toContain("Add store() and audit() to plugins");
  });

  test("quater approvals in a project that does not boot reports the problem of the project", async () => {
    const broken = project({ "quater.config.mjs": 'throw new Error("broken");' });
    const { code, err } = await quater(["approvals", "list"], { cwd: broken.folder });
    broken.remove();
    expect([code, err]).toEqual([78, expect.stringContaining("broken")]);
  });

  test("the help of a plugin command without an example has an example from the inputs", async () => {
    const { out } = await quater(["report", "make", "--help"]);
    expect(out).toContain("Example\n  Makes");
    expect(out).toMatch(/\n {4}quater report make/);
  });
});

test.each([
  ["adit tail", 'Unknown command "adit"; did you mean "audit"?'],
  ["aprovals", 'Unknown command "aprovals"; did you mean "approvals"?'],
  ["actions serch refund", 'Unknown command "actions serch"; did you mean "actions search"?'],
  ["exposure --writ", "Unknown flag --writ; did you mean --write?"],
  ["keys create --scope a --name b", "Unknown flag --scope; did you mean --scopes?"],
])("the error of the mistyped command quater %s suggests the right word", async (line, message) => {
  expect(await quater(line.split(" "))).toMatchObject({ code: 64, err: `quater: ${message}\n` });
});

test("quater actions search finds actions by name, description and inputs, if the caller may run them", async () => {
  const names = async (...words: readonly string[]) =>
    (JSON.parse((await quater(["actions", "search", ...words])).out) as { name: string }[]).map(({ name }) => name);
  expect(await names("refund")).toContain("refundOrder");
  expect(await names("refund", "order")).toContain("refundOrder");
  expect(await names("amountCents")).toContain("refundOrder");
  expect(await names("refund", "zebra")).toEqual([]);
  expect(await names("admin")).not.toContain("adminOnly");
  expect((await quater(["actions", "search", "zebra"], { isTerminal: true })).out).toBe(
    "No action that you may run contains zebra.\n",
  );
});

test("the command lines of quater actions describe run unchanged at the terminal, over HTTP and over MCP", async () => {
  const { folder, remove } = builtProject({
    "handlers.mjs": `
import { authenticated, handler, Type } from "quater";
export const move = handler({
  description: "Moves stock.",
  effect: "write",
  input: Type.Object({
    from: Type.String({ enum: ["north", "south"] }),
    count: Type.Integer({ minimum: 2 }),
    note: Type.String({ default: "none" }),
    tags: Type.Array(Type.String(), { minItems: 2 }),
    place: Type.Object({ shelf: Type.Integer({ minimum: -3, maximum: -3 }), label: Type.String({ pattern: "^it's$" }) }),
  }),
  auth: authenticated,
  handle: ({ from, count, note, tags, place }) => [from, count, note, tags.length, place.shelf, place.label],
});
`,
    "quater.config.mjs": `
import { defineConfig, expose } from "quater";
import { apiKeys, cli, http, localUser, mcp } from "quater/plugins";
const port = Number(process.env.STOCK_PORT ?? 4999);
export default defineConfig({
  name: "stock",
  handlers: [expose(() => import("./handlers.mjs"), { move: { http: "PUT /stock/:from", mcp: true, cli: true } })],
  plugins: [http({ port, authenticate: apiKeys() }), mcp({ authenticate: apiKeys() }), cli({ authenticate: localUser() })],
});
`,
  });
  try {
    const { out: key } = await start(["keys", "create", "--name", "ana", "--no-json"], { cwd: folder }).ended;
    const server = start(["serve"], { cwd: folder, env: { STOCK_PORT: "0" } });
    const url = /"url":"([^"]+)"/.exec(await server.said(/is ready/))?.[1] ?? "";
    const env = { STOCK_PORT: new URL(url).port };
    const { ready } = JSON.parse((await start(["actions", "describe", "move"], { cwd: folder, env }).ended).out);
    const shell = (line: string) =>
      spawnSync("bash", ["-c", line.replace(/^npx quater/, `QUATER_TOKEN= ${process.execPath} "$QUATER"`)], {
        cwd: folder,
        encoding: "utf8",
        env: {
          ...process.env,
          ...env,
          QUATER: join(folder, "node_modules/quater/dist/plugins/cli/main.js"),
          QUATER_TOKEN: key.trim(),
        },
      }).stdout;
    const expected = ["north", 2, "none", 2, -3, "it's"];
    expect(JSON.parse(shell(ready.run))).toEqual(expected);
    expect(JSON.parse(shell(ready.http))).toEqual(expected);
    expect(JSON.parse(JSON.parse(shell(ready.mcp)).result.content[0].text)).toEqual(expected);
    const { out } = await quater(["actions", "describe", "move"], { cwd: folder, isTerminal: true });
    expect(out).toContain("To paste, with an example input\n  At the terminal:\n    npx quater run move ");
    server.process.kill("SIGTERM");
    await server.ended;
  } finally {
    remove();
  }
});
