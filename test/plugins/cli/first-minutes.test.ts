// What people met in their first minutes, one test for each row of the list of failed inputs.

import { spawnSync } from "node:child_process";
import { chmodSync, chownSync, existsSync, mkdirSync, readFileSync, symlinkSync, writeFileSync } from "node:fs";
import { dirname, join } from "node:path";
import { afterAll, describe, expect, test } from "vitest";
import { schemaProblems } from "../../../core/schema/schema-problems.ts";
import { builtProgram } from "../../built.ts";
import { builtProject, type Project, project, quater, start } from "./kit.ts";

const handlers = `
import { anyone, handler, stream, Type } from "quater";
const parts = { effect: "write", input: Type.Object({}), auth: anyone };
export const boom = handler({ ...parts, description: "Throws an error.", handle: () => { throw new Error("the cause") } });
export const five = handler({ ...parts, description: "Throws an object.", handle: () => { throw { code: 5 } } });
export const never = handler({ ...parts, description: "Never ends.", handle: () => new Promise(() => {}) });
export const items = handler({
  ...parts,
  description: "Stops between two items.",
  effect: "read",
  output: stream(Type.Integer()),
  handle: async function* () { yield 1; await new Promise(() => {}); },
});
export const echo = handler({
  ...parts,
  description: "Returns its input.",
  input: Type.Object({ text: Type.String() }),
  handle: ({ text }) => text,
});
`;
const manifest = (table: string, plugins = "cli({ authenticate: localUser() })") => `
import { defineConfig, expose } from "quater";
import { apiKeys, approval, audit, cli, http, localUser, mcp, store } from "quater/plugins";
export default defineConfig({
  name: "made",
  handlers: [expose(() => import("./handlers.mjs"), { ${table} })],
  plugins: [${plugins}],
});
`;

const made: Project[] = [];
afterAll(() => {
  for (const { remove } of made) remove();
});
const own = (files: Readonly<Record<string, string>>, isBuilt = false): string => {
  const one = isBuilt ? builtProject() : project({});
  made.push(one);
  for (const [name, text] of Object.entries(files)) {
    mkdirSync(dirname(join(one.folder, name)), { recursive: true });
    writeFileSync(join(one.folder, name), text);
  }
  return one.folder;
};
const shop = own({
  "handlers.mjs": handlers,
  "quater.config.mjs": manifest("boom: { cli: true }, five: { cli: true }, echo: { cli: true }"),
});

describe("T3: links to the approvals page follow the port of http()", () => {
  const withApproval = (httpOptions: string, approvalOptions: string) =>
    own({
      "handlers.mjs": handlers,
      "quater.config.mjs": manifest(
        'echo: { cli: true, approval: "two" }',
        `http(${httpOptions}), cli({ authenticate: localUser() }), store(), audit(), approval({ authenticate: localUser(), policies: { two: { approvers: [{ role: "a", need: 1 }] } } ${approvalOptions} })`,
      ),
    });
  const linkIn = async (folder: string): Promise<unknown> => {
    const { err } = await quater(["run", "echo", "--text", "x"], { cwd: folder });
    return JSON.parse(err).error.details.approval.url;
  };

  test.each([
    ["{ port: 3456 }", "", /^http:\/\/127\.0\.0\.1:3456\/approvals\/apr_/],
    ['{ port: 3456, host: "::1" }', "", /^http:\/\/\[::1\]:3456\/approvals\/apr_/],
    ["{ port: 3456 }", ", listen: { port: 3457 }", /^http:\/\/127\.0\.0\.1:3457\/approvals\/apr_/],
    ["{ port: 3456 }", ', publicUrl: "https://shop.example"', /^https:\/\/shop\.example\/approvals\/apr_/],
  ])(
    "links to the approvals page fit the options of http(%s) and the approval options %j",
    async (httpOptions, approvalOptions, link) => {
      expect(await linkIn(withApproval(httpOptions, approvalOptions))).toMatch(link);
    },
  );

  test("a server that other computers can reach prints no link to the approvals page on localhost", async () => {
    expect(await linkIn(withApproval('{ host: "0.0.0.0", allowedHosts: ["a.example"] }', ""))).toBeUndefined();
  });

  test("the manifest of the example of quater init sets no port in approval()", async () => {
    const folder = own({});
    await quater(["init", "-y", "--example", "approvals"], { cwd: folder });
    expect(readFileSync(join(folder, "quater.config.ts"), "utf8")).not.toContain("publicUrl");
  });
});

