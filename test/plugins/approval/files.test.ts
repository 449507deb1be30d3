// An approval covers a file by its content.

import { createHash } from "node:crypto";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { can, file, handler, Type } from "quater";
import { approvalsRef } from "quater/approval";
import { http, httpRef } from "quater/http";
import { approval, audit, store } from "quater/plugins";
import { bootTest, principal, tokens } from "quater/testing";
import { afterAll, expect, test } from "vitest";

const printed: string[] = [];
const printContract = handler({
  description: "Prints a contract.",
  effect: "write",
  input: Type.Object({ copies: Type.Integer(), contract: file({ maxBytes: 1_000, mediaTypes: ["text/plain"] }) }),
  auth: can("print"),
  handle: async ({ contract }) => {
    let text = "";
    for await (const part of contract.stream()) text += String(part);
    printed.push(text);
    return text.length;
  },
});

const ana = principal({ scopes: ["print"] });
const bea = principal({ subject: "bea", roles: ["legal"] });
const root = mkdtempSync(join(tmpdir(), "quater-approval-files-"));
const app = await bootTest({
  root,
  handlers: { printContract },
  expose: { printContract: { http: "POST /contracts", approval: "legal" } },
  plugins: [
    http({ port: 0, authenticate: tokens({ ana, bea }) }),
    store({ mayLoseCommits: true }),
    audit(),
    approval({ authenticate: tokens({ bea }), policies: { legal: { approvers: [{ role: "legal" }] } } }),
  ],
});
afterAll(async () => {
  await app.stop();
  rmSync(root, { recursive: true, force: true });
});
const { baseUrl = "" } = app.services.get(httpRef);
const approvals = app.services.get(approvalsRef);

const send = async (text: string, { name = "contract.txt", id }: { name?: string; id?: string | undefined } = {}) => {
  const body = new FormData();
  body.append("copies", "1");
  body.append("contract", new Blob([text], { type: "text/plain" }), name);
  const headers = { authorization: "Bearer ana", ...(id === undefined ? {} : { "quater-approval": id }) };
  const response = await fetch(`${baseUrl}/contracts`, { method: "POST", body, headers });
  return { status: response.status, body: (await response.json()) as { approval?: { id: string } } };
};

const agreed = async (text: string) => {
  const { status, body } = await send(text);
  expect(status).toBe(428);
  const id = body.approval?.id ?? "";
  const record = await approvals.show(bea, id);
  await approvals.vote({ principal: bea, via: "api" }, { id, verdict: "approve", digest: record.digest });
  return { id, record };
};

test("approvers see name, type, length and SHA-256 of a file input", async () => {
  const { record } = await agreed("Pay 10.");
  expect(JSON.parse(record.args ?? "")).toEqual({
    copies: 1,
    contract: {
      name: "contract.txt",
      mediaType: "text/plain",
      bytes: 7,
      sha256: createHash("sha256").update("Pay 10.").digest("hex"),
    },
  });
});

test("after the approval of a call with a file, a call with the same file runs once", async () => {
  const { id } = await agreed("Pay 20.");
  expect(await send("Pay 20.", { id })).toMatchObject({ status: 200 });
  expect(printed).toEqual(["Pay 20."]);
  expect((await send("Pay 20.", { id })).status).toBe(409);
});

test.each([
  ["a file with other content of the same length", "Pay 99.", "contract.txt"],
  ["the same file under another name", "Pay 30.", "other.txt"],
])("an approval of a call with a file does not cover %s", async (_, text, name) => {
  printed.splice(0);
  const { id } = await agreed("Pay 30.");
  const { status } = await send(text, { name, id });
  expect({ status, printed }).toEqual({ status: 409, printed: [] });
  await send("Pay 30.", { id });
  expect(printed).toEqual(["Pay 30."]);
});
