// S18: what callers and approvers read, on every surface, when a call ran before.

import { readFileSync } from "node:fs";
import { join } from "node:path";
import { expect, test } from "vitest";
import { tempFolder } from "../audit/kit.ts";
import { quater } from "../cli/kit.ts";
import { bootCounter, till } from "./surface-kit.ts";

const toBo = { to: "Bo", cents: 5 };
const sentence =
  /An identical call ran before, at \d{4}-[0-9T:.-]+Z, and succeeded at \d{4}-[0-9T:.-]+Z \(call [0-9a-f-]+, approval (apr_[a-z2-7]+)\)/;

test("S18: HTTP, MCP, the approvals API and the approvals page show that an identical call ran before", async () => {
  using folder = tempFolder();
  await using counter = await bootCounter({ root: folder.root });
  const id = String((await counter.post(toBo)).body.approval?.["id"]);
  await counter.vote("bea", id);
  expect((await counter.post(toBo)).response.status).toBe(200);

  const { body } = await counter.post(toBo);
  expect(String(body["detail"])).toMatch(sentence);
  expect(body.approval).toMatchObject({ earlier: { match: "identical", id, outcome: "succeeded", fields: [] } });

  const { result } = await counter.tool(toBo);
  expect(result?.content[0]?.text).toMatch(sentence);
  expect(result?.content[0]?.text).not.toContain("Nothing has been done yet");
  expect(result?._meta["quater/approval"]).toMatchObject({ earlier: { match: "identical", id } });

  const pending = String(body.approval?.["id"]);
  const bea = { authorization: "Bearer bea" };
  const api = await fetch(`${counter.baseUrl}/approvals/api/requests/${pending}`, { headers: { ...bea, host: "shop.example" } });
  const { shown } = (await api.json()) as { shown: { ranBefore: object } };
  expect(shown.ranBefore).toMatchObject({ match: "identical", id, words: expect.stringMatching(sentence) as string });
});

test("S18: for a repeated call, the terminal shows requesters and approvers the earlier identical call", async () => {
  using at = till();
  const env = { QUATER_LOG: "silent" };
  const run = ["run", "pay", "--to", "Bo", "--cents", "5"];
  const typed = (argv: readonly string[]) => quater(argv, { cwd: at.folder, env });
  const asked = await typed([...run, "--json"]);
  const { id } = (JSON.parse(asked.err) as { error: { details: { approval: { id: string } } } }).error.details.approval;
  const { digest } = JSON.parse((await typed(["approvals", "show", id, "--key-file", at.keys.bea, "--json"])).out) as {
    digest: string;
  };
  expect(digest).toMatch(/^sha256:/);
  const voted = await typed(["approvals", "approve", id, "--key-file", at.keys.bea, "--digest", digest]);
  expect(voted.code).toBe(0);
  expect((await typed(run)).code).toBe(0);
  expect(readFileSync(join(at.folder, "paid.txt"), "utf8")).toBe("Bo\n");

  const again = await typed(run);
  expect([again.code, again.err.match(sentence)?.[1]]).toEqual([75, id]);
  const [pending = ""] = again.err.match(/apr_[a-z2-7]{20}/) ?? [];
  const shown = await typed(["approvals", "show", pending, "--key-file", at.keys.bea]);
  expect(JSON.parse(shown.out)).toMatchObject({ ranBefore: { match: "identical", id, outcome: "succeeded" } });
});
