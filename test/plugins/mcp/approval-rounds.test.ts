// How clients of revision 2026-07-28 are asked to show people the page where they approve a call, and what a repetition gets.

import { request } from "node:http";
import { auditRef } from "quater/audit";
import { expect, test } from "vitest";
import { mayBeShown, stateLabel } from "../../../plugins/mcp/approval/rounds.ts";
import { RequestStates } from "../../../plugins/mcp/approval/state.ts";
import { onBothDialects } from "../approval/dialects-kit.ts";
import { tempFolder } from "../audit/kit.ts";
import { asked, bootTill, call, callOf, headersOf, idIn, staff, toBo, whenHeld, yes } from "./approval-kit.ts";
import { callText, post, session, urlOf, waiting } from "./shop.ts";

/** A guard that is shorter than the longest wait of the server, milliseconds. */
const atOnce = 10_000;

test("the MCP server asks a client that can show URLs to open the approvals page of the approval request", async () => {
  using folder = tempFolder();
  await using till = await bootTill({ root: folder.root });
  const { status, result } = await call(till.app);
  const url = result?.inputRequests?.approval.params["url"] ?? "";
  const id = idIn(url);
  expect(url).toBe(`${urlOf(till.app).replace(/\/mcp$/, "")}/approvals/${id}`);
  expect({ status, result }).toEqual({
    status: 200,
    result: {
      resultType: "input_required",
      inputRequests: {
        approval: { method: "elicitation/create", params: { mode: "url", url, message: expect.stringContaining(id) as string } },
      },
      requestState: expect.any(String) as string,
      _meta: {
        "io.modelcontextprotocol/serverInfo": { name: "test", version: "0.0.0" },
        "quater/callId": expect.any(String) as string,
        "quater/approval": expect.objectContaining({ id, status: "pending" }) as object,
      },
    },
  });
  expect(till.paid).toEqual([]);
});

test.for<readonly [what: string, capabilities: object]>([
  ["no elicitation", {}],
  ["elicitation, which means forms", { elicitation: {} }],
  ["elicitation of forms", { elicitation: { form: {} } }],
  ["a mode that is not an object", { elicitation: { url: true } }],
  ["elicitation that is not an object", { elicitation: "url" }],
])("an MCP client that declares %s gets the tool error for a call that needs approval", async ([, capabilities]) => {
  using folder = tempFolder();
  await using till = await bootTill({ root: folder.root });
  const { result } = await call(till.app, { capabilities });
  expect(result).toMatchObject({ resultType: "complete", isError: true, _meta: { "quater/approval": { status: "pending" } } });
  expect(result?.content?.[0]?.text).toContain("A human must approve this exact call");
});

test("MCP clients of the revisions of 2025 get the tool error approval_required, and requestState has no effect", async () => {
  using folder = tempFolder();
  await using till = await bootTill({ root: folder.root });
  const { rpc } = await post(till.app, callText("pay", JSON.stringify(toBo), ',"requestState":"x"'));
  expect(rpc.result).toMatchObject({ isError: true, _meta: { "quater/error": { code: "approval_required" } } });
  expect(rpc.result).not.toHaveProperty("requestState");
});

test.for<readonly [url: string, isShown: boolean]>([
  ["https://shop.example/approvals/apr_1", true],
  ["http://localhost:3000/approvals/apr_1", true],
  ["http://127.0.0.1:3000/approvals/apr_1", true],
  ["http://[::1]:3000/approvals/apr_1", true],
  ["http://shop.example/approvals/apr_1", false],
  ["http://127.0.0.1.shop.example/approvals/apr_1", false],
  ["javascript:alert(1)", false],
  ["/approvals/apr_1", false],
])("the MCP server decides whether clients may show the approval link %s: %s", ([url, isShown]) => {
  expect(mayBeShown(url)).toBe(isShown);
});

test("the link in the question of an approval round has the public URL of the server", async () => {
  using folder = tempFolder();
  await using till = await bootTill({ root: folder.root, publicUrl: "https://shop.example" });
  const { result } = await call(till.app);
  expect(result?.inputRequests?.approval.params["url"]).toMatch(/^https:\/\/shop\.example\/approvals\/apr_/);
});

test("with approvalHoldMs 0, MCP clients get the tool error, and mcp() refuses a requestState", async () => {
  using folder = tempFolder();
  await using till = await bootTill({ root: folder.root, mcp: { approvalHoldMs: 0 } });
  expect((await call(till.app)).result).toMatchObject({ isError: true, resultType: "complete" });
  expect((await call(till.app, { ...yes, requestState: "x" })).error?.code).toBe(-32602);
});

