// `quater explain` and `quater who-can`, as the program: what they print, how they exit, and that they change nothing.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import type { Explanation } from "../../../core/plugin-api.ts";
import { createKey, revokeKey } from "../../../plugins/auth/commands.ts";
import type { WhoCan } from "../../../plugins/cli/explain/who-can.ts";
import { project, quater } from "./kit.ts";

const core = JSON.stringify(fileURLToPath(new URL("../../../core/index.ts", import.meta.url)));
const plugins = JSON.stringify(fileURLToPath(new URL("../../../plugins/index.ts", import.meta.url)));

const manifest = `
  import { appendFileSync } from "node:fs";
  import { anyone, can, defineConfig, expose, handler, hasRole, policy, Type } from ${core};
  import { apiKeys, approval, audit, bearer, cli, firstOf, http, localUser, mcp, store } from ${plugins};
  const said = (word) => appendFileSync(new URL("./said.txt", import.meta.url), word + "\\n");
  const input = Type.Object({ id: Type.String(), cents: Type.Integer({ minimum: 1 }), pin: Type.Optional(Type.String()) });
  const isOwner = policy({
    name: "isOwner", needs: { id: Type.String() },
    allow: ({ input, principal }) => { said("policy"); return input.id === (principal.person ?? principal.actsFor) || "Not yours"; },
  });
  const handle = () => { said("handled"); return 1; };
  const refund = handler({ description: "Refund.", effect: "destructive", input, auth: [can("refund"), hasRole("support")], handle });
  const pay = handler({ description: "Pay.", effect: "write", input, auth: [can("refund"), isOwner], handle });
  const either = handler({ description: "Either.", effect: "write", input, auth: { any: [hasRole("boss"), isOwner] }, handle });
  const status = handler({ description: "Status.", effect: "read", input: Type.Object({}), auth: anyone, handle });
  const other = handler({ description: "Other.", effect: "read", input: Type.Object({}), auth: can("refund"), handle });
  export default defineConfig({
    name: "shop",
    handlers: [expose(async () => ({ refund, pay, either, status, other }), {
      refund: { http: "POST /refunds", mcp: true, cli: true, approval: "finance" },
      pay: { http: "POST /payments", mcp: true, cli: true },
      either: { mcp: true },
      status: { http: "GET /status", public: true },
      other: { http: "GET /other", cli: true },
    })],
    plugins: [
      http({ port: 0, authenticate: firstOf(bearer({ verify: () => undefined }), apiKeys()) }),
      mcp({ authenticate: apiKeys() }),
      cli({ authenticate: firstOf(apiKeys(), localUser({ person: "ana", scopes: ["refund"] })) }),
      store({ mayLoseCommits: true }), audit(),
      approval({ authenticate: apiKeys(), policies: { finance: { approvers: [{ role: "finance" }] } } }),
    ],
  });
`;

interface Shop {
  readonly cwd: string;
  readonly run: (...words: readonly string[]) => ReturnType<typeof quater>;
  readonly explain: (...words: readonly string[]) => Promise<Explanation & { readonly exit: number }>;
  readonly said: () => string;
}

const inShop = async (use: (shop: Shop) => Promise<void>): Promise<void> => {
  const { folder: cwd, remove } = project({ "package.json": "{}", "quater.config.mjs": manifest });
  const keys = join(cwd, ".quater/keys.json");
  createKey(keys, { name: "ana", kind: "user", person: "ana", scopes: ["refund"], roles: ["support"] });
  createKey(keys, { name: "bot", kind: "agent", actsFor: "ana", scopes: ["refund"], roles: [] });
  createKey(keys, { name: "old", kind: "user", person: "ana", scopes: ["refund"], roles: [] });
  revokeKey(keys, "old");
  const run: Shop["run"] = (...words) => quater(words, { cwd });
  const said = () => (existsSync(join(cwd, "said.txt")) ? readFileSync(join(cwd, "said.txt"), "utf8") : "");
  try {
    await use({
      cwd,
      run,
      said,
      explain: async (...words) => {
        const { code, out, err } = await run("explain", ...words, "--json");
        expect(err).toBe("");
        return { ...(JSON.parse(out) as Explanation), exit: code };
      },
    });
  } finally {
    remove();
  }
};

