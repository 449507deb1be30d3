// A call that needs approval, as its caller sees it over HTTP, over MCP and at the terminal.

import { existsSync, readFileSync } from "node:fs";
import { join } from "node:path";
import { QuaterError } from "quater";
import { beforeEach, describe, expect, test } from "vitest";
import { approvalCodes } from "../../../plugins/approval/errors.ts";
import { createKey, revokeKey } from "../../../plugins/auth/commands.ts";
import { statusOf } from "../../../plugins/http/refusals.ts";
import { failureResult } from "../../../plugins/mcp/answering/outcome.ts";
import { eventsIn, tempFolder } from "../audit/kit.ts";
import { quater } from "../cli/kit.ts";
import { bootCounter, paid, staff, type Till, till } from "./surface-kit.ts";

const toBo = { to: "bo", cents: 5 };
beforeEach(() => {
  paid.length = 0;
});

describe("approval() answers over HTTP", () => {
  test("an HTTP call that needs approval gets 428 with id, link, expiry and state of the approval request", async () => {
    using folder = tempFolder();
    await using counter = await bootCounter({ root: folder.root });
    const { response, body } = await counter.post(toBo);
    expect(response.status).toBe(428);
    expect(response.headers.get("content-type")).toMatch(/^application\/problem\+json/);
    expect(body).toMatchObject({ status: 428, title: "Precondition Required", code: "approval_required" });
    expect(body.approval).toEqual({
      id: expect.stringMatching(/^apr_[a-z2-7]{20}$/) as string,
      url: `https://shop.example/approvals/${body.approval?.["id"]}`,
      expiresAt: expect.stringMatching(/^\d{4}-\d\d-\d\dT/) as string,
      status: "pending",
    });
    expect(paid).toEqual([]);
  });

  test("after the approval, the repeated HTTP request runs once, and another repetition needs a new approval", async () => {
    using folder = tempFolder();
    await using counter = await bootCounter({ root: folder.root });
    const id = String((await counter.post(toBo)).body.approval?.["id"]);
    await counter.vote("bea", id);
    const { response, body } = await counter.post(toBo);
    expect([response.status, body]).toEqual([200, { paid: 5 }]);
    const again = await counter.post(toBo);
    expect([again.response.status, paid.length]).toEqual([428, 1]);
    expect(again.body.approval).toMatchObject({ earlier: { id, callId: expect.any(String) as string, outcome: "succeeded" } });
  });

  test("the events about the filing and the use of an approval request contain the trace id of the HTTP caller", async () => {
    using folder = tempFolder();
    await using counter = await bootCounter({ root: folder.root });
    const traceId = "4bf92f3577b34da6a3ce929d0e0e4736";
    const traced = { traceparent: `00-${traceId}-00f067aa0ba902b7-01` };
    await counter.vote("bea", String((await counter.post(toBo, traced)).body.approval?.["id"]));
    await counter.post(toBo, traced);
    const about = (type: string) => eventsIn(folder.root).find(({ meta }) => meta.type === type)?.meta;
    for (const type of ["approval.filed", "approval.used", "call.started"]) expect(about(type)).toMatchObject({ traceId });
  });

  test("the header Quater-Approval selects an approval request by id, and each reason for refusal has its own HTTP status", async () => {
    using folder = tempFolder();
    await using counter = await bootCounter({ root: folder.root });
    const id = String((await counter.post(toBo)).body.approval?.["id"]);
    const named = async (input: object, name = id) => {
      const { response, body } = await counter.post(input, { "quater-approval": name });
      return [response.status, body.code ?? "ok"];
    };
    expect(await named(toBo)).toEqual([428, "approval_required"]);
    expect(await named({ ...toBo, cents: 6 })).toEqual([409, "approval_mismatch"]);
    expect(await named(toBo, "apr_aaaaaaaaaaaaaaaaaaaa")).toEqual([404, "approval_not_found"]);
    await counter.vote("bea", id);
    expect(await named(toBo)).toEqual([200, "ok"]);
    const { response, body } = await counter.post(toBo, { "quater-approval": id });
    expect([response.status, body.code]).toEqual([409, "approval_used"]);
    expect(body.approval).toMatchObject({ usedBy: { callId: expect.any(String) as string, outcome: "succeeded" } });
    expect(paid).toEqual([toBo]);
  });

  test("a repeated HTTP request for a denied call gets 403 with the reason that the approver wrote", async () => {
    using folder = tempFolder();
    await using counter = await bootCounter({ root: folder.root });
    const id = String((await counter.post(toBo)).body.approval?.["id"]);
    await counter.vote("bea", id, "deny", "paid already");
    const { response, body } = await counter.post(toBo);
    expect([response.status, body.code]).toEqual([403, "approval_denied"]);
    expect(body.approval).toMatchObject({ id, status: "denied", reason: "paid already" });
  });

  test("http refuses a request with a malformed Quater-Approval header", async () => {
    using folder = tempFolder();
    await using counter = await bootCounter({ root: folder.root });
    for (const name of ["", " ", "apr_a, apr_b", "../x", "a".repeat(200)]) {
      const { response, body } = await counter.post(toBo, { "quater-approval": name });
      expect([response.status, body.code], name).toEqual([400, "bad_request"]);
    }
    expect([paid, await counter.approvals.list(staff.bea)]).toEqual([[], []]);
  });

  test("S5: a GET request that waits for an approval ends when its repeated check of the credential fails", async () => {
    using folder = tempFolder();
    await using counter = await bootCounter({ root: folder.root });
    const { body } = await counter.post(toBo);
    let entered = 0;
    const enter = () => {
      if (++entered === 3) throw new QuaterError({ code: "key_stolen", kind: "unauthenticated", message: "It was stolen" });
      return staff.ana;
    };
    const { signal } = new AbortController();
    const waiting = counter.approvals.untilDecided(enter, "http", String(body.approval?.["id"]), { signal });
    await expect(waiting).rejects.toMatchObject({ code: "key_stolen" });
    expect(entered).toBe(3);
  });

  test("a caller with too many pending approval requests gets 429 with Retry-After", async () => {
    using folder = tempFolder();
    await using counter = await bootCounter({ root: folder.root, approval: { maxPending: 1 } });
    await counter.post(toBo);
    const { response, body } = await counter.post({ ...toBo, cents: 6 });
    expect([response.status, body.code]).toEqual([429, "approval_backlog"]);
    expect(Number(response.headers.get("retry-after"))).toBeGreaterThan(0);
  });

  test("every error code of the plugin approval() has the HTTP status that docs/reference/errors.md lists", () => {
    const statuses = Object.entries(approvalCodes).map(([code, kind]) => [
      code,
      statusOf(new QuaterError({ code, kind, message: "" })),
    ]);
    expect(Object.fromEntries(statuses)).toEqual({
      approval_denied: 403,
      approval_expired: 409,
      approval_cancelled: 409,
      approval_revoked: 409,
      approval_used: 409,
      approval_stale: 409,
      approval_policy_changed: 409,
      approval_schema_changed: 409,
      approval_mismatch: 409,
      approval_unproven: 409,
      approval_not_found: 404,
      approval_backlog: 429,
      approval_filing_limit: 429,
      approval_unattributed: 403,
      approval_unrenderable: 422,
      approval_unavailable: 503,
      approver_not_eligible: 403,
      approval_digest_changed: 409,
      approval_vote_differs: 409,
      approval_decided: 409,
      approval_pending: 409,
    });
  });
});

