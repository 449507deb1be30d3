// `quater exposure --write` and `--check`: the kept file, git revisions, acceptances, and what is printed.

import { execFileSync } from "node:child_process";
import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { project, quater } from "./kit.ts";

const core = JSON.stringify(fileURLToPath(new URL("../../../core/index.ts", import.meta.url)));
const plugins = JSON.stringify(fileURLToPath(new URL("../../../plugins/index.ts", import.meta.url)));

interface Choice {
  readonly auth?: string;
  readonly description?: string;
  readonly exposure?: string;
}

const manifest = ({ auth = 'can("refund")', description = "Refund an order.", exposure = "cli: true" }: Choice = {}) => `
  import { authenticated, can, defineConfig, expose, handler, Type } from ${core};
  import { apiKeys, cli, http, mcp } from ${plugins};
  const refund = handler({
    description: ${JSON.stringify(description)}, effect: "write", input: Type.Object({ id: Type.String() }),
    auth: ${auth}, handle: () => 1,
  });
  const list = handler({ description: "List.", effect: "read", input: Type.Object({}), auth: authenticated, handle: () => 1 });
  export default defineConfig({
    name: "shop",
    handlers: [expose(async () => ({ refund, list }), { refund: { ${exposure} }, list: { cli: true } })],
    plugins: [http({ port: 0, authenticate: apiKeys() }), mcp({ authenticate: apiKeys() }), cli({ authenticate: apiKeys() })],
  });
`;

interface Shop {
  readonly cwd: string;
  readonly git: (...words: readonly string[]) => void;
  readonly commit: (name: string) => void;
  readonly becomes: (choice: Choice) => void;
  readonly run: (...words: readonly string[]) => ReturnType<typeof quater>;
  readonly kept: () => { readonly accepted: { id: string; reason: string }[]; readonly handlers: { handler: string }[] };
}

const file = "quater.exposure.json";

const inShop = async (use: (shop: Shop) => Promise<void>): Promise<void> => {
  const { folder: cwd, remove } = project({ "package.json": "{}" });
  const git: Shop["git"] = (...words) =>
    void execFileSync("git", ["-c", "user.name=ana", "-c", "user.email=ana@shop.example", ...words], { cwd, stdio: "pipe" });
  let version = 0;
  const shop: Shop = {
    cwd,
    git,
    commit: (name) => {
      git("add", "-A");
      git("commit", "-qm", name);
    },
    // Each version has a name of its own, because a module is loaded only once in this process.
    becomes: (choice) => {
      version += 1;
      writeFileSync(join(cwd, `v${version}.mjs`), manifest(choice));
    },
    run: (...words) => quater(["--config", `v${version}.mjs`, "exposure", ...words], { cwd }),
    kept: () => JSON.parse(readFileSync(join(cwd, file), "utf8")) as ReturnType<Shop["kept"]>,
  };
  try {
    git("init", "-q", "-b", "main");
    writeFileSync(join(cwd, ".gitignore"), "node_modules\n*.mjs\n");
    shop.becomes({});
    await use(shop);
  } finally {
    remove();
  }
};