const verdicts = ({ steps }: Explanation) => Object.fromEntries(steps.map(({ step, verdict }) => [step, verdict]));

test("quater explain prints each step of a call with the missing role and the wrong input field, and exits with 1", () =>
  inShop(async ({ run }) => {
    const { code, out, err } = await run(
      "explain",
      "refund",
      "--id",
      "x",
      "--cents",
      "0",
      "--as",
      "bot",
      "--surface",
      "mcp",
      "--no-json",
    );
    expect([code, err]).toEqual([1, ""]);
    expect(
      out
        .replace(/key:\w+/, "key:<id>")
        .split("\n")
        .map((line) => line.trimEnd()),
    ).toEqual([
      "refund over mcp",
      "  door      passes       The caller is the agent bot with the credential key:<id>",
      "  exposure  passes       mcp exposes refund",
      "  rights    stops        The policy is can(refund) and hasRole(support). This call needs a credential with the role support",
      "  bind      stops        /cents must be at least 1",
      "  auth      skipped      An earlier step does not pass, or is not known",
      "  admit     skipped      An earlier step does not pass, or is not known",
      "  approve   skipped      An earlier step does not pass, or is not known",
      "  hold      skipped      An earlier step does not pass, or is not known",
      "",
      "What is missing",
      "  role support",
      "  /cents must be at least 1",
      "",
      "The call would stop at the step rights with the error missing_role.",
      "",
    ]);
  }));

test("quater explain prints that people must approve a call, but files no approval request and writes no event", () =>
  inShop(async ({ run, explain, said, cwd }) => {
    const events = async () => (await run("audit", "tail", "--lines", "100")).out;
    await run("audit", "verify");
    const before = await events();
    const found = await explain("refund", "--id", "x", "--cents", "5", "--as", "ana", "--surface", "http");
    expect(found).toMatchObject({ verdict: "cannot_tell", step: "door", exit: 1 });
    const own = await explain("refund", "--id", "x", "--cents", "5", "--as", "ana", "--surface", "mcp");
    expect(own).toMatchObject({ verdict: "stops", step: "approve", code: "approval_required", exit: 1 });
    expect(await events()).toBe(before);
    const key = join(cwd, "key");
    const made = await run(
      "keys",
      "create",
      "--name",
      "cleo",
      "--kind",
      "user",
      "--person",
      "cleo",
      "--roles",
      "finance",
      "--no-json",
    );
    const { writeFileSync } = await import("node:fs");
    writeFileSync(key, made.out, { mode: 0o600 });
    expect((await run("approvals", "list", "--key-file", key)).out).toBe("[]\n");
    expect(said()).toBe("");
  }));

test("quater explain runs the policy of the handler with the input, and never runs the handler", () =>
  inShop(async ({ explain, said }) => {
    const allowed = await explain("pay", "--id", "ana", "--cents", "5", "--as", "bot", "--surface", "mcp");
    expect(allowed).toMatchObject({ verdict: "runs", step: null, code: null, exit: 0 });
    expect(allowed.caller).toMatchObject({ subject: "bot", kind: "agent", actsFor: "ana", scopes: ["refund"] });
    const refused = await explain("pay", "--id", "bo", "--cents", "5", "--as", "bot", "--surface", "mcp");
    expect(refused).toMatchObject({ verdict: "stops", step: "auth", code: "forbidden", exit: 1 });
    expect(refused.steps.find(({ step }) => step === "auth")?.why).toBe("Not yours");
    expect(said()).toBe("policy\npolicy\n");
  }));