test("T4: if a handler throws, quater run in a pipe prints one hint about the place of the cause", async () => {
  const json = await quater(["run", "boom"], { cwd: shop });
  expect([json.code, JSON.parse(json.err).error.hint]).toEqual([
    70,
    "This output does not contain the cause. Set QUATER_LOG=error to write the causes of internal errors to standard error",
  ]);
  const text = await quater(["run", "boom", "--no-json"], { cwd: shop });
  expect(text.err.match(/QUATER_LOG/g)).toHaveLength(1);
  for (const shown of [
    await quater(["run", "boom"], { cwd: shop, env: { QUATER_LOG: "error" } }),
    await quater(["run", "boom"], { cwd: shop, isTerminal: true }),
  ]) {
    expect(shown.err).toContain("the cause");
    expect(shown.err).not.toContain("QUATER_LOG");
  }
  expect((await quater(["run", "echo", "--txt", "x"], { cwd: shop })).err).not.toContain("QUATER_LOG");
});

test("T5: the quater program drops a byte order mark from --input, standard input and files of commands", async () => {
  const text = '\u{feff}{"text":"x"}';
  expect(await quater(["run", "echo", "--input", "-"], { cwd: shop, stdin: text })).toMatchObject({ code: 0, out: '"x"\n' });
  writeFileSync(join(shop, "input.json"), text);
  expect(await quater(["run", "echo", "--input", "input.json"], { cwd: shop })).toMatchObject({ code: 0, out: '"x"\n' });
  const twice = await quater(["run", "echo", "--input", "-"], { cwd: shop, stdin: `\u{feff}${text}` });
  expect(JSON.parse(twice.err).error.code).toBe("json_bad_unicode");
  const samples = join(shop, "samples.json");
  writeFileSync(samples, '\u{feff}{ "inputs": 1 }');
  expect((await quater(["check", "--gate", "--samples", samples], { cwd: shop })).err).toContain("must have the form");
  const folder = own({ "package.json": '\u{feff}{ "name": "marked", "type": "module" }' });
  expect(await quater(["init", "-y"], { cwd: folder })).toMatchObject({ code: 0, out: expect.stringContaining("marked") });
});

test("T6: quater build bundles a workspace package that exports TypeScript, with its own dependencies", async () => {
  const root = own({}, true);
  const file = (path: string, text: string) => {
    mkdirSync(dirname(join(root, path)), { recursive: true });
    writeFileSync(join(root, path), text);
  };
  const packageJson = (main: string) => JSON.stringify({ type: "module", exports: main });
  file("packages/words/package.json", packageJson("./index.ts"));
  file("packages/words/index.ts", 'import { end } from "mark";\nexport const word: string = "workspace" + end;\n');
  file("packages/words/node_modules/mark/package.json", packageJson("./index.js"));
  file("packages/words/node_modules/mark/index.js", 'export const end = "!";\n');
  file("api/node_modules/plain/package.json", packageJson("./index.js"));
  file("api/node_modules/plain/index.js", "export const at = import.meta.url;\n");
  symlinkSync(join(root, "packages/words"), join(root, "api/node_modules/words"), "dir");
  file("api/package.json", '{ "type": "module" }');
  file("api/tsconfig.json", '{ "compilerOptions": { "paths": { "~/*": ["./src/*"] } } }');
  file("api/src/own.ts", 'export const own = "alias";\n');
  file(
    "api/handlers.ts",
    `import { anyone, handler, Type } from "quater";
import { at } from "plain";
import { word } from "words";
import { own } from "~/own.ts";
export const say = handler({ description: "Says.", effect: "read", input: Type.Object({}), auth: anyone, handle: () => [word, own, at.includes("node_modules/plain/index.js")] });
`,
  );
  file("api/quater.config.ts", manifest("say: { cli: true }").replace("handlers.mjs", "handlers.ts"));
  const cwd = join(root, "api");
  const expected = { code: 0, err: "", out: '["workspace!","alias",true]\n' };
  expect(await start(["run", "say"], { cwd }).ended).toMatchObject(expected);
  expect(await start(["build"], { cwd }).ended).toMatchObject({ code: 0 });
  const built = readFileSync(join(cwd, ".quater/build/manifest.mjs"), "utf8");
  expect(built).toContain("workspace");
  expect(built).not.toContain("export const at"); // other packages stay outside
  expect(await start(["run", "say"], { cwd }).ended).toMatchObject(expected);
  file("packages/words/index.ts", 'export const word = "changed";\n');
  expect((await start(["run", "say"], { cwd }).ended).out).toBe('["changed","alias",true]\n');
});