describe("approval() answers over MCP", () => {
  test("a tool that needs approval answers with a tool error that contains where and until when people can approve", async () => {
    using folder = tempFolder();
    await using counter = await bootCounter({ root: folder.root });
    const { result } = await counter.tool(toBo);
    const approval = result?._meta["quater/approval"];
    expect(result?.isError).toBe(true);
    expect(approval).toMatchObject({ id: expect.stringMatching(/^apr_/) as string, status: "pending" });
    expect(result?._meta["quater/error"]).toMatchObject({ code: "approval_required" });
    const text = result?.content[0]?.text ?? "";
    expect(text).toContain(`A human must approve this exact call (approval ${approval?.["id"]}) at ${approval?.["url"]}.`);
    expect(text).toContain(
      "Do not ask for the approval in this conversation, because an answer in the conversation does not count as approval",
    );
    expect(text).toContain("repeat this call with the same arguments");
    expect(text).toContain(`People can approve the call until ${approval?.["expiresAt"]}.`);
    expect(paid).toEqual([]);
  });

  test("without http() in the manifest, the answer of a tool that needs approval contains a command and no link", async () => {
    using folder = tempFolder();
    await using counter = await bootCounter({ root: folder.root, hasHttp: false });
    const { result } = await counter.tool(toBo);
    const { id, url } = result?._meta["quater/approval"] ?? {};
    expect(url).toBeUndefined();
    expect(result?.content[0]?.text).toContain(`with the command: quater approvals approve ${id}.`);
  });

  test("after the approval, the repeated tool call runs once, with or without the id of the approval request in _meta", async () => {
    using folder = tempFolder();
    await using counter = await bootCounter({ root: folder.root });
    for (const names of [false, true]) {
      const id = String((await counter.tool(toBo)).result?._meta["quater/approval"]?.["id"]);
      await counter.vote("bea", id);
      const meta = names ? { "quater/approval": { id } } : undefined;
      expect((await counter.tool(toBo, meta)).result).toMatchObject({ structuredContent: { paid: 5 } });
      const { result } = await counter.tool(toBo, { "quater/approval": { id } });
      expect(result?._meta["quater/error"]).toMatchObject({ code: "approval_used" });
      expect(result?.content[0]?.text).toMatch(
        /The approved call has already run, as call [0-9a-f-]{36}, with the outcome succeeded/,
      );
    }
    expect(paid).toHaveLength(2);
  });

  test("a tool call with a malformed quater/approval in _meta gets the error -32602 and files no approval request", async () => {
    using folder = tempFolder();
    await using counter = await bootCounter({ root: folder.root });
    const wrong = ["apr_a", null, [], {}, { id: 1 }, { id: "" }, { id: "apr_a b" }, { id: "apr_a", more: true }];
    for (const approval of wrong)
      expect((await counter.tool(toBo, { "quater/approval": approval })).error, JSON.stringify(approval)).toMatchObject({
        code: -32602,
      });
    expect(await counter.approvals.list(staff.bea)).toEqual([]);
  });

  test("every refusal of approval() over MCP contains the next step for the model", () => {
    const textOf = (code: keyof typeof approvalCodes) => {
      const error = new QuaterError({ code, kind: approvalCodes[code], message: "No" });
      const { content } = JSON.parse(failureResult(error, "c")) as { content: { text: string }[] };
      return content[0]?.text.slice("No\n".length);
    };
    expect(textOf("approval_denied")).toContain("Do not repeat the call, and do not try to get the same effect in another way");
    expect(textOf("approval_mismatch")).toContain("or send this call without an approval id to make a new approval request");
    expect(textOf("approval_backlog")).toContain("Wait until approvers have decided some of these requests");
    for (const code of ["approval_expired", "approval_cancelled", "approval_revoked", "approval_not_found"] as const)
      expect(textOf(code)).toContain("Repeat the call without an approval id to make a new approval request");
    for (const code of ["approval_stale", "approval_policy_changed", "approval_schema_changed"] as const)
      expect(textOf(code)).toContain("make a new approval request");
  });
});