test("quater explain prints that functions of a policy cannot decide about a caller that flags only describe", () =>
  inShop(async ({ explain, said }) => {
    const words = ["--id", "ana", "--cents", "5", "--surface", "mcp"];
    const described = await explain("pay", ...words, "--scope", "refund", "--kind", "agent");
    expect(described).toMatchObject({ verdict: "cannot_tell", step: "auth", exit: 1 });
    expect(verdicts(described)).toMatchObject({ rights: "passes", bind: "passes", auth: "cannot_tell", approve: "skipped" });
    expect(await explain("pay", ...words, "--role", "support")).toMatchObject({ step: "rights", code: "missing_scope" });
    expect(await explain("either", ...words, "--role", "boss")).toMatchObject({ verdict: "runs" });
    expect(await explain("either", ...words, "--person", "ana")).toMatchObject({ verdict: "cannot_tell", step: "auth" });
    expect(await explain("refund", ...words, "--scope", "refund", "--role", "support")).toMatchObject({
      step: "approve",
      verdict: "cannot_tell",
    });
    expect(said()).toBe("");
  }));

test("quater explain prints why a surface refuses an API key, and what it cannot predict about another authenticator", () =>
  inShop(async ({ explain }) => {
    const door = async (...words: readonly string[]) => {
      const { steps, code } = await explain(...words);
      return [code, steps[0]?.why];
    };
    expect(await door("pay", "--as", "old", "--surface", "mcp")).toEqual([
      "invalid_token",
      expect.stringMatching(/^The door refuses the caller: the key old was revoked at \d{4}-/),
    ]);
    expect(await door("pay", "--as", "nobody", "--surface", "mcp")).toEqual([
      "invalid_token",
      "The door refuses the caller: the authenticator apiKeys has no key nobody",
    ]);
    expect(await door("other", "--as", "ana", "--surface", "http")).toEqual([
      null,
      "Quater cannot tell which principal the authenticator bearer returns for this key",
    ]);
    expect(await door("other", "--as", "ana", "--surface", "mcp")).toEqual([
      "unknown_handler",
      expect.stringContaining("The caller is the agent ana"),
    ]);
  }));

test("quater explain without --as explains a call with the token in QUATER_TOKEN, or a call of the local user", () =>
  inShop(async ({ explain, cwd }) => {
    const local = await explain("other");
    expect(local).toMatchObject({ surface: "cli", verdict: "runs", caller: { issuer: "local", person: "ana" } });
    const { code, out } = await quater(["explain", "other"], { cwd, env: { QUATER_TOKEN: "qk_wrong" } });
    expect([code, (JSON.parse(out) as Explanation).code]).toEqual([1, "invalid_token"]);
    expect(await explain("status")).toMatchObject({ surface: "http", verdict: "runs", caller: { subject: "anonymous" } });
  }));

test("quater explain answers for local callers of a project with cli({ remote })", () =>
  inShop(async ({ run, cwd }) => {
    const { readFileSync: read, writeFileSync: write } = await import("node:fs");
    const remote =
      "authenticate: firstOf(apiKeys(), localUser({ scopes: [] })), remote: { authenticate: apiKeys({ file: 'remote.json' }) }";
    const text = read(join(cwd, "quater.config.mjs"), "utf8").replace(/cli\(\{ authenticate: .*\}\),/, `cli({ ${remote} }),`);
    write(join(cwd, "remote.config.mjs"), text);
    createKey(join(cwd, "remote.json"), { name: "far", kind: "user", person: "far", scopes: ["refund"], roles: [] });
    const at = async (...words: readonly string[]) =>
      JSON.parse((await run("--config", "remote.config.mjs", ...words)).out) as Explanation & WhoCan;
    expect(await at("explain", "other", "--as", "ana", "--surface", "cli")).toMatchObject({ verdict: "runs" });
    expect(await at("explain", "other", "--as", "far", "--surface", "cli")).toMatchObject({
      verdict: "cannot_tell",
      step: "door",
    });
    expect((await at("who-can", "other", "--surface", "cli")).surfaces[0]?.keys.map(({ key }) => key)).toEqual(["ana", "bot"]);
  }));