test("the MCP server holds the repetition of a call until people approve the call, and then runs the call once", async () => {
  using folder = tempFolder();
  await using till = await bootTill({ root: folder.root });
  const { id, again } = await asked(till.app);
  const before = till.checks();
  const held = call(till.app, again);
  await whenHeld(till, before);
  expect(till.paid).toEqual([]);
  await till.vote(id);
  expect(await held).toMatchObject({ status: 200, result: { resultType: "complete", structuredContent: { paid: 5 } } });
  expect(till.paid).toEqual([toBo]);
  const used = await call(till.app, again);
  expect(used.result).toMatchObject({ isError: true, _meta: { "quater/error": { code: "approval_used" } } });
  expect(till.paid).toEqual([toBo]);
});

test("M10: the question about a call that ran before contains when and how the earlier call ended", async () => {
  using folder = tempFolder();
  await using till = await bootTill({ root: folder.root });
  const { id, again } = await asked(till.app);
  await till.vote(id);
  await call(till.app, again);
  const { result } = await call(till.app);
  expect(result?.inputRequests?.approval.params["message"]).toMatch(
    /An identical call ran before, at \S+Z, and succeeded at \S+Z \(call \S+, approval apr_\w+\)/,
  );
  expect(result?._meta?.["quater/approval"]).toMatchObject({ earlier: { match: "identical", id } });
});

test("an MCP client whose repetition is held gets the denial when people deny the call", async () => {
  using folder = tempFolder();
  await using till = await bootTill({ root: folder.root });
  const { id, again } = await asked(till.app);
  const before = till.checks();
  const held = call(till.app, again);
  await whenHeld(till, before);
  await till.vote(id, "deny");
  expect((await held).result).toMatchObject({ isError: true, _meta: { "quater/error": { code: "approval_denied" } } });
  expect(till.paid).toEqual([]);
});

test("the MCP server asks a client three times to repeat one call, and then answers with the tool error", async () => {
  using folder = tempFolder();
  await using till = await bootTill({ root: folder.root, mcp: { approvalHoldMs: 1 } });
  const { id, again } = await asked(till.app);
  const states = [again.requestState];
  for (const round of [2, 3]) {
    const { result } = await call(till.app, { ...yes, requestState: states.at(-1) });
    expect([round, result?.resultType, idIn(result?.inputRequests?.approval.params["url"])]).toEqual([
      round,
      "input_required",
      id,
    ]);
    states.push(result?.requestState);
  }
  const { result } = await call(till.app, { ...yes, requestState: states.at(-1) });
  expect(result).toMatchObject({ isError: true, _meta: { "quater/approval": { id, status: "pending" } } });
  expect(result?.content?.[0]?.text).toContain("After the approval, repeat this call");
  expect(till.paid).toEqual([]);
  await till.vote(id);
  expect((await call(till.app)).result).toMatchObject({ structuredContent: { paid: 5 } });
});

test("the MCP server asks again immediately when the repetition of a call contains no answer of the user", async () => {
  using folder = tempFolder();
  await using till = await bootTill({ root: folder.root });
  const { again } = await asked(till.app);
  for (const inputResponses of [undefined, {}, { other: { action: "accept" } }])
    expect((await call(till.app, { requestState: again.requestState, inputResponses })).result?.resultType).toBe(
      "input_required",
    );
});

test.for(["decline", "cancel"])(
  "the answer %s in an approval round ends the call with a tool error, even if people have approved the call",
  async (action) => {
    using folder = tempFolder();
    await using till = await bootTill({ root: folder.root });
    const { id, again } = await asked(till.app);
    const no = { ...again, inputResponses: { approval: { action } } };
    const pending = await call(till.app, no);
    expect(pending.result).toMatchObject({
      resultType: "complete",
      isError: true,
      _meta: { "quater/approval": { id, status: "pending" } },
    });
    expect(pending.result?.content?.[0]?.text).toContain(`The call did not run`);
    expect(pending.result?.content?.[0]?.text).toContain(`The approval request ${id} is still pending`);
    await till.vote(id);
    const approved = await call(till.app, no);
    expect(approved.result?.content?.[0]?.text).toContain(`The approval request ${id} is approved`);
    expect(till.paid).toEqual([]);
    expect((await call(till.app, again)).result).toMatchObject({ structuredContent: { paid: 5 } });
    expect((await call(till.app, no)).result).toMatchObject({
      isError: true,
      _meta: { "quater/error": { code: "approval_used" } },
    });
  },
);

