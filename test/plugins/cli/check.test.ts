// `quater check`: what it finds, what it prints, how it exits.

import { chmodSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { createKey } from "../../../plugins/auth/commands.ts";
import { project, quater } from "./kit.ts";

const core = JSON.stringify(fileURLToPath(new URL("../../../core/index.ts", import.meta.url)));
const plugins = JSON.stringify(fileURLToPath(new URL("../../../plugins/index.ts", import.meta.url)));

const manifest = (auth: string, more = "") => `
  import { can, defineConfig, expose, handler, Type } from ${core};
  import { apiKeys, cli, http, localUser, mcp } from ${plugins};
  const change = handler({
    description: "Change one thing.", effect: "destructive", input: Type.Object({ id: Type.String() }),
    auth: ${auth}, handle: () => { throw new Error("the real one ran"); },
  });
  export default defineConfig({
    name: "checked",
    handlers: [expose(async () => ({ change }), { change: { cli: true${more} } })],
    plugins: [http({ port: 0, authenticate: apiKeys() }), mcp({ authenticate: apiKeys() }), cli({ authenticate: localUser() })],
  });
`;

const inProject = async (files: Readonly<Record<string, string>>, use: (folder: string) => Promise<void>): Promise<void> => {
  const { folder, remove } = project({ "package.json": "{}", ...files });
  try {
    await use(folder);
  } finally {
    remove();
  }
};

test("quater check prints each boot problem with its remedy, and exits with 1", () =>
  inProject({ "quater.config.mjs": manifest('can("change")', ", mcp: true"), ".env": "A=1" }, async (cwd) => {
    chmodSync(join(cwd, ".env"), 0o644);
    const { code, out } = await quater(["check", "--json"], { cwd });
    const { isFit, findings } = JSON.parse(out) as { isFit: boolean; findings: { level: string; cause: string }[] };
    expect([code, isFit]).toEqual([1, false]);
    expect(findings.filter(({ level }) => level === "fix").map(({ cause }) => cause)).toEqual([
      "Quater does not record the calls of change",
      "Agents can run change without an approval, although the effect is destructive",
      "There is no active key, so every call over mcp that needs a credential is refused",
      "Other users of this machine can read .env",
    ]);
    const text = await quater(["check"], { cwd, isTerminal: true });
    expect(text.out).toContain("4 problems to fix before the project is served.");
    chmodSync(join(cwd, ".env"), 0o600);
    expect((await quater(["check", "--no-json"], { cwd })).out).toContain("3 problems to fix before the project is served.");
  }));

test("quater check prints the order in which plugins start, with each plugin after the plugins whose services the plugin needs", () => {
  const config = `import { defineConfig } from ${core};
    import { audit, http, store } from ${plugins};
    export default defineConfig({ name: "checked", handlers: [], plugins: [audit(), http({ port: 0 }), store()] });`;
  return inProject({ "quater.config.mjs": config }, async (cwd) => {
    const { bootOrder } = JSON.parse((await quater(["check", "--json"], { cwd })).out) as { bootOrder: unknown };
    expect(bootOrder).toEqual(["store", "audit", "http"]);
    const { out } = await quater(["check", "--no-json"], { cwd });
    expect(out).toContain("Plugins start in this order and stop in reverse order: store, audit, http\n");
  });
});

test.each([
  [
    '["stdout"]',
    [
      "The only sink of audit() is stdout, which cannot be read back, so Quater cannot notice when the store is replaced by an old copy",
    ],
  ],
  ["[]", ["audit() has no sinks, so Quater cannot notice when the store is replaced by an old copy"]],
  ['[{ file: "sink.jsonl" }, "stdout"]', []],
])("S19: quater check reports audit() sinks that cannot be read back: %s", (sinks, expected) => {
  const config = `import { defineConfig } from ${core};
    import { audit, store } from ${plugins};
    export default defineConfig({ name: "checked", handlers: [], plugins: [store(), audit({ sinks: ${sinks} })] });`;
  return inProject({ "quater.config.mjs": config }, async (cwd) => {
    const { out } = await quater(["check", "--json"], { cwd });
    const { findings } = JSON.parse(out) as { findings: { cause: string }[] };
    expect(findings.map(({ cause }) => cause).filter((cause) => cause.includes("sink"))).toEqual(expected);
  });
});

test("quater check --gate prints a matrix and exits with 0 when it finds no hole, and uses no key and no real handler", () =>
  inProject({ "quater.config.mjs": manifest('can("change")') }, async (cwd) => {
    const { code, out, err } = await quater(["check", "--gate", "--no-json"], { cwd });
    expect([code, err]).toEqual([0, ""]);
    expect(out).toMatch(/^change over cli( +[✓·])+$/m);
    expect(out).toContain("all passed.");
    const json = JSON.parse((await quater(["check", "--gate"], { cwd })).out) as { isGreen: boolean; rows: unknown[] };
    expect(json).toMatchObject({ isGreen: true, holes: [] });
    expect(json.rows).toContainEqual({
      handler: "change",
      surface: "cli",
      case: "all in order",
      expected: "ran",
      got: "ran",
      ok: true,
    });
  }));

test("S13: quater check --gate reports a key file that other users can read, with the remedy", () =>
  inProject({ "quater.config.mjs": manifest('can("change")') }, async (cwd) => {
    const file = join(cwd, ".quater/keys.json");
    createKey(file, { name: "ana", kind: "user", scopes: [], roles: [] });
    expect(await quater(["check", "--gate"], { cwd })).toMatchObject({ code: 0, err: "" });
    chmodSync(file, 0o644);
    const { code, out } = await quater(["check", "--gate", "--no-json"], { cwd });
    expect(code).toBe(1);
    expect(out).toMatch(/^\.quater\/keys\.json( +[✗·])+$/m);
    expect(out).toContain(`${file} can be read by other users. Run \`chmod 600 ${file}\``);
  }));

test("quater check --gate reads missing sample inputs and principals from quater.gate.json or from the file in --samples", () =>
  inProject({ "quater.config.mjs": manifest("({ principal }) => principal.claims.team === 7") }, async (cwd) => {
    const without = await quater(["check", "--gate", "--no-json"], { cwd });
    expect(without.code).toBe(1);
    expect(without.out).toContain("Write an allowed principal in principals.change.allowed");
    const samples = JSON.stringify({ principals: { change: { allowed: { claims: { team: 7 } } } } });
    const { writeFileSync } = await import("node:fs");
    writeFileSync(join(cwd, "own.json"), samples);
    expect((await quater(["check", "--gate", "--samples", "own.json"], { cwd })).code).toBe(0);
    writeFileSync(join(cwd, "quater.gate.json"), samples);
    expect((await quater(["check", "--gate"], { cwd })).code).toBe(0);
  }));

test("quater check --gate runs a policy that reads a resource when the command line has --real-resources", () => {
  const owners = 'resource({ name: "owners", scope: "app", open: () => ({ of: () => "nobody" }) })';
  const auth = '{ any: [can("change"), ({ owners, principal }) => owners.of() === principal.subject] }';
  const text = manifest(`${auth}, use: { owners: ${owners} }`).replace("import { can,", "import { can, resource,");
  return inProject({ "quater.config.mjs": text }, async (cwd) => {
    const without = await quater(["check", "--gate", "--no-json"], { cwd });
    expect(without.code).toBe(1);
    expect(without.out).toContain("the policy reads owners, but the suite opens no resources");
    expect(await quater(["check", "--gate", "--real-resources"], { cwd })).toMatchObject({ code: 0, err: "" });
  });
});

test.each([
  [["check", "--real-resources"], "--real-resources works only together with --gate. Add --gate to the command"],
  [["check", "--samples", "x.json"], "--samples works only together with --gate. Add --gate to the command"],
  [["check", "--gtae"], "Unknown flag --gtae; did you mean --gate?"],
  [["check", "--gate", "--samples", "none.json"], "--samples none.json: the file does not exist"],
  [
    ["check", "--gate", "--samples", "package.json"],
    'package.json must have the form { "inputs": { ... }, "principals": { ... } }, with the names of handlers as keys',
  ],
])("the quater program refuses the command line %j with one line and exit code 64", (argv, sentence) =>
  inProject({ "quater.config.mjs": manifest('can("change")'), "package.json": '{"name":"x"}' }, async (cwd) => {
    expect(await quater(argv, { cwd })).toEqual({ code: 64, out: "", err: `quater: ${sentence}\n` });
  }),
);

test("quater check exits with 78 for a project that does not boot", () =>
  inProject({ "quater.config.mjs": manifest("undefined") }, async (cwd) => {
    expect((await quater(["check", "--gate"], { cwd })).code).toBe(78);
    expect((await quater(["check"], { cwd })).code).toBe(78);
  }));
