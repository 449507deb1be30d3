// The first approval in five minutes, as docs/tutorial/first-approval.md shows it: the project that `quater init --example approvals`
// writes, served by `dev`, asked over HTTP, decided by the demo approver.

import { execFile } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, statSync, symlinkSync, writeFileSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, expect, test } from "vitest";
import { builtPackage, linkQuater } from "../../built.ts";
import { quater, type Started, start } from "../cli/kit.ts";

const repository = fileURLToPath(new URL("../../..", import.meta.url));
const page = readFileSync(join(repository, "docs/tutorial/first-approval.md"), "utf8");
const folder = mkdtempSync(join(tmpdir(), "quater-first-"));
const project = join(folder, "payments");
const read = (path: string) => readFileSync(join(project, path), "utf8").trim();

let said: string;
let dev: Started;
let port: number;
let greeting: string;

const freePort = (): Promise<number> =>
  new Promise((resolve) => {
    const server = createServer().listen(0, "127.0.0.1", () => {
      const { port } = server.address() as { port: number };
      server.close(() => resolve(port));
    });
  });

beforeAll(async () => {
  said = (await quater(["init", "payments", "-y", "--example", "approvals"], { cwd: folder })).out;
  // What `npm install` would bring, from this checkout.
  linkQuater(project, builtPackage());
  symlinkSync(join(repository, "node_modules/tsx"), join(project, "node_modules/tsx"));
  port = await freePort();
  const manifest = join(project, "quater.config.ts");
  writeFileSync(manifest, readFileSync(manifest, "utf8").replaceAll("3000", String(port)));
  dev = start(["dev", "--no-watch"], { cwd: project });
  greeting = await dev.said(/Approve as demo-approver.*\n.*\n/);
}, 60_000);

afterAll(async () => {
  dev?.process.kill("SIGTERM");
  await dev?.ended;
  rmSync(folder, { recursive: true, force: true });
});

const pay = async () => {
  const response = await fetch(`http://127.0.0.1:${port}/payments`, {
    method: "POST",
    headers: { "content-type": "application/json", authorization: `Bearer ${read(".quater/development-key")}` },
    body: '{"to":"Bo","cents":1250}',
  });
  return {
    status: response.status,
    body: (await response.json()) as { approval?: { id: string; url: string; earlier?: object } },
  };
};

const api = (path: string, key: string, body?: object) =>
  fetch(`http://127.0.0.1:${port}/approvals/api/requests${path}`, {
    headers: { authorization: `Bearer ${key}`, "content-type": "application/json" },
    ...(body === undefined ? {} : { method: "POST", body: JSON.stringify(body) }),
  });

test("the approvals tutorial shows exactly the output of quater init", () => {
  expect(page).toContain(said.trimEnd());
});

test("quater dev prints the URL of the approvals page and creates a key file that only its owner can read", () => {
  const [line = "", key = ""] = greeting.slice(greeting.indexOf("Approve as")).split("\n");
  expect(page).toContain(line.replace(String(port), "3000"));
  expect(key.trim()).toBe(read(".quater/demo-approver-key"));
  expect(statSync(join(project, ".quater/demo-approver-key")).mode & 0o777).toBe(0o600);
});

test("the payment in the approvals tutorial needs approval, runs once after the approval, and then needs approval again", async () => {
  const first = await pay();
  expect(first).toMatchObject({ status: 428, body: { code: "approval_required" } });
  const { id = "", url = "" } = first.body.approval ?? {};
  expect(url).toBe(`http://127.0.0.1:${port}/approvals/${id}`);
  // The requester has a valid key, and still may not decide.
  const shown = (await (await api(`/${id}`, read(".quater/demo-approver-key"))).json()) as { digest: string };
  const vote = (key: string) => api(`/${id}/votes`, key, { verdict: "approve", digest: shown.digest });
  expect((await vote(read(".quater/development-key"))).status).toBe(403);
  expect((await vote(read(".quater/demo-approver-key"))).status).toBe(200);
  const second = await pay();
  expect(second).toMatchObject({ status: 200, body: { paid: "12.50 EUR to Bo" } });
  expect(page).toContain(JSON.stringify(second.body));
  expect(await pay()).toMatchObject({ status: 428, body: { approval: { earlier: { id, outcome: "succeeded" } } } });
});

test("only quater dev accepts the key of the demo approver", async () => {
  const { code, err } = await quater(["approvals", "list", "--key-file", ".quater/demo-approver-key"], { cwd: project });
  expect([code, err]).toEqual([77, expect.stringContaining("invalid_token")]);
});

test("the test in the approvals example passes, and stores no approval requests in the project", async () => {
  const { NODE_TEST_CONTEXT: _, ...env } = process.env;
  const args = ["--import", "tsx", "test/payments.test.ts"];
  const seen = await new Promise<{ error: Error | null; out: string }>((resolve) =>
    execFile(process.execPath, args, { cwd: project, env }, (error, out) => resolve({ error, out })),
  );
  expect(seen).toEqual({ error: null, out: expect.stringMatching(/pass 2\b/) });
  const response = await api("", read(".quater/demo-approver-key"));
  const handlers = JSON.stringify(await response.json());
  expect([response.status, handlers.includes("sendPayment"), handlers.includes('"ana"')]).toEqual([200, true, false]);
}, 30_000);