test("the MCP server refuses a requestState that was changed, is too old, or belongs to another call or caller", async () => {
  using folder = tempFolder();
  await using till = await bootTill({ root: folder.root });
  const { id, again } = await asked(till.app);
  const { id: otherId } = await asked(till.app, { values: { ...toBo, cents: 6 } });
  await till.vote(id);
  const state = String(again.requestState);
  const [head = "", signature = ""] = state.split(".");
  const headOf = (given: readonly unknown[]) => Buffer.from(JSON.stringify(given)).toString("base64url");
  const statesAt = (at: number) =>
    new RequestStates(
      () => till.app.services.get(auditRef).deriveSecrets(stateLabel),
      () => at,
    );
  const day = 24 * 3_600_000;
  const ofAna = { handler: "pay", values: toBo, principal: { ...staff.ana, person: undefined, actsFor: "ana" } as never };
  const own = (at: number) => statesAt(at).issue({ approvalId: id, round: 1 }, ofAna);
  const refused: readonly (readonly [what: string, given: Parameters<typeof call>[1], token?: string])[] = [
    ["another principal", again, "ben"],
    ["other arguments", { ...again, values: { ...toBo, cents: 6 } }],
    ["another tool", { ...again, name: "lend" }],
    ["another approval", { ...again, requestState: `${headOf([otherId, 1, Date.now()])}.${signature}` }],
    ["a changed signature", { ...again, requestState: `${head}.${signature.replace(/^./, (at) => (at === "A" ? "B" : "A"))}` }],
    ["another spelling", { ...again, requestState: `${state}=` }],
    ["no signature", { ...again, requestState: head }],
    ["an empty text", { ...again, requestState: "" }],
    ["no text", { ...again, requestState: 7 }],
    ["a long text", { ...again, requestState: `${state}.${"x".repeat(5_000)}` }],
    ["an old state", { ...again, requestState: own(Date.now() - day - 1_000) }],
    ["a state of tomorrow", { ...again, requestState: own(Date.now() + day) }],
    ["arguments that strict JSON refuses", { ...again, values: { to: "\ud800", cents: 5 } }],
    ["answers that are a list", { ...again, inputResponses: [] }],
    ["an unknown answer", { ...again, inputResponses: { approval: { action: "approve" } } }],
    ["an answer that is a text", { ...again, inputResponses: { approval: "accept" } }],
    ["another approval in _meta", { ...again, meta: { "quater/approval": { id: otherId } } }],
  ];
  for (const [what, given, token] of refused) {
    const { status, error, result } = await call(till.app, given, token);
    expect([what, status, error?.code, result]).toEqual([what, 200, -32602, undefined]);
  }
  expect(till.paid).toEqual([]);
  expect((await call(till.app, { ...again, requestState: own(Date.now()) })).result).toMatchObject({
    structuredContent: { paid: 5 },
  });
});

test("a requestState with a valid signature does not authorize an MCP call", async () => {
  using folder = tempFolder();
  await using till = await bootTill({ root: folder.root, mcp: { approvalHoldMs: 1 } });
  const { id } = await asked(till.app, { values: { ...toBo, cents: 6 } });
  await till.vote(id);
  const states = new RequestStates(() => till.app.services.get(auditRef).deriveSecrets(stateLabel));
  const agent = { ...staff.ana, person: undefined, actsFor: "ana" } as never;
  const requestState = states.issue({ approvalId: id, round: 1 }, { handler: "pay", values: toBo, principal: agent });
  const { result } = await call(till.app, { ...yes, requestState });
  expect(result).toMatchObject({ isError: true, _meta: { "quater/error": { code: "approval_mismatch" } } });
  expect(till.paid).toEqual([]);
});

test("the MCP server does not hold a dry run with a requestState", async () => {
  using folder = tempFolder();
  await using till = await bootTill({ root: folder.root });
  const { again } = await asked(till.app);
  const { result } = await call(till.app, { ...again, meta: { "quater/dryRun": true } });
  expect(result).toMatchObject({ resultType: "complete", _meta: { "quater/dryRun": expect.any(Object) as object } });
});

test("a held MCP call ends when the client closes the stream, and a later approval does not run the call", async () => {
  using folder = tempFolder();
  await using till = await bootTill({ root: folder.root });
  const { id, again } = await asked(till.app);
  const before = till.checks();
  const sending = request(urlOf(till.app), { method: "POST", headers: headersOf(), agent: false });
  sending.on("error", () => {}); // The connection is closed before the answer.
  sending.end(callOf(again));
  await whenHeld(till, before);
  sending.destroy();
  await expect.poll(() => till.ended.length, { interval: 5, timeout: atOnce }).toBe(2);
  await till.vote(id);
  expect(till.paid).toEqual([]);
  expect((await call(till.app)).result).toMatchObject({ structuredContent: { paid: 5 } });
});

test("over stdio, a held MCP call ends without an answer when the client cancels the call", async () => {
  using folder = tempFolder();
  await using till = await bootTill({ root: folder.root });
  const stdio = session(till.app, "ana");
  stdio.write(callOf());
  const { result } = (await stdio.next()) as Awaited<ReturnType<typeof call>>;
  const before = till.checks();
  stdio.write(callOf({ ...yes, requestState: result?.requestState }));
  await whenHeld(till, before);
  stdio.write('{"jsonrpc":"2.0","method":"notifications/cancelled","params":{"requestId":7}}');
  await expect.poll(() => till.ended.length, { interval: 5, timeout: atOnce }).toBe(2);
  expect(await stdio.end()).toEqual([]);
  expect(till.paid).toEqual([]);
});