test("quater exposure --write writes one sorted block per handler, and a second run writes the same bytes", () =>
  inShop(async ({ cwd, run, kept }) => {
    expect(await run("--write")).toEqual({ code: 0, out: "", err: `Wrote ${file} with 2 handlers\n` });
    const bytes = readFileSync(join(cwd, file), "utf8");
    expect(kept().handlers.map(({ handler }) => handler)).toEqual(["list", "refund"]);
    expect(bytes).toMatch(/^\{\n {2}"format": "quater.exposure.v1",\n {2}"app": "shop",\n/);
    expect(kept().handlers[1]).toEqual({
      handler: "refund",
      description: "Refund an order.",
      effect: "write",
      idempotent: false,
      public: false,
      auth: { words: "can(refund)", joint: "all", parts: [{ scope: "refund" }] },
      approval: null,
      preview: false,
      surfaces: { cli: { ways: ["yes"], options: {} } },
      keys: {},
      streams: false,
      input: {
        digest: expect.stringMatching(/^sha256:[0-9a-f]{64}$/),
        schema: { type: "object", required: ["id"], properties: { id: { type: "string" } }, additionalProperties: false },
      },
      output: null,
    });
    await run("--write");
    expect(readFileSync(join(cwd, file), "utf8")).toBe(bytes);
    expect(await run("--check", "--no-json")).toEqual({ code: 0, out: `The exposure is the same as in ${file}.\n`, err: "" });
  }));

test("quater exposure --check exits with 1 after a wider exposure, and with 0 after a narrower exposure", () =>
  inShop(async ({ run, becomes }) => {
    await run("--write");
    becomes({ exposure: "cli: true, mcp: true" });
    const wider = await run("--check", "--no-json");
    expect(wider.code).toBe(1);
    expect(wider.out).toMatch(
      /^Widened\n {2}refund: is exposed on mcp now \(tool\)\n {4}not accepted, id [0-9a-f]{12}\n\n1 widened/,
    );
    becomes({ auth: '[can("refund"), can("more")]', description: "Refund." });
    const narrower = await run("--check", "--json");
    expect(narrower.code).toBe(0);
    expect(JSON.parse(narrower.out)).toMatchObject({
      base: null,
      isCurrent: false,
      isFit: true,
      differences: [
        { verdict: "narrowed", subject: "refund", what: "auth changed from can(refund) to can(refund) and can(more)" },
        { verdict: "changed", subject: "refund", what: "description: Refund." },
      ],
    });
  }));

test("quater exposure --check --base passes a wider exposure only if the file accepts this change with a reason", () =>
  inShop(async ({ run, becomes, commit, git, kept }) => {
    await run("--write");
    commit("the exposure");
    git("switch", "-qc", "wider");
    becomes({ exposure: "cli: true, mcp: true" });
    expect((await run("--check", "--base", "main")).code).toBe(1);
    await run("--write");
    expect((await run("--check")).code).toBe(0);
    const own = await run("--check", "--base", "main", "--no-json");
    expect(own.code).toBe(1);
    expect(own.out).toContain("run quater exposure --write --base main --accept");

    expect((await run("--write", "--base", "main", "--accept", "Support works over MCP, see #42")).code).toBe(0);
    const accepted = await run("--check", "--base", "main", "--no-json");
    expect(accepted).toMatchObject({ code: 0, err: "" });
    expect(accepted.out).toContain("    accepted: Support works over MCP, see #42\n");

    // A wider change after the acceptance has another id.
    becomes({ exposure: "cli: true, mcp: true", auth: "authenticated" });
    await run("--write", "--base", "main");
    const more = await run("--check", "--base", "main", "--no-json");
    expect(more.code).toBe(1);
    expect(more.out).toContain("2 widened (1 not accepted)");
    const [id = ""] = /(?<=not accepted, id )\w+/.exec(more.out) ?? [];
    await run("--write", "--base", "main", "--accept", "Everybody may refund", "--change", id);
    expect((await run("--check", "--base", "main")).code).toBe(0);
    expect(
      kept()
        .accepted.map(({ reason }) => reason)
        .sort(),
    ).toEqual(["Everybody may refund", "Support works over MCP, see #42"]);
  }));

test("quater exposure --check --base ignores an acceptance that the base revision already contains", () =>
  inShop(async ({ run, becomes, commit, kept }) => {
    await run("--write");
    commit("narrow");
    becomes({ exposure: "cli: true, mcp: true" });
    await run("--write", "--base", "main", "--accept", "A good reason");
    commit("wide");
    becomes({});
    await run("--write");
    commit("narrow again");
    becomes({ exposure: "cli: true, mcp: true" });
    await run("--write");
    expect(kept().accepted).toHaveLength(1);
    expect((await run("--check", "--base", "main")).code).toBe(1);
    await run("--write", "--base", "main");
    expect(kept().accepted).toEqual([]);
    expect((await run("--check", "--base", "main")).code).toBe(1);
  }));

test("with --base, a narrower exposure must be written to the exposure file, so that quater notices a later wider exposure", () =>
  inShop(async ({ run, becomes, commit }) => {
    becomes({ exposure: "cli: true, mcp: true" });
    await run("--write");
    commit("wide");
    becomes({});
    const stale = await run("--check", "--base", "main", "--no-json");
    expect(stale.code).toBe(1);
    expect(stale.out).toContain(`${file} is not current. Run quater exposure --write --base main.\n`);
    await run("--write");
    expect((await run("--check", "--base", "main")).code).toBe(0);
  }));

test("quater exposure --check compares with the file of the working folder if the revision of --base has no file", () =>
  inShop(async ({ run, commit, becomes }) => {
    commit("no file yet");
    await run("--write");
    const first = await run("--check", "--base", "main", "--no-json");
    expect(first).toEqual({
      code: 0,
      out: `main has no ${file}, so the file of the working folder is compared.\nThe exposure is the same as in ${file}.\n`,
      err: "",
    });
    becomes({ auth: "authenticated" });
    expect((await run("--check", "--base", "main")).code).toBe(1);
  }));

test("quater exposure --check --base ignores an acceptance whose words describe another difference than its id", () =>
  inShop(async ({ cwd, run, becomes, commit }) => {
    await run("--write");
    commit("the exposure");
    becomes({ exposure: "cli: true, mcp: true" });
    await run("--write", "--base", "main", "--accept", "Support works over MCP");
    expect((await run("--check", "--base", "main")).code).toBe(0);
    const path = join(cwd, file);
    const text = readFileSync(path, "utf8");
    for (const [was = "", is = ""] of [
      ['"what": "is exposed on mcp now (tool)"', '"what": "description: Refund an order."'],
      ['"subject": "refund"', '"subject": "list"'],
    ]) {
      expect(text).toContain(was);
      writeFileSync(path, text.replace(was, is));
      expect((await run("--check", "--base", "main")).code).toBe(1);
    }
  }));

test("quater exposure --check --base reports an exposure file that git cannot read, and does not treat the file as missing", () =>
  inShop(async ({ cwd, run, commit }) => {
    await run("--write");
    commit("the exposure");
    // As in a partial clone that cannot fetch.
    const [, folder = "", name = ""] =
      /^(..)(.+)/.exec(
        execFileSync("git", ["rev-parse", `HEAD:${file}`], { cwd })
          .toString()
          .trim(),
      ) ?? [];
    rmSync(join(cwd, ".git", "objects", folder, name));
    const { code, out, err } = await run("--check", "--base", "main");
    expect([code, out, err]).toEqual([64, "", expect.stringContaining(`git cannot read ${file} of this revision`)]);
  }));

test("quater exposure --check --base refuses an exposure file with a hidden second entry for a handler", () =>
  inShop(async ({ cwd, run, commit }) => {
    await run("--write");
    commit("the exposure");
    const path = join(cwd, file);
    const text = readFileSync(path, "utf8");
    const kept = JSON.parse(text) as { handlers: { handler: string; auth: object }[] };
    const [, refund] = kept.handlers;
    const hidden = { ...refund, auth: { words: "authenticated", joint: "all", parts: [{ rule: "authenticated" }] } };
    writeFileSync(path, JSON.stringify({ ...kept, handlers: [...kept.handlers, hidden] }));
    const twice = await run("--check", "--base", "main");
    expect([twice.code, twice.err]).toEqual([64, expect.stringContaining("the handler refund is listed twice")]);
    // The file must be what --write writes, also in parts that no difference names.
    writeFileSync(path, JSON.stringify({ ...kept, outsideThePipeline: ["POST /hook", "POST /hook"] }));
    expect((await run("--check", "--base", "main")).code).toBe(1);
  }));

test("quater exposure --markdown escapes markup, links and mentions in the texts of the project", () =>
  inShop(async ({ run, becomes }) => {
    await run("--write");
    becomes({ description: "@ana | see [x](https://evil.example) <img src=x> `code` **bold** #12" });
    const { code, out } = await run("--check", "--markdown");
    expect(code).toBe(0);
    expect(out).toContain("| changed | <code>refund</code> | <code>description&#58; &#64;ana &#124; see ");
    expect(out.replaceAll(/<\/?code>|<br>/g, "")).not.toMatch(/[@[\]`<>]|https:|\*\*b/);
    expect(out.split("\n").filter((line) => line.startsWith("|"))).toHaveLength(3);
  }));

test("quater exposure refuses an exposure file with mistakes, and does not change the file", () =>
  inShop(async ({ cwd, run }) => {
    const path = join(cwd, file);
    expect((await run("--check")).err).toBe(
      `quater: The file ${file} does not exist beside the manifest. Create the file with quater exposure --write\n`,
    );
    await run("--write");
    const text = readFileSync(path, "utf8");
    const edits = [
      ["{", "{{", "is not valid JSON"],
      ['"effect": "read"', '"effect": "none"', "/handlers/0/effect"],
      ['"public": false', '"public": false, "more": 1', "/handlers/0/more"],
      ['"type": "string"', '"type": "number"', "a schema of refund does not have the digest beside it"],
      ['"accepted": []', '"accepted": [{ "id": "x", "subject": "x", "what": "x", "reason": " " }]', "/accepted/0/reason"],
    ];
    for (const [was = "", is = "", said] of edits) {
      writeFileSync(path, text.replace(was, is));
      const { code, err } = await run("--check");
      expect([code, err]).toEqual([64, expect.stringContaining(said as string)]);
      expect(err).toContain("Write the file again with quater exposure --write");
    }
  }));

test.each([
  [["--write", "--check"], "--write and --check cannot be used together"],
  [["--base", "main"], "--base works only together with --check or --write"],
  [["--markdown"], "--markdown works only together with --check"],
  [["--check", "--accept", "x"], "--accept works only together with --write"],
  [["--write", "--change", "x"], "--change works only together with --accept"],
  [["--write", "--accept", " "], "--accept needs a reason"],
  [["--write", "--accept", "x"], "--accept: nothing became wider"],
  [["--write", "--accept", "x", "--change", "0123456789"], "--change 0123456789: no wider difference has this id"],
  [["--check", "--base", "nobody"], "--base nobody: git does not know this revision"],
  [["--check", "--base=--output=x"], "--base --output=x is not a git revision"],
])("quater exposure refuses the flags %j with one line and exit code 64", (words, sentence) =>
  inShop(async ({ run, commit }) => {
    commit("first");
    if (words.includes("--check")) await run("--write");
    const { code, out, err } = await run(...words);
    expect([code, out]).toEqual([64, ""]);
    expect(err).toContain(`quater: ${sentence}`);
    expect(err.trimEnd().split("\n")).toHaveLength(1);
  }),
);

test("quater exposure --help prints an example of a check for pull requests", async () => {
  const { code, out } = await quater(["exposure", "--help"]);
  expect(code).toBe(0);
  expect(out).toContain("quater exposure --check --base origin/main --markdown");
});
