// `quater approvals ...`: who may, what is shown, and what scripts get.

import { createHash } from "node:crypto";
import { chmodSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { PassThrough, type Readable } from "node:stream";
import { describe, expect, test } from "vitest";
import { revokeKey } from "../../../plugins/auth/commands.ts";
import { demoApproverKey, developmentKey } from "../../../plugins/auth/development.ts";
import { runProgram } from "../../../plugins/cli/program/program.ts";
import { quater } from "../cli/kit.ts";
import { type Till, till } from "./surface-kit.ts";

const ask = ["run", "pay", "--to", "bo", "--cents", "5"];
const run = (at: Till, words: readonly string[], how: { readonly stdin?: string; readonly env?: Record<string, string> } = {}) =>
  quater(words, { cwd: at.folder, ...how });
const file = async (at: Till, words: readonly string[] = ask, env: Record<string, string> = {}) =>
  /apr_[a-z2-7]{20}/.exec((await run(at, words, { env })).err)?.[0] ?? "none";
const withKey = (at: Till, words: readonly string[], who: keyof Till["keys"] = "bea") =>
  run(at, ["approvals", ...words, "--key-file", at.keys[who]]);
const errorIn = ({ err }: { readonly err: string }) => (JSON.parse(err) as { error: { code: string; message: string } }).error;
const digestOf = async (at: Till, id: string) => (JSON.parse((await withKey(at, ["show", id])).out) as { digest: string }).digest;

/** Both ends are terminals; what is asked is answered in order. */
const atTerminal = async (at: Till, words: readonly string[], answers: readonly string[]) => {
  const stdin = Object.assign(new PassThrough(), { isTTY: true, setRawMode: () => stdin });
  const output = () => Object.assign(new PassThrough(), { isTTY: true, columns: 200 });
  const [stdout, stderr] = [output(), output()];
  const left = [...answers];
  let err = "";
  stderr.on("data", (part: Buffer) => {
    err += part.toString();
    // A question ends with a colon and a space, and is answered once it stands there.
    if (/(?:\(not shown\)|stays pending): $/.test(part.toString()))
      setImmediate(() =>
        stdin.write(`${(left.shift() ?? "").replace("{digest}", /Digest +([0-9a-f]{4})/.exec(err)?.[1] ?? "")}\r`),
      );
  });
  const out = textOf(stdout);
  const code = await runProgram({ argv: words, env: { NO_COLOR: "1" }, cwd: at.folder, stdin, stdout, stderr });
  stdout.end();
  return { code, err, out: await out };
};

const textOf = async (stream: Readable): Promise<string> => {
  const parts: Buffer[] = [];
  for await (const part of stream) parts.push(part as Buffer);
  return Buffer.concat(parts).toString("utf8");
};

describe("quater approvals commands read the approver key", () => {
  test("quater approvals asks for the approver key on a terminal and does not show the typed key", async () => {
    using at = till();
    const id = await file(at);
    const { code, out, err } = await atTerminal(at, ["approvals", "list", "--state", "pending"], [at.keyOf("bea")]);
    expect([code, out]).toEqual([0, expect.stringContaining(id)]);
    expect(err).toContain("Approver key (not shown): ");
    expect(err + out).not.toContain(at.keyOf("bea").slice(0, 20));
  });

  test("quater approvals reads the approver key from a file that only its owner can read or from standard input", async () => {
    using at = till();
    const list = (name: string, stdin = "") => run(at, ["approvals", "list", "--key-file", name], { stdin });
    expect((await list("bea.key")).code).toBe(0);
    expect((await list("-", at.keyOf("bea"))).code).toBe(0);
    chmodSync(at.keys.bea, 0o640);
    expect(await list("bea.key")).toMatchObject({
      code: 65,
      err: expect.stringContaining("which other users can read. Run chmod 600") as string,
    });
    expect(await list("nowhere.key")).toMatchObject({ code: 65, err: expect.stringContaining("which is not a file") as string });
    writeFileSync(join(at.folder, "two.key"), "a b", { mode: 0o600 });
    for (const [name, stdin] of [["two.key"], ["-", ""], ["-", "x".repeat(9_000)]] as const)
      expect(await list(name, stdin), name).toMatchObject({
        code: 65,
        err: expect.stringContaining("contains no valid key") as string,
      });
  });

  test("quater approvals does not read the approver key from the environment, and the local user cannot approve", async () => {
    using at = till();
    const id = await file(at);
    for (const words of [["list"], ["show", id], ["approve", id], ["deny", id], ["revoke", id], ["code"]]) {
      const seen = await run(at, ["approvals", ...words], {
        env: { QUATER_TOKEN: at.keyOf("bea"), QUATER_INPUT_KEY_FILE: at.keys.bea },
      });
      expect([seen.code, seen.out], words[0]).toEqual([words[0] === "code" ? 73 : 65, ""]);
    }
    expect((await withKey(at, ["list", "--state", "pending"])).out).toContain(id);
  });

  test.each([
    ["an unknown key", () => "qk_nobody", 77, "invalid_token"],
    ["an agent's key", (at: Till) => at.keyOf("robot"), 77, "approver_not_eligible"],
  ])("quater approvals show refuses %s", async (_what, key, exit, code) => {
    using at = till();
    const id = await file(at);
    const seen = await run(at, ["approvals", "show", id, "--key-file", "-"], { stdin: key(at) });
    expect([seen.code, seen.out]).toEqual([exit, ""]);
    expect(seen.err).toContain(code);
  });
});

describe("quater approvals commands refuse a development key", () => {
  const told =
    "invalid_token: Only `quater dev` accepts a development key. Use the approvals page that `quater dev` serves, or create another key: `quater keys create --name NAME --person NAME --kind user --roles ROLE`\n";
  const general = /^invalid_token: The credential is unknown, expired, revoked/;
  const show = (at: Till, id: string, stdin: string) => run(at, ["approvals", "show", id, "--key-file", "-"], { stdin });

  test("quater approvals refuses a development key with a remedy", async () => {
    using at = till();
    const id = await file(at);
    demoApproverKey(at.folder, ["finance"]);
    for (const words of [["list"], ["show", id], ["approve", id], ["deny", id], ["revoke", id]])
      expect(await run(at, ["approvals", ...words, "--key-file", ".quater/demo-approver-key"]), words[0]).toEqual({
        code: 77,
        out: "",
        err: told,
      });
    expect((await show(at, id, developmentKey(at.folder, { scopes: [], roles: ["finance"] }))).err).toBe(told);
    expect((await withKey(at, ["list", "--state", "pending"])).out).toContain(id);
    const events = (await run(at, ["audit", "tail", "--json", "--no-follow"])).out;
    expect(events).toContain('"credential.failed"');
  });

  test("quater approvals refuses a mistyped or revoked development key like any wrong key", async () => {
    using at = till();
    const id = await file(at);
    const key = demoApproverKey(at.folder, ["finance"]);
    const guessed = `${key.slice(0, 11)}_${"a".repeat(40)}`;
    const check = createHash("sha256").update(guessed).digest("hex").slice(0, 6);
    expect((await show(at, id, `${guessed}_${check}`)).err).toMatch(general);
    expect((await show(at, id, key.slice(0, -1))).err).toMatch(general);
    revokeKey(join(at.folder, ".quater/keys.json"), key.slice(3, 11));
    expect(await show(at, id, key)).toMatchObject({ code: 77, err: expect.stringMatching(general) as string });
  });
});

test("error messages of quater approvals contain flags on a terminal, and JSON Pointers in JSON", async () => {
  using at = till();
  expect(await run(at, ["approvals", "list", "--stat", "pending"])).toMatchObject({
    code: 64,
    err: "quater: Unknown flag --stat; did you mean --state?\n",
  });
  expect((await run(at, ["approvals", "show"])).err).toBe(
    "invalid_input: --id is required: The id of the approval request: apr_...\n",
  );
  expect((await run(at, ["approvals", "approve", "apr_x", "--digest", "abc"])).err).toMatch(
    /^invalid_input: --digest is not valid: The digest of the request, from quater approvals show --json\./,
  );
  expect((await run(at, ["approvals", "list", "--key-file", "nowhere"])).err).toBe(
    'invalid_input: --key-file names "nowhere", which is not a file\n',
  );
  expect(errorIn(await run(at, ["approvals", "list", "--stat", "pending", "--json"]))).toEqual({
    code: "unknown_field",
    message: "Unknown flag --stat; did you mean --state?",
  });
  expect(errorIn(await run(at, ["approvals", "show", "--json"]))).toMatchObject({
    code: "invalid_input",
    errors: [{ path: "/id", message: "is required" }],
  });
});

describe("quater approvals list and quater approvals show print approval requests", () => {
  test("quater approvals list shows the newest approval requests first with their requesters, and has filters", async () => {
    using at = till();
    const first = await file(at);
    const second = await file(at, ["run", "pay", "--to", "cy", "--cents", "5"]);
    const rows = JSON.parse((await withKey(at, ["list"])).out) as Record<string, unknown>[];
    expect(rows.map(({ id }) => id)).toEqual([second, first]);
    expect(rows[0]).toMatchObject({ state: "pending", handler: "pay", asks: "ana", surface: "cli", policy: "finance" });
    expect(JSON.parse((await withKey(at, ["list", "--state", "approved"])).out)).toEqual([]);
    expect(JSON.parse((await withKey(at, ["list", "--limit", "1"])).out)).toHaveLength(1);
    expect((await withKey(at, ["list", "--state", "open"])).code).toBe(65);
  });

  test("quater approvals show prints the parts of an approval request with escaped control characters", async () => {
    using at = till();
    const id = await file(at, ["run", "pay", "--to", "b\u001b[31mo\u202e", "--cents", "5"]);
    const { out, code } = await withKey(at, ["show", id, "--no-json"]);
    expect(code).toBe(0);
    for (const text of ["Pay somebody.", "/to", "b\\u{1b}[31mo\\u{202e}", "/cents", "/leaves", "ana"])
      expect(out).toContain(text);
    for (const character of ["\u001b", "\u202e"]) expect(out).not.toContain(character);
  });

  test("quater approvals show prints no secret arguments", async () => {
    using at = till();
    const id = await file(at, ask, { QUATER_INPUT_PIN: "geheim-4711" });
    for (const flag of ["--json", "--no-json"]) {
      const { out } = await withKey(at, ["show", id, flag]);
      expect(out).toContain("/pin");
      expect(out).not.toContain("geheim");
    }
  });

  test("quater approvals show prints the reason when a person may read but not decide an approval request", async () => {
    using at = till();
    const id = await file(at);
    const { code, err } = await withKey(at, ["show", id, "--no-json"], "ana");
    expect([code, err]).toEqual([0, expect.stringMatching(/^You cannot vote on this approval request: /)]);
  });

  test("quater approvals show exits with 66 for an unknown id of an approval request", async () => {
    using at = till();
    const seen = await withKey(at, ["show", "apr_aaaaaaaaaaaaaaaaaaaa"]);
    expect([seen.code, seen.err]).toEqual([66, expect.stringContaining("approval_not_found")]);
  });
});

describe("quater approvals approve, deny and revoke decide approval requests", () => {
  test("quater approvals approve shows the approval request and asks for the first digits of its digest", async () => {
    using at = till();
    const id = await file(at);
    const { code, err, out } = await atTerminal(at, ["approvals", "approve", id], [at.keyOf("bea"), "{digest}"]);
    expect([code, out]).toEqual([0, expect.stringMatching(/state +approved/)]);
    for (const text of ["Pay somebody.", "/cents", "To approve this request, type the first 4 digits"])
      expect(err).toContain(text);
    expect((await run(at, ask)).code).toBe(0);
  });

  test.each(["", "y", "yes", "0000x"])(
    "on a terminal, quater approvals approve decides nothing when the person types %j",
    async (answer) => {
      using at = till();
      const id = await file(at);
      const { code, err } = await atTerminal(at, ["approvals", "approve", id], [at.keyOf("bea"), answer]);
      expect([code, err.trimEnd().split("\n").at(-1)]).toEqual([1, "The request was not approved and stays pending."]);
      expect((await run(at, ask)).code).toBe(75);
    },
  );

  test("without a terminal, quater approvals approve needs the digest of the approval request", async () => {
    using at = till();
    const [id, other] = [await file(at), await file(at, ["run", "pay", "--to", "cy", "--cents", "5"])];
    const without = await withKey(at, ["approve", id]);
    expect([without.code, without.err]).toEqual([
      65,
      expect.stringContaining("--digest is required when the command cannot ask on a terminal"),
    ]);
    const stale = await withKey(at, ["approve", id, "--digest", await digestOf(at, other)]);
    expect([stale.code, stale.err]).toEqual([73, expect.stringContaining("approval_digest_changed")]);
    expect((await run(at, ask)).code).toBe(75);
    const done = await withKey(at, ["approve", id, "--digest", await digestOf(at, id)]);
    expect([done.code, JSON.parse(done.out)]).toMatchObject([0, { id, state: "approved", agreed: 1, needed: 1 }]);
  });

  test("quater approvals approve refuses a vote of the requester, and the approval request stays pending", async () => {
    using at = till();
    const id = await file(at);
    const seen = await withKey(at, ["approve", id, "--digest", await digestOf(at, id)], "ana");
    expect([seen.code, seen.err]).toEqual([77, expect.stringContaining("approver_not_eligible")]);
    const typed = await atTerminal(at, ["approvals", "approve", id], [at.keyOf("ana")]);
    expect([typed.code, typed.err]).toEqual([77, expect.stringContaining("approver_not_eligible")]);
    expect((await run(at, ask)).code).toBe(75);
  });

  test("quater approvals deny stores the reason of the denial, and refuses a different second vote", async () => {
    using at = till();
    const id = await file(at);
    const denied = await withKey(at, ["deny", id, "--reason", "no money"]);
    expect([denied.code, JSON.parse(denied.out)]).toMatchObject([0, { state: "denied", reason: "no money" }]);
    expect((await withKey(at, ["deny", id])).code).toBe(0);
    const other = await withKey(at, ["approve", id, "--digest", await digestOf(at, id)]);
    expect(other.code).toBe(73);
    const refused = await run(at, ask);
    expect([refused.code, errorIn(refused)]).toMatchObject([77, { code: "approval_denied" }]);
  });

  test("quater approvals revoke revokes an approval, unless a call has already used the approval", async () => {
    using at = till();
    const id = await file(at);
    await withKey(at, ["approve", id, "--digest", await digestOf(at, id)]);
    const revoked = await withKey(at, ["revoke", id, "--reason", "changed my mind"]);
    expect([revoked.code, JSON.parse(revoked.out)]).toMatchObject([0, { state: "revoked", reason: "changed my mind" }]);
    const named = await run(at, [...ask, "--approval", id]);
    expect([named.code, errorIn(named)]).toMatchObject([77, { code: "approval_revoked" }]);
  });
});

describe("quater approvals wait waits for the decision about an approval request", () => {
  const wait = (at: Till, id: string, ...more: string[]) => run(at, ["approvals", "wait", id, ...more]);

  test("quater approvals wait exits with 75 for a pending approval request, 0 if approved, 77 if denied", async () => {
    using at = till();
    const id = await file(at);
    expect(await wait(at, id, "--timeout-seconds", "0")).toMatchObject({
      code: 75,
      out: expect.stringContaining("pending") as string,
    });
    const waiting = wait(at, id);
    await withKey(at, ["approve", id, "--digest", await digestOf(at, id)]);
    expect(await waiting).toMatchObject({ code: 0, out: expect.stringContaining("approved") as string });
    await run(at, ask);
    const used = await wait(at, id);
    expect([used.code, JSON.parse(used.out)]).toMatchObject([0, { status: "consumed", outcome: "succeeded" }]);
    const next = await file(at);
    await withKey(at, ["deny", next]);
    expect((await wait(at, next)).code).toBe(77);
  });

  test("quater approvals wait needs no approver key, and does not show the approval requests of other callers", async () => {
    using at = till();
    const id = await file(at);
    expect((await wait(at, id, "--timeout-seconds", "0")).code).toBe(75);
    const asBea = { env: { QUATER_TOKEN: at.keyOf("bea") } };
    const foreign = await run(at, ["approvals", "wait", id], asBea);
    const unknown = await run(at, ["approvals", "wait", "apr_aaaaaaaaaaaaaaaaaaaa"], asBea);
    expect([foreign.code, foreign.err]).toEqual([66, expect.stringContaining("approval_not_found")]);
    expect(foreign).toEqual(unknown);
  });

  test("Ctrl-C during quater approvals wait exits with 75", async () => {
    using at = till();
    const id = await file(at);
    const interrupt = new AbortController();
    const ended = quater(["approvals", "wait", id], { cwd: at.folder, interrupt: interrupt.signal });
    setTimeout(() => interrupt.abort("SIGINT"), 300);
    expect((await ended).code).toBe(75);
  });
});

test("quater approvals code prints a code with which an approver can sign in", async () => {
  using at = till({ hasHttp: true });
  const { code, out, err } = await withKey(at, ["code", "--no-json"]);
  expect([code, out]).toEqual([0, expect.stringMatching(/^[A-Z0-9]{4}-[A-Z0-9]{4}\n$/)]);
  expect(JSON.parse((await withKey(at, ["code"])).out)).toEqual({
    code: expect.stringMatching(/^[A-Z0-9]{4}-[A-Z0-9]{4}$/),
    expiresAt: expect.stringMatching(/^\d{4}-.*Z$/),
  });
  expect(err).toMatch(/before \d{4}-\d\d-\d\dT.*Z\. The code works once\.\n$/);
  const agent = await withKey(at, ["code"], "robot");
  expect([agent.code, agent.out, agent.err]).toEqual([77, "", expect.stringContaining("approver_not_eligible")]);
});

test("quater approvals code fails when the project has no approvals page", async () => {
  using at = till();
  const seen = await withKey(at, ["code"]);
  expect([seen.code, seen.err]).toEqual([73, expect.stringContaining("The approvals page is not available")]);
});

test("quater commands lists the commands of approval()", async () => {
  using at = till();
  const { out } = await run(at, ["commands"]);
  expect(
    (JSON.parse(out) as { command: string }[]).map(({ command }) => command).filter((name) => name.startsWith("approvals")),
  ).toEqual(["list", "show", "approve", "deny", "revoke", "wait", "code"].map((word) => `approvals ${word}`));
});