test("quater who-can lists the API keys and rights that allow a call, and prints which callers it cannot list", () =>
  inShop(async ({ run }) => {
    const { code, out, err } = await run("who-can", "pay");
    expect([code, err]).toEqual([0, ""]);
    const found = JSON.parse(out) as WhoCan;
    expect(found).toMatchObject({
      handler: "pay",
      auth: "can(refund) and isOwner",
      combinations: [{ scopes: ["refund"], roles: [] }],
      functions: ["isOwner"],
      approval: null,
    });
    const over = (name: string) => found.surfaces.find(({ surface }) => surface === name);
    expect(over("mcp")?.keys.map(({ key, verdict }) => [key, verdict])).toEqual([
      ["ana", "may"],
      ["bot", "may"],
    ]);
    expect(over("mcp")?.unknown).toEqual(["Functions of the policy decide about each call: isOwner"]);
    expect(over("http")).toMatchObject({ keys: [] });
    expect(over("http")?.unknown).toContain("Quater does not know the credentials that the authenticator bearer accepts");
    expect(over("cli")?.unknown).toContain(
      "At the terminal without a key, the local user calls with these scopes: refund. Roles: none",
    );

    const text = await run("who-can", "refund", "--surface", "mcp", "--no-json");
    expect(
      text.out
        .replace(/(?<=^ana +)[a-z2-7]{8}/m, "<id>")
        .split("\n")
        .map((line) => line.trimEnd()),
    ).toEqual([
      "refund",
      "  auth      can(refund) and hasRole(support)",
      "  rights    scope refund and role support",
      "  approval  finance: 1 with role finance",
      "",
      "Over mcp",
      expect.stringMatching(/^key +id +kind +person +acts for +verdict$/),
      expect.stringMatching(/^ana +<id> +agent +- +ana +may call$/),
      "",
    ]);
    expect((await run("who-can", "status", "--no-json")).out).toContain("Everybody may call without a credential.\n");
    expect((await run("who-can", "either", "--no-json")).out).toContain("  rights    role boss\n");
  }));

test.each([
  [["explain"], "The command line names no action. Write quater explain <action> --as <key> --surface <surface>"],
  [["explain", "refnd"], 'No handler named "refnd" is exposed; did you mean "refund"?'],
  [["explain", "pay", "--surface", "htp"], 'The project has no surface named "htp"; did you mean "http"?'],
  [["explain", "either", "--as"], "--as needs a value: quater explain <action> --as <value>"],
  [
    ["explain", "pay", "--as", "ana", "--scope", "x"],
    "--as names a key, so it cannot be used together with --scope, --role, --kind and --person",
  ],
  [["explain", "pay", "--kind", "robot"], "--kind robot is not known. Write one of user, service, agent, operator"],
  [["explain", "pay", "--as", "a", "--as", "b"], "--as is given more than once"],
  [["who-can", "paay"], 'No handler named "paay" is exposed; did you mean "pay"?'],
  [["who-can", "either", "--surface", "http"], "either is not exposed on http. Its surfaces are mcp"],
  [["who-can"], "An argument is missing. Write quater who-can [--surface <value>] <action>"],
])("the quater program refuses the command line %j with one line and exit code 64", (argv, sentence) =>
  inShop(async ({ run }) => {
    expect(await run(...argv)).toEqual({ code: 64, out: "", err: `quater: ${sentence}\n` });
  }),
);

test.each([
  ["explain", "quater explain refundOrder --order-id ord_1 --amount-cents 500 --as support-bot --surface mcp"],
  ["who-can", "quater who-can refundOrder --surface mcp"],
])("the command quater %s --help prints an example", async (command, example) => {
  const { code, out } = await quater([command, "--help"]);
  expect(code).toBe(0);
  expect(out).toContain(`    ${example}\n`);
});
