// Each finding of `quater check`: a project that has it, and the same project without it. `serve` refuses a project with findings.

import { chmodSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { describe, expect, test } from "vitest";
import { createKey, revokeKey } from "../../../plugins/auth/commands.ts";
import { checks, type Finding } from "../../../plugins/cli/checks/finding.ts";
import { project, quater } from "./kit.ts";

const core = JSON.stringify(fileURLToPath(new URL("../../../core/index.ts", import.meta.url)));
const plugins = JSON.stringify(fileURLToPath(new URL("../../../plugins/index.ts", import.meta.url)));
const page = readFileSync(fileURLToPath(new URL("../../../docs/reference/checks.md", import.meta.url)), "utf8");

interface Choice {
  /** Fields of the handler `change`. */
  readonly handler?: string;
  readonly exposure?: string;
  readonly http?: string;
  readonly policy?: string;
  readonly audit?: string;
  readonly accept?: string;
  /** Code of the exports and of plugins that only one row needs. */
  readonly more?: string;
  readonly plugin?: string;
  /** Changes files before the check. */
  readonly edit?: (folder: string) => void;
}

const all = 'http: "POST /changes", mcp: true, approval: "finance"';
const sink = '{ sinks: [{ file: "sink.jsonl" }] }';
const manifest = ({
  handler = "",
  exposure = all,
  http = "",
  policy = "",
  audit = sink,
  accept = "{}",
  more = "",
  plugin = "",
}: Choice) => `
  import { anyone, authenticated, can, defineConfig, expose, handler, Type } from ${core};
  import { definePlugin } from ${JSON.stringify(fileURLToPath(new URL("../../../core/plugin-api.ts", import.meta.url)))};
  import { httpRef } from ${JSON.stringify(fileURLToPath(new URL("../../../plugins/http/index.ts", import.meta.url)))};
  import { apiKeys, approval, audit, cli, http, mcp, store } from ${plugins};
  const change = handler({
    description: "Change one thing.", effect: "destructive", input: Type.Object({ id: Type.String() }), auth: can("change"),
    handle: () => 1, ${handler}
  });
  ${more}
  export default defineConfig({
    name: "checked",
    handlers: [expose(async () => ({ change${more === "" ? "" : ", other"} }), {
      change: { ${exposure} },
    })],
    plugins: [
      http({
        port: 0, host: "0.0.0.0", allowedHosts: ["shop.example"], publicUrl: "https://shop.example", authenticate: apiKeys(), ${http}
      }),
      ${exposure.includes("mcp") ? "mcp({ authenticate: apiKeys() })," : ""} cli({ accept: ${accept} }),
      ${
        audit === "none"
          ? ""
          : `store({ mayLoseCommits: true }), audit(${audit}),
      approval({ authenticate: apiKeys(), policies: { finance: { approvers: [{ role: "finance", need: 2 }], ${policy} } } }),`
      }
      ${plugin}
    ],
  });
`;

/** A project without findings. */
const inProject = async (choice: Choice, use: (folder: string) => Promise<void>): Promise<void> => {
  const { folder, remove } = project({ "package.json": "{}", "quater.config.mjs": manifest(choice), ".env": "A=1" });
  chmodSync(join(folder, "quater.config.mjs"), 0o600);
  chmodSync(join(folder, ".env"), 0o600);
  const keys = join(folder, ".quater/keys.json");
  createKey(keys, { name: "bot", kind: "agent", actsFor: "ana", scopes: ["change"], roles: [] });
  createKey(keys, { name: "bea", kind: "user", person: "bea", scopes: [], roles: ["finance"] });
  createKey(keys, { name: "cleo", kind: "user", person: "cleo", scopes: [], roles: ["finance"] });
  choice.edit?.(folder);
  try {
    await use(folder);
  } finally {
    remove();
  }
};

const checked = async (cwd: string) => {
  const { code, out, err } = await quater(["check", "--json"], { cwd });
  expect(err).toBe("");
  return { code, ...(JSON.parse(out) as { isFit: boolean; findings: Finding[] }) };
};

const keysOf = (folder: string): string => join(folder, ".quater/keys.json");

/** A choice that has the finding, and its cause. */
const rows: readonly (readonly [code: keyof typeof checks, choice: Choice, cause: string])[] = [
  ["unrecorded_writes", { audit: "none", exposure: 'http: "POST /changes"' }, "Quater does not record the calls of change"],
  ["no_sink", { audit: "" }, "audit() has no sinks, so Quater cannot notice when the store is replaced by an old copy"],
  [
    "unapproved_tool",
    { exposure: 'http: "POST /changes", mcp: true' },
    "Agents can run change without an approval, although the effect is destructive",
  ],
  [
    "public_write",
    { handler: 'auth: anyone, effect: "write"', exposure: 'http: "POST /changes", public: true' },
    "Anybody can change data without a credential, with change",
  ],
  ["public_read", { handler: 'auth: anyone, effect: "read"', exposure: 'http: "POST /changes", public: true' }, "Public: change"],
  [
    "no_allowed_hosts",
    { http: 'allowedHosts: ["localhost"], publicUrl: undefined' },
    "http() listens on 0.0.0.0, but allowedHosts has only names of this computer, so every other caller is refused",
  ],
  [
    "wrong_public_url",
    { http: 'publicUrl: "http://localhost:3000"' },
    "http() listens on 0.0.0.0, but publicUrl is http://localhost:3000, which leads to the computer of the reader",
  ],
  [
    "wrong_public_url",
    { http: "publicUrl: undefined" },
    "http() listens on 0.0.0.0, but no publicUrl names the origin of the approvals page, so links to approval requests do not work",
  ],
  [
    "no_approver",
    { edit: (folder) => void revokeKey(keysOf(folder), "cleo") },
    "The approval policy finance needs 2 with role finance, but too few active keys of people can approve",
  ],
  [
    "one_person_approves",
    { policy: 'kind: "confirm"' },
    'The approval policy finance has kind: "confirm", so the person of an agent approves the calls of this agent alone',
  ],
  [
    "one_person_approves",
    { policy: "unattributed: true" },
    "The approval policy finance has unattributed: true, so one person can call with a key without a person, and approve the call",
  ],
  [
    "no_key",
    {
      exposure: 'http: "POST /changes"',
      edit: (folder) => {
        for (const name of ["bot", "bea", "cleo"]) revokeKey(keysOf(folder), name);
      },
    },
    "There is no active key, so every call over http that needs a credential is refused",
  ],
  [
    "readable_secrets",
    { edit: (folder) => writeFileSync(join(folder, ".quater/development-key"), "qk_x", { mode: 0o644 }) },
    "Other users of this machine can read .quater/development-key",
  ],
  ["readable_secrets", { edit: (folder) => chmodSync(join(folder, ".env"), 0o644) }, "Other users of this machine can read .env"],
  [
    "readable_manifest",
    { edit: (folder) => chmodSync(join(folder, "quater.config.mjs"), 0o644) },
    "Other users of this machine can read quater.config.mjs",
  ],
  ["any_credential", { handler: "auth: authenticated" }, "Every valid credential can call change"],
  [
    "mounted_routes",
    {
      plugin: `definePlugin(() => ({
        name: "hooks", needs: [httpRef],
        setup: ({ services }) => services.get(httpRef).mount("POST /hook", () => {}),
      }))(),`,
    },
    "These routes are mounted without a handler: POST /hook, /approvals, POST /mcp, GET /mcp/docs",
  ],
  ["not_exposed", { more: "const other = change;" }, "Not exposed: other"],
  ["unused_acceptance", { accept: '{ no_key: "A test" }' }, "cli({ accept }) accepts no_key, but there is no such finding"],
];

describe("quater check reports findings of a project", () => {
  test.each(rows)("quater check reports %s for a project with %j, and not without this setting", (code, choice, cause) =>
    inProject(choice, async (folder) => {
      const found = await checked(folder);
      const own = found.findings.filter((each) => each.code === code);
      if (code !== "mounted_routes") expect(own.map((each) => each.cause)).toEqual([cause]);
      else expect(own[0]?.cause).toContain("POST /hook");
      expect(own.map(({ level }) => level)).toEqual([checks[code]]);
      expect([found.code, found.isFit]).toEqual(found.findings.some(({ level }) => level === "fix") ? [1, false] : [0, true]);
    }),
  );

  test("quater check finds no mounted routes in a project without mcp() and approval()", () =>
    inProject({ audit: "none", exposure: 'http: "POST /changes"' }, async (folder) => {
      expect((await checked(folder)).findings.map((each) => each.code)).toEqual(["unrecorded_writes"]);
    }));

  test("quater check has no findings in a project that is ready for production", () =>
    inProject({}, async (folder) => {
      const { code, findings } = await checked(folder);
      expect([code, findings.map((each) => each.code)]).toEqual([0, ["mounted_routes"]]);
    }));

  test("quater check passes with a finding that the manifest accepts with a reason, and prints the reason", () =>
    inProject({ audit: "", accept: '{ no_sink: "The database keeps daily copies" }' }, async (folder) => {
      const { code, findings } = await checked(folder);
      expect(code).toBe(0);
      expect(findings.find((each) => each.code === "no_sink")).toMatchObject({ accepted: "The database keeps daily copies" });
      const { out } = await quater(["check", "--no-json"], { cwd: folder });
      expect(out).toContain("Accepted\n  no_sink: audit() has no sinks");
      expect(out).toContain("    accepted: The database keeps daily copies\n");
    }));

  test.each([
    ["{ no_sinks: 'x' }", 'The cli() option accept has the unknown code "no_sinks". Did you mean "no_sink"?'],
    ["{ no_sink: '  ' }", "The cli() option accept has no reason for no_sink. Write why the finding is acceptable"],
  ])("boot refuses a project whose cli() option accept is %s", (accept, sentence) =>
    inProject({ accept }, async (folder) => {
      const { code, err } = await quater(["check"], { cwd: folder });
      expect([code, err.replaceAll(/\s+/g, " ")]).toEqual([78, expect.stringContaining(sentence.split(". ")[0] as string)]);
      expect(err.replaceAll(/\s+/g, " ")).toContain(sentence.split(". ")[1]);
    }),
  );
});

describe("quater serve refuses some findings of a project", () => {
  test("quater serve on a public address refuses a project with a finding, and prints the remedy", () =>
    inProject({ audit: "" }, async (folder) => {
      const { code, out, err } = await quater(["serve"], { cwd: folder });
      expect([code, out]).toEqual([78, ""]);
      expect(err).toContain("quater check: no_sink");
      expect(err.replaceAll(/\s+/g, " ")).toContain('cli({ accept: { no_sink: "<reason>" } })');
    }));

  test.each([
    ["is bound to loopback", { audit: "", http: 'host: "127.0.0.1"' }],
    ["accepts the finding", { audit: "", accept: '{ no_sink: "The database keeps daily copies" }' }],
  ])("quater serve serves a project that has a finding of quater check and %s", (_, choice) =>
    inProject(choice, async (folder) => {
      const stop = new AbortController();
      const onError = (text: string) => text.includes("is ready") && stop.abort("SIGTERM");
      const { code, err } = await quater(["serve"], { cwd: folder, interrupt: stop.signal, onError });
      expect([code, err]).toEqual([0, expect.stringContaining("checked is ready")]);
    }),
  );
});

test("docs/reference/checks.md lists exactly the codes of quater check, with their levels", () => {
  const listed = [...page.matchAll(/^\| `(\w+)` \| (fix|note) \|/gm)].map(([, code, level]) => [code, level]);
  expect(Object.fromEntries(listed)).toEqual(checks);
  expect(listed).toHaveLength(Object.keys(checks).length);
});

test("each code of quater check has a project in this test for which quater check reports the code", () => {
  expect([...new Set(rows.map(([code]) => code))].sort()).toEqual(Object.keys(checks).sort());
});
