import { expectOk } from "quater/testing";
import { expect, test } from "vitest";
import type { Order } from "../../app/schemas.ts";
import { seededOrders } from "../../app/seed.ts";
import { bootShop, codeOf, inOtherProcess, newFile, staff } from "./kit.ts";

const booted = async () => {
  const app = await bootShop(await newFile());
  return { app, ...app.as(staff), [Symbol.asyncDispose]: app.stop };
};

const oneItem = [{ sku: "mug-blue", quantity: 2, priceCents: 1290 }];

test("listOrders returns pages without gaps, newest order first, and the last page has no next cursor", async () => {
  await using shop = await booted();
  const seen: string[] = [];
  let cursor: string | undefined;
  do {
    const page = await expectOk(shop.call("listOrders", { limit: 70, ...(cursor === undefined ? {} : { cursor }) }));
    seen.push(...page.orders.map((order) => order.id));
    cursor = page.next;
  } while (cursor !== undefined);
  expect(seen).toEqual(Array.from({ length: seededOrders }, (_, index) => `ord_${1000 + seededOrders - index}`));
});

test("a page of the sample handler listOrders that ends with the last order has no next cursor", async () => {
  await using shop = await booted();
  const page = await expectOk(shop.call("listOrders", { limit: 100, cursor: "ord_1101" }));
  expect(page.orders).toHaveLength(100);
  expect(page).not.toHaveProperty("next");
});

test("each filter of the sample handler listOrders narrows the list of orders, and callers can combine filters", async () => {
  await using shop = await booted();
  const filtered = async (filter: object) => (await expectOk(shop.call("listOrders", { limit: 100, ...filter }))).orders;
  const open = await filtered({ status: "open" });
  expect(open).toHaveLength(60);
  expect(new Set(open.map((order) => order.status))).toEqual(new Set(["open"]));
  const customer = (open[0] as Order).customerId;
  const theirs = await filtered({ customerId: customer });
  expect(theirs).toHaveLength(5);
  expect(await filtered({ customerId: customer, status: "open" })).toEqual(theirs.filter((order) => order.status === "open"));
  const late = await filtered({ createdAfter: "2025-12-01" });
  expect(late.length).toBeGreaterThan(0);
  expect(late.every((order) => order.createdAt >= "2025-12-01")).toBe(true);
  expect((await expectOk(shop.call("listOrders"))).orders).toHaveLength(20);
});

test.each([
  ["a limit above the largest page size", { limit: 101 }, "invalid_input"],
  ["an unknown status", { status: "lost" }, "invalid_input"],
  ["an impossible day", { createdAfter: "2025-02-30" }, "invalid_input"],
  ["a field that the input schema does not declare", { sort: "asc" }, "unknown_field"],
])("listOrders refuses %s", async (_, input, code) => {
  await using shop = await booted();
  expect(codeOf(await shop.send("listOrders", input))).toBe(code);
});

test("createOrder stores the total and the items of the order, and the trace id of the call", async () => {
  await using shop = await booted();
  const created = await expectOk(
    shop.call("createOrder", {
      customerId: "cus_101",
      items: [...oneItem, { sku: "scale-2kg", quantity: 1, priceCents: 3490 }],
      note: "gift wrap",
      traceId: "trace-7",
    }),
  );
  expect(created).toMatchObject({
    id: `ord_${1001 + seededOrders}`,
    status: "open",
    totalCents: 2 * 1290 + 3490,
    refundedCents: 0,
    currency: "EUR",
    note: "gift wrap",
    traceId: "trace-7",
  });
  expect(await expectOk(shop.call("getOrder", { orderId: created.id }))).toEqual(created);
  expect(codeOf(await shop.call("createOrder", { customerId: "cus_none", items: oneItem }))).toBe("not_found");
  expect(codeOf(await shop.call("getOrder", { orderId: "ord_9" }))).toBe("not_found");
});

test("refundOrder refunds an order in parts, and sets the status refunded when the whole total is refunded", async () => {
  await using shop = await booted();
  const { id } = await expectOk(shop.call("createOrder", { customerId: "cus_101", items: oneItem, isPaid: true }));
  const refund = (amountCents: number) => shop.call("refundOrder", { orderId: id, amountCents });
  expect(await expectOk(refund(580))).toEqual({
    orderId: id,
    amountCents: 580,
    refundedCents: 580,
    currency: "EUR",
    status: "paid",
    refundedBy: "test:staff",
  });
  expect(codeOf(await refund(2001))).toBe("refund_too_large");
  expect(await expectOk(refund(2000))).toMatchObject({ refundedCents: 2580, status: "refunded" });
  expect(codeOf(await refund(1))).toBe("order_not_paid");
  expect(await expectOk(shop.call("getOrder", { orderId: id }))).toMatchObject({ status: "refunded", refundedCents: 2580 });
});

test("parallel calls of refundOrder for one order never refund more than the total of the order", async () => {
  await using shop = await booted();
  const { id } = await expectOk(shop.call("createOrder", { customerId: "cus_101", items: oneItem, isPaid: true }));
  const codes = (
    await Promise.all(Array.from({ length: 20 }, () => shop.call("refundOrder", { orderId: id, amountCents: 1000 })))
  ).map(codeOf);
  expect(codes.filter((code) => code === "ok")).toHaveLength(2);
  expect(codes.filter((code) => code === "refund_too_large")).toHaveLength(18);
});