test("a stopping MCP server asks the client of a held call to repeat the call, and the next server runs the call", async () => {
  using folder = tempFolder();
  const first = await bootTill({ root: folder.root });
  const { id, again } = await asked(first.app);
  const before = first.checks();
  const held = call(first.app, again);
  await whenHeld(first, before);
  await first.app.stop();
  const { result } = await held;
  expect([result?.resultType, idIn(result?.inputRequests?.approval.params["url"])]).toEqual(["input_required", id]);
  await using second = await bootTill({ root: folder.root });
  await second.vote(id);
  const repeated = await call(second.app, { ...yes, requestState: result?.requestState });
  expect(repeated.result).toMatchObject({ structuredContent: { paid: 5 } });
});

test("a held MCP call ends while the stopping server still waits for another call", async () => {
  using folder = tempFolder();
  const { wait, started, aborted, release } = waiting();
  let isOver = false;
  void aborted.then(() => {
    isOver = true;
  });
  const till = await bootTill({ root: folder.root, handlers: { wait } });
  const { again } = await asked(till.app);
  const running = call(till.app, { name: "wait", values: {} });
  await started;
  const before = till.checks();
  const held = call(till.app, again);
  await whenHeld(till, before);
  const stopping = till.app.stop();
  expect((await held).result?.resultType).toBe("input_required");
  expect(isOver).toBe(false); // The other call was not cut off yet.
  release();
  expect((await running).result).toMatchObject({ content: [{ text: expect.stringContaining("waited") as string }] });
  await stopping;
});

test("the MCP server holds 16 calls of one caller, and answers the seventeenth with a reason", async () => {
  using folder = tempFolder();
  await using till = await bootTill({ root: folder.root });
  const { again } = await asked(till.app);
  const held = [];
  for (let count = 0; count < 16; count++) {
    const before = till.checks();
    held.push(call(till.app, again));
    await whenHeld(till, before);
  }
  const { result } = await call(till.app, again);
  expect(result).toMatchObject({ resultType: "complete", isError: true });
  expect(result?.content?.[0]?.text).toContain("too many calls of this caller wait already");
  await till.app.stop();
  for (const one of await Promise.all(held)) expect(one.result?.resultType).toBe("input_required");
});

test("an MCP caller whose key is revoked while the server holds a call gets 401", async () => {
  using folder = tempFolder();
  await using till = await bootTill({ root: folder.root });
  const { id, again } = await asked(till.app);
  const before = till.checks();
  const held = call(till.app, again);
  await whenHeld(till, before);
  till.revoke("ana");
  await till.vote(id);
  expect(await held).toMatchObject({ status: 401, error: { code: -32001, data: { code: "invalid_token" } } });
  expect(till.paid).toEqual([]);
});

test("the MCP server sends comments to the client of a long held call, and then sends the result", async () => {
  using folder = tempFolder();
  await using till = await bootTill({ root: folder.root, mcp: { heartbeatMs: 5 } });
  const { id, again } = await asked(till.app);
  const response = await fetch(urlOf(till.app), { method: "POST", headers: headersOf(), body: callOf(again) });
  expect(response.headers.get("content-type")).toBe("text/event-stream");
  await till.vote(id);
  const text = await response.text();
  expect(text).toMatch(/^: keep-alive\n\n/);
  expect(text).toContain('"structuredContent":{"paid":5}');
});

test('mcp({ catalog: "search" }) asks about a call through the catalog and holds the call like a direct call', async () => {
  using folder = tempFolder();
  await using till = await bootTill({ root: folder.root, mcp: { catalog: "search" } });
  const { id, again } = await asked(till.app, { name: "call", values: { name: "pay", arguments: toBo } });
  const before = till.checks();
  const held = call(till.app, again);
  await whenHeld(till, before);
  await till.vote(id);
  await held;
  expect(till.paid).toEqual([toBo]);
  expect((await call(till.app, again)).result).toMatchObject({ _meta: { "quater/error": { code: "approval_used" } } });
});

onBothDialects((claim) => {
  claim(
    "an instance holds the repetition of an MCP call whose first attempt another instance with the same store received",
    async ({ root, url }) => {
      await using here = await bootTill({ root, url });
      await using there = await bootTill({ root, url });
      const { id, again } = await asked(here.app);
      const before = there.checks();
      const held = call(there.app, again);
      await whenHeld(there, before);
      await here.vote(id);
      expect((await held).result).toMatchObject({ structuredContent: { paid: 5 } });
      expect([here.paid, there.paid]).toEqual([[], [toBo]]);
    },
  );
});