test("T7: the paths of tsconfig.json beside the manifest apply when --config names a manifest in another folder", async () => {
  const root = own({ "tsconfig.json": '{ "compilerOptions": { "paths": { "~/*": ["./wrong/*"] } } }' }, true);
  const api = join(root, "api");
  mkdirSync(join(api, "src"), { recursive: true });
  writeFileSync(join(api, "tsconfig.json"), '{ "compilerOptions": { "paths": { "~/*": ["./src/*"] } } }');
  writeFileSync(join(api, "src/handlers.ts"), handlers);
  writeFileSync(join(api, "quater.config.ts"), manifest("echo: { cli: true }").replace("./handlers.mjs", "~/handlers.ts"));
  for (const [cwd, config] of [
    [root, "api/quater.config.ts"],
    [api, "quater.config.ts"],
    ["/", join(api, "quater.config.ts")],
  ] as const)
    expect(await start(["--config", config, "run", "echo", "--text", "x"], { cwd }).ended).toMatchObject({
      err: "",
      out: '"x"\n',
    });
});

test("T8: quater run prints a sentence and exits with 76 if the event loop is empty before the handler has ended", async () => {
  const cwd = own(
    { "handlers.mjs": handlers, "quater.config.mjs": manifest("never: { cli: true }, items: { cli: true }") },
    true,
  );
  const json = await start(["run", "never"], { cwd }).ended;
  expect([json.code, JSON.parse(json.err).error]).toEqual([
    76,
    {
      code: "outcome_unknown",
      message:
        "The handler never does not end, because it waits for a promise that never resolves. The call may have taken effect, so do not repeat it",
      callId: expect.any(String),
    },
  ]);
  expect(await start(["run", "items"], { cwd }).ended).toMatchObject({ code: 76, out: "1\n" });
  const text = await start(["run", "never", "--no-json"], { cwd }).ended;
  expect([text.code, text.err]).toEqual([76, expect.stringContaining("does not end")]);
});

test("T8: the quater program prints a sentence and exits if the manifest waits forever", async () => {
  const cwd = own({ "quater.config.mjs": "await new Promise(() => {});\nexport default 1;\n" }, true);
  expect(await start(["run", "echo"], { cwd }).ended).toMatchObject({
    code: 70,
    err: "quater: The command cannot end, because code of the project waits for a promise that never resolves. No timer and no connection is open\n",
  });
});

test("T9: the quater program prints the code of an object that a handler, a module or a plugin throws", async () => {
  const five = await quater(["run", "five"], { cwd: shop, env: { QUATER_LOG: "error" } });
  expect(five.err).toContain("an object that is not an Error: code=5");
  const thrown = "an object that is not an Error: code=5, with the fields detail";
  const atImport = own({ "quater.config.mjs": 'throw { code: 5, detail: "secret" };' });
  const plugin = own({
    "quater.config.mjs": `
import { defineConfig } from "quater";
import { definePlugin } from "quater/plugin-api";
const odd = definePlugin(() => ({ name: "odd", setup: () => { throw { code: 5, detail: "secret" } } }));
export default defineConfig({ name: "made", handlers: [], plugins: [odd()] });
`,
  });
  for (const cwd of [atImport, plugin]) {
    const { err } = await quater(["exposure"], { cwd });
    expect(err).toContain(thrown);
    expect(err).not.toMatch(/\[object Object\]|secret/);
  }
  const command = own({
    "quater.config.mjs": `
import { Type, defineConfig } from "quater";
import { command, definePlugin } from "quater/plugin-api";
const odd = definePlugin(() => ({
  name: "odd",
  setup: () => ({ commands: [command({ path: ["odd"], description: "Throws.", input: Type.Object({}), run: () => { throw { code: 5 } } })] }),
}));
export default defineConfig({ name: "made", handlers: [], plugins: [odd()] });
`,
  });
  expect(await quater(["odd"], { cwd: command })).toMatchObject({
    code: 70,
    err: "quater: unexpected failure\nan object that is not an Error: code=5\n",
  });
});