test("calls of refundOrder for one order from several processes never refund more than the total of the order", async () => {
  const file = await newFile();
  await using app = await bootShop(file);
  const items = [{ sku: "mug-blue", quantity: 1, priceCents: 100 }];
  const { id } = await expectOk(app.as(staff).call("createOrder", { customerId: "cus_101", items, isPaid: true }));
  const script = `
    const { openDatabase } = await import("./app/database.ts");
    const { Shop } = await import("./app/shop.ts");
    const shop = new Shop(await openDatabase());
    while (Date.now() < ${Date.now() + 2500}) {}
    let done = 0;
    for (let attempt = 0; attempt < 100; attempt++) {
      try { shop.refund("${id}", 1, "test"); done++; } catch (error) { if (error.kind !== "conflict") throw error; }
    }
    console.log(done);`;
  const done = await Promise.all([1, 2].map(async () => Number(await inOtherProcess(file, script))));
  expect(done.reduce((sum, count) => sum + count, 0)).toBe(100);
  expect(await expectOk(app.as(staff).call("getOrder", { orderId: id }))).toMatchObject({
    refundedCents: 100,
    status: "refunded",
  });
});

test("refundOrder throws the error codes in its problems, and not_found for an unknown order", async () => {
  await using shop = await booted();
  const open = (await expectOk(shop.call("listOrders", { status: "open", limit: 1 }))).orders[0] as Order;
  expect(codeOf(await shop.call("refundOrder", { orderId: open.id, amountCents: 1 }))).toBe("order_not_paid");
  expect(codeOf(await shop.call("refundOrder", { orderId: "ord_9", amountCents: 1 }))).toBe("not_found");
  expect(codeOf(await shop.call("refundOrder", { orderId: open.id, amountCents: 0 }))).toBe("invalid_input");
});

test("the preview of refundOrder changes no data, and shows the same refund that the handler makes afterwards", async () => {
  await using shop = await booted();
  const { id } = await expectOk(shop.call("createOrder", { customerId: "cus_101", items: oneItem, isPaid: true }));
  const rehearse = (amountCents: number) =>
    shop.app.as(staff).call("refundOrder", { orderId: id, amountCents }, { dryRun: true });
  expect(await expectOk(rehearse(2580))).toMatchObject({
    preview: {
      orderId: id,
      customerId: "cus_101",
      amountCents: 2580,
      currency: "EUR",
      leftAfterwardsCents: 0,
      statusAfterwards: "refunded",
    },
  });
  expect(codeOf(await rehearse(2581))).toBe("refund_too_large");
  expect(await expectOk(shop.call("getOrder", { orderId: id }))).toMatchObject({ status: "paid", refundedCents: 0 });
});

test("cancelOrder cancels only an open order, and a second call of cancelOrder changes nothing", async () => {
  await using shop = await booted();
  const { id } = await expectOk(shop.call("createOrder", { customerId: "cus_101", items: oneItem }));
  expect(await expectOk(shop.call("cancelOrder", { orderId: id }))).toMatchObject({ status: "cancelled" });
  expect(await expectOk(shop.call("cancelOrder", { orderId: id }))).toMatchObject({ status: "cancelled" });
  expect(codeOf(await shop.call("refundOrder", { orderId: id, amountCents: 1 }))).toBe("order_not_paid");
  expect(codeOf(await shop.call("cancelOrder", { orderId: "ord_1001" }))).toBe("order_not_open");
});

test("addNote appends a line to the note of an order until the note has its maximum length", async () => {
  await using shop = await booted();
  const add = (note: string) => shop.call("addOrderNote", { orderId: "ord_1001", note });
  await expectOk(add("called"));
  expect(await expectOk(add("called back"))).toMatchObject({ note: "called\ncalled back" });
  for (let line = 0; line < 3; line++) await expectOk(add("x".repeat(500)));
  expect(codeOf(await add("x".repeat(500)))).toBe("note_full");
});

test("purgeOrders deletes exactly the orders that its preview counted", async () => {
  await using shop = await booted();
  const given = { createdBefore: "2025-07-01" };
  const rehearsed = await expectOk(shop.app.as(staff).call("purgeOrders", given, { dryRun: true }));
  expect(await expectOk(shop.call("status"))).toMatchObject({ orders: seededOrders });
  const { deletedOrders } = await expectOk(shop.call("purgeOrders", given));
  expect(deletedOrders).toBeGreaterThan(0);
  expect(rehearsed.preview).toEqual({ deletedOrders });
  expect(await expectOk(shop.call("status"))).toMatchObject({ orders: seededOrders - deletedOrders });
  const kept = (await expectOk(shop.call("listOrders", { status: "cancelled", limit: 100 }))).orders;
  expect(kept).toHaveLength(30 - deletedOrders);
  expect(kept.every((order) => order.createdAt >= given.createdBefore)).toBe(true);
  expect(await expectOk(shop.call("purgeOrders", given))).toEqual({ deletedOrders: 0 });
});

test("the sample app never gives a new order the number of a deleted order", async () => {
  await using shop = await booted();
  const create = async () => (await expectOk(shop.call("createOrder", { customerId: "cus_101", items: oneItem }))).id;
  const first = await create();
  await expectOk(shop.call("cancelOrder", { orderId: first }));
  await expectOk(shop.call("purgeOrders", { createdBefore: "2999-01-01" }));
  expect(codeOf(await shop.call("getOrder", { orderId: first }))).toBe("not_found");
  expect(await create()).not.toBe(first);
});
