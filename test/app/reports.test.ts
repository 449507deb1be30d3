import { expectOk } from "quater/testing";
import { expect, test } from "vitest";
import { bootShop, codeOf, collected, newFile, staff } from "./kit.ts";

const year = { from: "2025-01-01", to: "2025-12-31" };

test("the sales report of the sample app sums all orders except cancelled orders", async () => {
  await using app = await bootShop(await newFile());
  const stream = await expectOk(app.as(staff).call("exportOrders"));
  const sold = (await collected(stream)).filter((order) => order.status !== "cancelled");
  const totals = {
    orders: sold.length,
    totalCents: sold.reduce((sum, order) => sum + order.totalCents, 0),
    refundedCents: sold.reduce((sum, order) => sum + order.refundedCents, 0),
  };
  for (const groupBy of ["day", "status"] as const) {
    expect(await expectOk(app.as(staff).call("salesReport", { ...year, groupBy }))).toMatchObject(totals);
  }
});

test("a sales report by status lists every status, and a sales report by day lists every day with a sale", async () => {
  await using app = await bootShop(await newFile());
  const keys = async (input: { from: string; to: string; groupBy?: "status" }) =>
    (await expectOk(app.as(staff).call("salesReport", input))).groups.map((group) => group.key);
  expect(await keys({ ...year, groupBy: "status" })).toEqual(["cancelled", "open", "paid", "refunded"]);
  expect(await keys({ from: "2025-01-01", to: "2025-01-03" })).toEqual(["2025-01-01", "2025-01-02", "2025-01-03"]);
});

test("a sales report of the sample app for a period without orders has totals of zero", async () => {
  await using app = await bootShop(await newFile());
  const empty = { groups: [], orders: 0, totalCents: 0, refundedCents: 0 };
  expect(await expectOk(app.as(staff).call("salesReport", { from: "2020-01-01", to: "2020-01-31" }))).toMatchObject(empty);
  expect(await expectOk(app.as(staff).call("salesReport", { ...year, currency: "USD" }))).toMatchObject(empty);
});

test("the sales report of the sample app refuses a period that is too long or ends before its start", async () => {
  await using app = await bootShop(await newFile());
  for (const to of ["2024-12-31", "2026-01-02"]) {
    const outcome = await app.as(staff).call("salesReport", { from: "2025-01-01", to });
    expect(outcome).toMatchObject({ ok: false, error: { code: "invalid_input", errors: [{ path: "/to" }] } });
  }
});

test("only callers with the role admin can call the sample handler rebuildStatistics", async () => {
  await using app = await bootShop(await newFile());
  expect(codeOf(await app.as(staff).call("rebuildStatistics"))).toBe("ok");
});