describe("approval() answers at the terminal", () => {
  const paidIn = ({ folder }: Till) =>
    existsSync(join(folder, "paid.txt")) ? readFileSync(join(folder, "paid.txt"), "utf8").split("\n").filter(Boolean) : [];
  const run = ["run", "pay", "--to", "bo b", "--cents", "5"];
  const idOf = (err: string) => /apr_[a-z2-7]{20}/.exec(err)?.[0] ?? "none";
  const decide = (at: Till, verdict: "approve" | "deny", id: string, digest: string) =>
    quater(["approvals", verdict, id, "--key-file", at.keys.bea, "--digest", digest], { cwd: at.folder });
  const digestOf = async (at: Till, id: string) => {
    const { out } = await quater(["approvals", "show", id, "--key-file", at.keys.bea], { cwd: at.folder });
    return (JSON.parse(out) as { digest: string }).digest;
  };

  test("quater run exits with 75 for a call that needs approval, and prints id and expiry of the request and the next commands", async () => {
    using at = till();
    const { code, out, err } = await quater([...run, "--no-json"], { cwd: at.folder });
    expect([code, out]).toEqual([75, ""]);
    const id = idOf(err);
    expect(err.split("\n").slice(0, 7)).toEqual([
      `approval_required: People must approve this exact call before it runs. The approval request ${id} is pending`,
      `  approval   ${id}`,
      expect.stringMatching(/^ {2}until {6}\d{4}-.*Z$/) as string,
      `  decide by  npx quater approvals approve ${id}`,
      "  After the approval, run the same command again, or wait for the decision with:",
      `    npx quater approvals wait ${id}`,
      "    npx quater run pay --to 'bo b' --cents 5 --wait",
    ]);
    expect(paidIn(at)).toEqual([]);
  });

  test("quater run --json prints the same facts about an approval request as the text of quater run", async () => {
    using at = till();
    const { code, out, err } = await quater([...run, "--json"], { cwd: at.folder });
    expect([code, out]).toEqual([75, ""]);
    const id = idOf(err);
    expect(JSON.parse(err)).toMatchObject({
      error: {
        code: "approval_required",
        details: { approval: { id, status: "pending" } },
        next: {
          decide: `npx quater approvals approve ${id}`,
          wait: `npx quater approvals wait ${id}`,
          repeat: "npx quater run pay --to 'bo b' --cents 5 --wait",
        },
      },
    });
  });

  test("after the approval, the same quater run command runs once, and quater run refuses a used --approval", async () => {
    using at = till();
    const id = idOf((await quater(run, { cwd: at.folder })).err);
    expect((await decide(at, "approve", id, await digestOf(at, id))).code).toBe(0);
    const wrong = await quater(["run", "pay", "--to", "bo b", "--cents", "6", "--approval", id], { cwd: at.folder });
    expect([wrong.code, JSON.parse(wrong.err)]).toMatchObject([77, { error: { code: "approval_mismatch" } }]);
    expect(await quater([...run, "--approval", id], { cwd: at.folder })).toMatchObject({ code: 0, out: '{"paid":5}\n' });
    const used = await quater([...run, `--approval=${id}`], { cwd: at.folder });
    expect([used.code, JSON.parse(used.err)]).toMatchObject([77, { error: { code: "approval_used" } }]);
    expect(paidIn(at)).toEqual(["bo b"]);
  });

  /** Starts a waiting run, and resolves with the id once it waits. */
  const waiting = (
    at: Till,
    how: {
      readonly stdin?: string;
      readonly interrupt?: AbortSignal;
      readonly words?: readonly string[];
      readonly env?: Readonly<Record<string, string>>;
    } = {},
  ) => {
    let say: (id: string) => void = () => {};
    const filed = new Promise<string>((resolve) => {
      say = resolve;
    });
    let seen = "";
    const ended = quater([...(how.words ?? run), "--wait"], {
      cwd: at.folder,
      ...how,
      onError: (text) => {
        seen += text;
        if (seen.includes("apr_")) say(idOf(seen));
      },
    });
    const early = ended.then(({ err }): never => {
      throw new Error(`It ended without waiting: ${err}`);
    });
    early.catch(() => {}); // after the id was seen it is expected to end
    return { filed: Promise.race([filed, early]), ended };
  };

  test("quater run --wait waits until people approve the call, and then runs the identical call once", async () => {
    using at = till();
    const { filed, ended } = waiting(at);
    const id = await filed;
    await decide(at, "approve", id, await digestOf(at, id));
    expect(await ended).toMatchObject({ code: 0, out: '{"paid":5}\n' });
    expect(paidIn(at)).toEqual(["bo b"]);
  });

  test("quater run --wait sends the same input from standard input again after the approval", async () => {
    using at = till();
    const { filed, ended } = waiting(at, { words: ["run", "pay", "--input", "-"], stdin: '{"to":"cy","cents":7}' });
    const id = await filed;
    await decide(at, "approve", id, await digestOf(at, id));
    expect(await ended).toMatchObject({ code: 0, out: '{"paid":7}\n' });
    expect(paidIn(at)).toEqual(["cy"]);
  });

  test("S5: quater run --wait ends when the key of the caller is revoked before the decision about the approval request", async () => {
    using at = till();
    const file = join(at.folder, ".quater/keys.json");
    const { key } = createKey(file, { name: "eve", kind: "user", person: "eve", scopes: ["pay"], roles: [] });
    const env = { QUATER_TOKEN: key };
    const run = waiting(at, { env });
    const id = await run.filed;
    revokeKey(file, "eve");
    const { code, out, err } = await run.ended;
    expect([code, out]).toEqual([77, ""]);
    expect(JSON.parse(err.trim().split("\n").at(-1) ?? "")).toMatchObject({ error: { code: "invalid_token" } });
    expect(id).toMatch(/^apr_/);
    expect(paidIn(at)).toEqual([]);
  });

  test("quater run --wait ends with the error code approval_denied when an approver denies the request", async () => {
    using at = till();
    const { filed, ended } = waiting(at);
    const id = await filed;
    await quater(["approvals", "deny", id, "--key-file", at.keys.bea, "--reason", "no money"], { cwd: at.folder });
    const { code, out, err } = await ended;
    expect([code, out]).toEqual([77, ""]);
    expect(JSON.parse(err.trim().split("\n").at(-1) ?? "")).toMatchObject({
      error: { code: "approval_denied", details: { approval: { reason: "no money" } } },
    });
    expect(paidIn(at)).toEqual([]);
  });

  test("Ctrl-C during quater run --wait exits with 75, and the approval request stays pending", async () => {
    using at = till();
    const interrupt = new AbortController();
    const { filed, ended } = waiting(at, { interrupt: interrupt.signal, words: [...run, "--no-json"] });
    const id = await filed;
    interrupt.abort("SIGINT");
    const { code, err } = await ended;
    expect(code).toBe(75);
    expect(err).toContain(`Approval ${id} is still pending. To wait again:\n  npx quater run pay --to 'bo b' --cents 5 --wait\n`);
    await decide(at, "approve", id, await digestOf(at, id));
    expect((await quater(run, { cwd: at.folder })).code).toBe(0);
  });

  test.each([
    [["run", "pay", "--approval"], "--approval needs the id of an approval: apr_..."],
    [["run", "pay", "--approval", "apr_a", "--approval", "apr_b"], "--approval is given more than once"],
    [
      ["run", "pay", "--wait=soon"],
      "--wait is a flag of the program and takes no value. To set an input of this name, use --input",
    ],
    [
      ["run", "pay", "--wait", "--dry-run"],
      "--wait and --dry-run cannot be used together, because a dry run never waits. Remove one of these two flags",
    ],
  ])("quater run refuses the command line %j", async (words, message) => {
    using at = till();
    expect(await quater(words, { cwd: at.folder })).toMatchObject({ code: 64, err: `quater: ${message}\n` });
  });

  test("quater exposure, quater actions describe, the help of an action and a dry run print who must approve", async () => {
    using at = till();
    const seen = async (...words: string[]) => (await quater(words, { cwd: at.folder })).out;
    const words = "finance: 1 with role finance";
    expect(await seen("exposure", "--no-json")).toMatch(new RegExp(`^pay +yes +destructive +can\\(pay\\) +${words}$`, "m"));
    expect(JSON.parse(await seen("exposure"))).toMatchObject({ handlers: [{ handler: "pay", approval: words }] });
    expect(await seen("actions", "describe", "pay", "--no-json")).toMatch(new RegExp(`^ *approval +${words}$`, "m"));
    expect(JSON.parse(await seen("actions", "describe", "pay"))).toMatchObject({
      approval: { policy: "finance", words, approvers: [{ role: "finance", need: 1 }], kind: "dual" },
    });
    expect(await seen("run", "pay", "--help")).toMatch(new RegExp(`^ *approval +${words}$`, "m"));
    expect(JSON.parse(await seen(...run, "--dry-run"))).toMatchObject({
      approval: { required: true, policy: "finance", approvers: [{ role: "finance", need: 1 }] },
    });
    expect(JSON.parse((await quater(["approvals", "list", "--key-file", at.keys.bea], { cwd: at.folder })).out)).toEqual([]);
  });
});