describe.skipIf(process.getuid?.() !== 0)("T11: the quater program prints no stack for files that the user may not use", () => {
  /** Runs the program as a user who owns nothing. */
  const asNobody = (argv: readonly string[], cwd: string) => {
    const { status, stderr } = spawnSync(process.execPath, [builtProgram(), ...argv], {
      cwd,
      uid: 65_534,
      gid: 65_534,
      encoding: "utf8",
      env: { PATH: process.env["PATH"], NO_COLOR: "1", HOME: "/nonexistent" },
    });
    return { code: status, err: stderr };
  };
  const readable = (folder: string) => {
    for (const path of [builtProgram(), folder]) for (let at = path; at !== dirname(at); at = dirname(at)) open(at);
    return folder;
  };
  const open = (path: string) => {
    try {
      chmodSync(path, 0o755);
    } catch {
      // A folder of another user is readable already.
    }
  };
  const denied = /cannot be used \(\w+\): permission denied \(EACCES\)/;

  test.each([["exposure"], ["keys list"]])(
    "the command quater %s prints a sentence and no stack if the folder .quater belongs to another user",
    (line) => {
      const folder = readable(
        own(
          {
            "handlers.mjs": handlers,
            "quater.config.mjs": manifest("echo: { cli: true }", "cli({ authenticate: apiKeys() })"),
            ".quater/keys.json": "[]",
          },
          true,
        ),
      );
      chmodSync(join(folder, ".quater"), 0o700);
      const { code, err } = asNobody(line.split(" "), folder);
      expect([code, err]).toEqual([78, expect.stringMatching(denied)]);
      expect(err).toMatch(/\.quater\/keys\.json cannot be used/);
      expect(err).toContain("Give the user that runs this program access to the path");
      expect(err).not.toMatch(/\n +at /);
    },
  );

  test("quater init prints a sentence and no stack in a folder that the user cannot enter or write", () => {
    const folder = readable(own({}, true));
    for (const mode of [0o700, 0o755]) {
      const locked = join(folder, `locked-${mode}`);
      mkdirSync(locked, { mode });
      const { code, err } = asNobody(["init", locked, "-y"], "/");
      expect([code, err]).toEqual([78, expect.stringMatching(denied)]);
      expect(err).not.toMatch(/\n +at /);
      expect(existsSync(join(locked, "package.json"))).toBe(false);
    }
    chownSync(folder, 0, 0);
  });
});

test("T12: the quater program ignores NODE_ENV in .env and prints a warning", async () => {
  const cwd = own({ "handlers.mjs": handlers, "quater.config.mjs": manifest("echo: { cli: true }") });
  writeFileSync(join(cwd, ".env"), "NODE_ENV=production\n", { mode: 0o600 });
  const before = process.env["NODE_ENV"];
  const seen = await quater(["run", "echo", "--text", "x"], { cwd, isTerminal: true });
  expect(seen).toMatchObject({ code: 0, out: "x\n" });
  expect(seen.err).toContain("warn .env sets NODE_ENV, which Quater ignores there");
  expect(process.env["NODE_ENV"]).toBe(before);
  expect(await quater(["run", "echo", "--text", "x"], { cwd })).toMatchObject({ code: 0, err: "" });
  writeFileSync(join(cwd, ".env"), "NODE_ENV=production\nNODE_OPTIONS=--inspect\n", { mode: 0o600 });
  const refused = await quater(["run", "echo", "--text", "x"], { cwd });
  expect([refused.code, refused.err]).toEqual([78, expect.stringContaining("sets the variable NODE_OPTIONS")]);
});

test.each([
  ["a misspelt keyword", { type: "string", maxLenght: 3 }, /^Did you mean "maxLength"\?$/],
  ["an unknown format", { type: "string", format: "byte" }, /The formats are date-time, date, .*uuid/],
  ["a misspelt format", { type: "string", format: "emial" }, /^Did you mean "email"\?/],
  ["a broken pattern", { type: "string", pattern: "(" }, /^Correct the pattern\./],
  ["an unknown type", { type: "strng" }, /^Did you mean "string"\?/],
  ["a limit of the wrong type", { type: "string", maxLength: "3" }, /^Write a whole number of at least 0$/],
])("T13: the remedy of the boot problem fits the mistake in the schema: %s", (_, schema, remedy) => {
  const [problem] = schemaProblems({ type: "object", properties: { field: schema } });
  expect(problem?.remedy).toMatch(remedy);
  expect(problem?.remedy).not.toContain("Type from quater");
});
