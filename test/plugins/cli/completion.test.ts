// Completion: what it offers, in the real shells, and that it trusts no folder.

import { execFileSync, spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { builtProgram } from "../../built.ts";
import { builtProject, project, quater, start } from "./kit.ts";

const made = builtProject({
  "handlers.mjs": `
import { anyone, handler, secret, Type } from "quater";
const parts = { effect: "read", auth: anyone, handle: () => null };
export const listOrders = handler({ ...parts, description: "Lists orders.", input: Type.Object({
  state: Type.Optional(Type.Enum(["paid", "open", "two words"])),
  isUrgent: Type.Optional(Type.Boolean()),
  article: Type.Optional(Type.Object({ title: Type.String() })),
  token: Type.Optional(secret(Type.String())),
}) });
export const listItems = handler({ ...parts, description: "Lists items.", input: Type.Object({}) });
export const hidden = handler({ ...parts, description: "Not at the terminal.", input: Type.Object({}) });
`,
  "quater.config.mjs": `
import { defineConfig, expose } from "quater";
import { cli, http, localUser } from "quater/plugins";
export default defineConfig({
  name: "made",
  handlers: [expose(() => import("./handlers.mjs"), { listOrders: { cli: true }, listItems: { cli: true }, hidden: { http: "GET /hidden" } })],
  plugins: [http({ port: 0, authenticate: localUser() }), cli({ authenticate: localUser() })],
});
`,
});
const list = join(made.folder, ".quater/completion.json");
const nowhere = project({});
afterAll(() => {
  made.remove();
  nowhere.remove();
});
beforeAll(async () => {
  expect((await start(["build"], { cwd: made.folder }).ended).code).toBe(0);
});

const offered = async (line: string, more: { readonly cwd?: string; readonly env?: Readonly<Record<string, string>> } = {}) => {
  const { code, out, err } = await quater(["completion", "query", "--", ...line.split(" ")], { cwd: made.folder, ...more });
  expect([code, err]).toEqual([0, ""]);
  return out
    .split("\n")
    .filter(Boolean)
    .map((text) => text.split("\t")[0]);
};

test.each([
  ["ru", ["run"]],
  ["appr", ["approvals"]],
  ["audit v", ["verify"]],
  ["keys ", ["create", "list", "revoke", "rotate"]],
  ["run ", ["listOrders", "listItems"]],
  ["run listO", ["listOrders"]],
  ["actions des", ["describe"]],
  ["actions describe listI", ["listItems"]],
  ["run listOrders --s", ["--state"]],
  ["run listOrders --art", ["--article", "--article.title"]],
  ["run listOrders --dry", ["--dry-run"]],
  ["run listOrders --tok", []],
  ["run listOrders --state ", ["paid", "open"]],
  ["run listOrders --state=p", ["--state=paid"]],
  ["run listOrders --is-urgent --sta", ["--state"]],
  ["approvals list --sta", ["--state"]],
  ["approvals list --state pen", ["pending"]],
  ["mcp add cur", ["cursor"]],
  ["completion ", ["bash", "zsh", "fish"]],
  ["init --pm p", ["pnpm"]],
  ["run listOrders --input ", [":files"]],
  ["--config ", [":files"]],
  ["--config elsewhere/quater.config.ts run ", []],
  ["nosuch ", []],
])("shell completion of the command line quater %s offers %j", async (line, expected) => {
  expect(await offered(line)).toEqual(expected);
});

test("shell completion of the flag --remote offers the remotes that the user has added", async () => {
  const home = join(nowhere.folder, "home");
  mkdirSync(home, { mode: 0o700, recursive: true });
  const env = { QUATER_HOME: home };
  expect(await offered("run --remote ", { env })).toEqual([]);
  const { change } = await import("../../../plugins/cli/remote/known.ts");
  change(env, "prod", { name: "prod", url: "https://shop.example" });
  change(env, "staging", { name: "staging", url: "https://staging.example" });
  expect(await offered("run --remote ", { env })).toEqual(["prod", "staging"]);
  expect(await offered("run --remote=st", { env })).toEqual(["--remote=staging"]);
});

test("quater dev writes the list of actions for shell completion to a file that only the user can read", async () => {
  rmSync(list);
  const server = start(["dev", "--no-watch"], { cwd: made.folder });
  await server.said(/is ready/);
  server.process.kill("SIGTERM");
  await server.ended;
  expect(statSync(list).mode & 0o077).toBe(0);
  const { format, actions } = JSON.parse(readFileSync(list, "utf8"));
  expect([format, actions.map(({ name }: { name: string }) => name)]).toEqual([1, ["listOrders", "listItems"]]);
});

describe("T10: quater completion prints a script for each shell", () => {
  const bin = join(nowhere.folder, "bin");
  beforeAll(() => {
    mkdirSync(bin, { recursive: true });
    writeFileSync(join(bin, "quater"), `#!/bin/sh\nexec "${process.execPath}" "${builtProgram()}" "$@"\n`, { mode: 0o755 });
  });
  const has = (shell: string) => spawnSync(shell, ["--version"]).status === 0;
  const needed = process.env["QUATER_TEST_REQUIRE_ALL"] === "1";
  const inShell = (shell: string, text: string): string[] =>
    execFileSync(shell, shell === "zsh" ? ["-f", "-c", text] : ["-c", text], {
      cwd: made.folder,
      encoding: "utf8",
      env: { ...process.env, PATH: `${bin}:${process.env["PATH"]}`, HOME: nowhere.folder },
    })
      .split("\n")
      .filter(Boolean);

  test.each([
    ["quater run listO", ["quater", "run", "listO"], ["listOrders"]],
    ["quater run ", ["quater", "run", ""], ["listOrders", "listItems"]],
    ["quater run listOrders --state=p", ["quater", "run", "listOrders", "--state", "=", "p"], ["paid"]],
    ["quater run listOrders --state=", ["quater", "run", "listOrders", "--state", "="], ["paid", "open"]],
    ["quater --config=a.ts --js", ["quater", "--config", "=", "a.ts", "--js"], ["--json"]],
  ])("the bash completion of quater completes the command line %s", (_, words, expected) => {
    const quoted = words.map((word) => `'${word}'`).join(" ");
    expect(
      inShell(
        "bash",
        `eval "$(quater completion bash)"; COMP_WORDS=(${quoted}); COMP_CWORD=${words.length - 1}; _quater; printf '%s\\n' "\${COMPREPLY[@]}"`,
      ),
    ).toEqual(expected);
  });

  test.skipIf(!needed && !has("zsh"))("zsh completes actions with their descriptions, values and names of files", () => {
    const completing = (...words: readonly string[]) =>
      inShell(
        "zsh",
        `compdef() { :; }; _describe() { print -rl -- "\${described[@]}"; }; _files() { print -r -- files; }
         eval "$(quater completion zsh)"; words=(quater ${words.map((word) => `'${word}'`).join(" ")}); CURRENT=${words.length + 1}; _quater`,
      );
    expect(completing("run", "listI")).toEqual(["listItems:Lists items."]);
    expect(completing("run", "listOrders", "--state", "")).toEqual(["paid", "open"]);
    expect(completing("run", "listOrders", "--input", "")).toEqual(["files"]);
  });

  test.skipIf(!needed && !has("fish"))("fish completes actions, values and file names of the quater program", () => {
    const completing = (line: string) => inShell("fish", `quater completion fish | source; complete -C '${line}'`);
    expect(completing("quater run listI")).toEqual(["listItems\tLists items."]);
    expect(completing("quater run listOrders --state ")).toEqual(["open", "paid"]);
    expect(completing("quater run listOrders --input hand")).toEqual([expect.stringContaining("handlers.mjs")]);
  });

  test("quater completion refuses an unknown shell and suggests a known shell", async () => {
    expect(await quater(["completion", "fisj"], { cwd: nowhere.folder })).toMatchObject({
      code: 64,
      err: 'quater: Unknown shell "fisj"; did you mean fish?\n',
    });
    expect((await quater(["completion"], { cwd: nowhere.folder })).code).toBe(64);
  });
});

describe("shell completion of quater in a folder that another person made", () => {
  const trap = 'import { writeFileSync } from "node:fs"; writeFileSync(new URL("ran", import.meta.url), "");';
  const planted = (actions: unknown, format = 1) => {
    const one = project({ "quater.config.mjs": trap, "quater.config.ts": trap, "handlers.mjs": trap, ".env": "NODE_OPTIONS=x" });
    mkdirSync(join(one.folder, ".quater"), { mode: 0o700 });
    const file = join(one.folder, ".quater/completion.json");
    writeFileSync(file, JSON.stringify({ format, actions }), { mode: 0o600 });
    return { ...one, file, [Symbol.dispose]: one.remove };
  };
  const good = [{ name: "listOrders", about: "", flags: [] }];

  test("shell completion of quater runs no code of the project in the current folder", async () => {
    using one = planted(good);
    expect(await offered("run ", { cwd: one.folder })).toEqual(["listOrders"]);
    expect(await offered("audit ", { cwd: one.folder })).toContain("verify");
    expect(existsSync(join(one.folder, "ran"))).toBe(false);
  });

  test("shell completion leaves out names with escapes or shell characters, and prints no escapes of descriptions", async () => {
    const flag = (text: string, values?: readonly unknown[]) => ({ flag: text, takesValue: true, values });
    using one = planted([
      { name: "a\u001b]0;x\u0007", about: "", flags: [] },
      { name: "$(touch ran)", about: "", flags: [] },
      { name: "--json", about: "", flags: [] },
      { name: 5 },
      null,
      {
        name: "fine",
        about: "red \u001b[31m\nnew\tline".repeat(50),
        flags: [flag("--ok", ["a", "b;c", "\u001b[2J", 1]), flag("bad"), flag("--x y"), null],
      },
    ]);
    const { out } = await quater(["completion", "query", "--", "run", ""], { cwd: one.folder });
    expect(out).toMatch(/^fine\tred \\u\{1b\}\[31m new line.{1,80}\n$/);
    expect(await offered("run fine --", { cwd: one.folder })).toEqual(expect.arrayContaining(["--ok"]));
    expect(await offered("run fine --", { cwd: one.folder })).not.toEqual(expect.arrayContaining(["--x y"]));
    expect(await offered("run fine --ok ", { cwd: one.folder })).toEqual(["a"]);
  });

  test.each([
    [
      "a link in place of the list",
      (file: string) => {
        rmSync(file);
        symlinkSync(list, file);
      },
    ],
    ["a list that others can read", (file: string) => chmodSync(file, 0o644)],
    ["a list of another format", (file: string) => writeFileSync(file, JSON.stringify({ format: 2, actions: good }))],
    ["a list that is not JSON", (file: string) => writeFileSync(file, "{")],
    [
      "a list of 2 MB",
      (file: string) => writeFileSync(file, JSON.stringify({ format: 1, actions: good, more: "x".repeat(2_000_000) })),
    ],
    ["a folder that others can write", (file: string) => chmodSync(join(file, ".."), 0o777)],
  ])("shell completion ignores %s", async (_, change) => {
    using one = planted(good);
    change(one.file);
    expect(await offered("run ", { cwd: one.folder })).toEqual([]);
  });

  test("shell completion ignores a symbolic link in place of the folder .quater", async () => {
    using one = planted(good);
    rmSync(join(one.folder, ".quater"), { recursive: true });
    symlinkSync(join(made.folder, ".quater"), join(one.folder, ".quater"));
    expect(await offered("run ", { cwd: one.folder })).toEqual([]);
  });

  test.skipIf(process.getuid?.() !== 0)("shell completion ignores a list of actions that belongs to another user", async () => {
    using one = planted(good);
    chownSync(one.file, 65_534, 65_534);
    expect(await offered("run ", { cwd: one.folder })).toEqual([]);
  });
});

test("a query of shell completion loads no part of core that boots a project", async () => {
  const noted = join(nowhere.folder, "noted");
  const loader = `import { register } from "node:module"; register("data:text/javascript," + encodeURIComponent('import { appendFileSync } from "node:fs"; export const load = (url, context, next) => { appendFileSync(process.env.NOTED, url + "\\\\n"); return next(url, context); };'));`;
  writeFileSync(join(nowhere.folder, "noting.mjs"), loader);
  const options = ["-C", "quater-source", "--import", import.meta.resolve("tsx"), "--import", join(nowhere.folder, "noting.mjs")];
  const main = new URL("../../../plugins/cli/main.ts", import.meta.url).pathname;
  const { stdout } = spawnSync(process.execPath, [...options, main, "completion", "query", "--", "run", "listO"], {
    cwd: made.folder,
    encoding: "utf8",
    env: { ...process.env, NOTED: noted },
  });
  expect(stdout).toBe("listOrders\tLists orders.\n");
  const modules = readFileSync(noted, "utf8");
  expect(modules).toContain("plugins/cli/completion/query.ts");
  for (const heavy of [
    "typebox",
    "core/boot/kernel.ts",
    "core/boot/load.ts",
    "core/pipeline/gate.ts",
    "node_modules/clipanion",
    "node_modules/tsx/dist/esm/api",
    "quater.config.mjs",
  ])
    expect(modules).not.toContain(heavy);
});
