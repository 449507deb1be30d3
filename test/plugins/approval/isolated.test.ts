// An isolated test leaves no files and sends no notices, with any manifest.

import { existsSync } from "node:fs";
import { createServer } from "node:http";
import type { AddressInfo } from "node:net";
import { join } from "node:path";
import { defineConfig, expose, type Handler, handler, type Manifest, Type } from "quater";
import { approval, audit, http, store } from "quater/plugins";
import { bootTest, direct, principal, type TestApp, tokens } from "quater/testing";
import { expect, onTestFinished, test } from "vitest";
import { kernelOf } from "../../../core/testing/kernel-of.ts";
import type { Notice } from "../../../plugins/approval/notices/notice.ts";
import { tempFolder } from "../audit/kit.ts";

const pay: Handler = handler({
  description: "Pay somebody.",
  effect: "destructive",
  input: Type.Object({ to: Type.String() }),
  auth: () => true,
  handle: () => "paid",
});

/** Counts connections. */
const receiver = async () => {
  const requests: string[] = [];
  const server = createServer((req, res) => {
    requests.push(req.url ?? "");
    res.end();
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  onTestFinished(() => new Promise<void>((resolve) => void server.close(() => resolve())));
  return { requests, port: (server.address() as AddressInfo).port };
};

const bo = principal({ subject: "bo", roles: ["finance"] });

/** As it would be served: files that are named in full, a port that is taken, people who are told. */
const project = async () => {
  const folder = tempFolder();
  onTestFinished(() => folder[Symbol.dispose]());
  const { requests, port } = await receiver();
  const notices: Notice[] = [];
  const kept = {
    sink: join(folder.root, "checkpoints.jsonl"),
    keys: join(folder.root, "keys.json"),
    db: join(folder.root, "db"),
  };
  const webhook = { url: `http://127.0.0.1:${port}/hook`, secret: "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw" };
  const manifest = (httpPort: number): Manifest =>
    defineConfig({
      name: "shop",
      handlers: [expose(async () => ({ pay }) as never, { pay: { direct: true, approval: "finance" } } as never) as never],
      plugins: [
        direct(),
        http({ port: httpPort }),
        store({ url: `file:${kept.db}` }),
        audit({ keys: kept.keys, sinks: [{ file: kept.sink }] }),
        approval({
          authenticate: tokens({ bo }),
          policies: { finance: { approvers: [{ role: "finance" }] } },
          notify: [(notice) => void notices.push(notice), { webhook }],
        }),
      ],
    });
  return { root: folder.root, kept, notices, requests, manifest, port };
};

const file = async (app: TestApp): Promise<void> => {
  const outcome = await app.as(principal()).call("pay", { to: "Bo" });
  expect(outcome).toMatchObject({ ok: false, error: { code: "approval_required" } });
};

test("bootTest with isolated: true uses none of the sinks, keys, stores, ports and notices of the manifest", async () => {
  const { kept, notices, requests, manifest, port } = await project();
  const app = await bootTest(manifest(port), { isolated: true });
  await file(app);
  await app.stop();
  expect(Object.values(kept).filter((path) => existsSync(path))).toEqual([]);
  expect(notices).toEqual([]);
  expect(requests).toEqual([]);
});

test("bootTest with isolated: true uses the authenticator of approvers from the manifest", async () => {
  const { manifest, port } = await project();
  await using app = await bootTest(manifest(port), { isolated: true });
  const credentials = { surface: "approvals", token: "bo", header: () => undefined, isLocal: false };
  expect(await kernelOf(app).enter({ surface: "approvals", callId: kernelOf(app).newCallId(), credentials })).toBe(bo);
});

test("bootTest with a root folder of its own sends notices to the address in the manifest", async () => {
  const { root, kept, notices, requests, manifest } = await project();
  const app = await bootTest(manifest(0), { root });
  await file(app);
  await expect.poll(() => requests).toEqual(["/hook"]);
  await app.stop();
  expect(notices).toMatchObject([{ type: "approval.filed", handler: "pay" }]);
  expect(Object.values(kept).filter((path) => !existsSync(path))).toEqual([]);
});

test("bootTest with isolated: true boots a manifest with single sign-on over a Unix socket", async () => {
  const sso = { personHeader: "x-forwarded-user", unixSocket: true } as const;
  const listen = { path: "run/approvals.sock" };
  const policies = { finance: { approvers: [{ role: "finance" }] } };
  const plugins = [store(), audit(), approval({ policies, sso, listen, publicUrl: "https://shop.example" })];
  await using app = await bootTest({ isolated: true, handlers: { pay }, plugins });
  expect(await kernelOf(app).unready()).toEqual([]);
});
