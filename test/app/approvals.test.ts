// The shop as its manifest exposes it: money leaves and rows go for good once the right people have agreed.

import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import type { Principal } from "quater";
import { type Approvals, approvalsRef } from "quater/approval";
import type { Outcome } from "quater/plugin-api";
import { bootTest, expectOk, principal } from "quater/testing";
import { beforeEach, expect, onTestFinished, test } from "vitest";
import manifest from "../../quater.config.ts";
import { codeOf, staff } from "./kit.ts";

const agent = principal({ subject: "agent", kind: "agent", actsFor: "staff", scopes: staff.scopes });
const bea = principal({ subject: "bea", kind: "user", roles: ["finance"] });
const [olga, pavel] = ["olga", "pavel"].map((subject) => principal({ subject, kind: "user", roles: ["admin"] })) as [
  Principal,
  Principal,
];

const boot = (root: string) => bootTest(manifest, { start: false, root });
let app: Awaited<ReturnType<typeof boot>>;
let approvals: Approvals;
beforeEach(async () => {
  const root = mkdtempSync(join(tmpdir(), "quater-shop-"));
  const before = process.env["SHOP_DB"];
  process.env["SHOP_DB"] = join(root, "shop.db");
  app = await boot(root);
  approvals = app.services.get(approvalsRef);
  onTestFinished(async () => {
    await app.stop();
    if (before === undefined) delete process.env["SHOP_DB"];
    else process.env["SHOP_DB"] = before;
    rmSync(root, { recursive: true, force: true });
  });
});

const idIn = (outcome: Outcome): string =>
  (outcome.ok ? undefined : (outcome.error.details?.["approval"] as { id: string } | undefined))?.id ?? codeOf(outcome);
const approve = async (who: Principal, id: string) => {
  const { digest } = await approvals.show(who, id);
  return (await approvals.vote({ principal: who, via: "api" }, { id, verdict: "approve", digest })).state;
};

test("the handler refundOrder runs only after a person with the role finance has approved the order and the amount", async () => {
  const { surfaces } = app.catalog.get("refundOrder") ?? {};
  expect([...(surfaces ?? [])].sort()).toEqual(["cli", "http", "mcp"]);
  const refund = () => app.as(agent).call("refundOrder", { orderId: "ord_1300", amountCents: 500 }, { surface: "mcp" });
  const asked = await refund();
  expect(codeOf(asked)).toBe("approval_required");
  const record = await approvals.show(bea, idIn(asked));
  expect(JSON.parse(record.preview ?? "")).toMatchObject({ orderId: "ord_1300", amountCents: 500, currency: "EUR" });
  await expect(approve(olga, record.id)).rejects.toMatchObject({ code: "approver_not_eligible" });
  expect(await approve(bea, record.id)).toBe("approved");
  expect(await expectOk(refund())).toMatchObject({ amountCents: 500 });
  expect(codeOf(await refund())).toBe("approval_required");
});

test("refundOrder refuses a refund that cannot succeed, and files no approval request for the refund", async () => {
  const outcome = await app.as(agent).call("refundOrder", { orderId: "ord_1300", amountCents: 99_999_999 }, { surface: "mcp" });
  expect(codeOf(outcome)).toBe("refund_too_large");
  expect(await approvals.list(bea)).toEqual([]);
});

test("purgeOrders needs two approvers other than the requester, and the preview shows the number of orders", async () => {
  const purge = () => app.as(staff).call("purgeOrders", { createdBefore: "2025-07-01" }, { surface: "http" });
  const id = idIn(await purge());
  const { preview } = await approvals.show(olga, id);
  const { deletedOrders } = JSON.parse(preview ?? "") as { deletedOrders: number };
  expect(deletedOrders).toBeGreaterThan(0);
  await expect(approve({ ...staff, credential: "another" }, id)).rejects.toMatchObject({ code: "approver_not_eligible" });
  expect(await approve(olga, id)).toBe("pending");
  expect(await approve(olga, id)).toBe("pending");
  expect(codeOf(await purge())).toBe("approval_required");
  expect(await approve(pavel, id)).toBe("approved");
  expect(await expectOk(purge())).toEqual({ deletedOrders });
});

test("a call of purgeOrders needs a new approval when the call would delete more orders than people approved", async () => {
  const purge = () => app.as(staff).call("purgeOrders", { createdBefore: "2026-12-31" }, { surface: "http" });
  const id = idIn(await purge());
  await approve(olga, id);
  await approve(pavel, id);
  const { orders } = await expectOk(app.as(staff).call("listOrders", { status: "open", limit: 1 }, { surface: "http" }));
  await expectOk(app.as(staff).call("cancelOrder", { orderId: orders[0]?.id ?? "" }, { surface: "http" }));
  const stale = await purge();
  expect(stale).toMatchObject({ ok: false, error: { code: "approval_stale" } });
  expect(idIn(await purge())).not.toBe(id);
});
