import { handler, Type } from "quater";
import { anonymous } from "quater/plugin-api";
import { bootTest, expectOk, principal } from "quater/testing";
import { expect, test } from "vitest";
import { isOwnRecord } from "../../app/access.ts";
import { CustomerId } from "../../app/schemas.ts";
import { bootShop, codeOf, handlers, newFile, staff } from "./kit.ts";

const elif = principal({ subject: "elif", claims: { customerId: "cus_105" } });

/** For every handler: an input that is fine, and what somebody without any right is told. */
const refusals: Record<keyof typeof handlers, [input: object, code: string]> = {
  listOrders: [{}, "missing_scope"],
  listOwnOrders: [{}, "forbidden"],
  getOrder: [{ orderId: "ord_1001" }, "missing_scope"],
  createOrder: [{ customerId: "cus_101", items: [{ sku: "mug", quantity: 1, priceCents: 1 }] }, "missing_scope"],
  refundOrder: [{ orderId: "ord_1001", amountCents: 1 }, "missing_scope"],
  cancelOrder: [{ orderId: "ord_1003" }, "missing_scope"],
  addOrderNote: [{ orderId: "ord_1001", note: "hello" }, "missing_scope"],
  purgeOrders: [{ createdBefore: "2025-07-01" }, "missing_role"],
  exportOrders: [{}, "missing_scope"],
  listCustomers: [{}, "missing_scope"],
  getCustomer: [{ customerId: "cus_101" }, "missing_scope"],
  updateCustomer: [{ customerId: "cus_101", name: "Ana" }, "missing_scope"],
  salesReport: [{ from: "2025-01-01", to: "2025-01-31" }, "missing_scope"],
  rebuildStatistics: [{}, "missing_role"],
  status: [{}, "ok"],
};

test("every handler of the sample app refuses a caller without rights with the expected error code", async () => {
  await using app = await bootShop(await newFile());
  for (const [handler, [input, code]] of Object.entries(refusals))
    expect([handler, codeOf(await app.as(principal()).send(handler, input))]).toEqual([handler, code]);
});

test("a customer of the sample shop can read and change their own customer record, but not the record of another customer", async () => {
  await using app = await bootShop(await newFile());
  const { call } = app.as(elif);
  expect(await expectOk(call("getCustomer", { customerId: "cus_105" }))).toMatchObject({ name: "Elif Almeida" });
  expect(codeOf(await call("getCustomer", { customerId: "cus_106" }))).toBe("missing_scope");
  expect(await expectOk(call("updateCustomer", { customerId: "cus_105", name: "Elif A." }))).toMatchObject({ name: "Elif A." });
  expect(codeOf(await call("updateCustomer", { customerId: "cus_106", name: "Mine" }))).toBe("missing_scope");
  // Exists or not: the answer is the same, so that nobody learns who is a customer.
  expect(codeOf(await call("getCustomer", { customerId: "cus_none" }))).toBe("missing_scope");
});

test("S21: the policy that compares a claim with an input refuses a caller without the claim, and boot refuses an input schema without the field", async () => {
  const about = { description: "Shows.", effect: "read", auth: isOwnRecord, handle: () => null } as const;
  const show = handler({ ...about, input: Type.Object({ customerId: CustomerId }) });
  await using app = await bootTest({ handlers: { show } });
  const input = { customerId: "cus_105" };
  for (const claims of [{}, { customerId: undefined }, { customerId: 105 }, { customerId: null }])
    expect(codeOf(await app.as({ ...principal({ subject: "elif" }), claims }).call("show", input))).toBe("forbidden");
  expect(codeOf(await app.as(elif).call("show", input))).toBe("ok");
  // What JavaScript can write: `customerId` would be undefined for the policy.
  const wrong = handler({ ...about, input: Type.Object({ orderId: Type.String() }) } as never);
  await expect(bootTest({ handlers: { wrong } })).rejects.toThrow(
    "isOwnRecord, which does not fit the handler's input: input.customerId is missing",
  );
});

test("the handler listOwnOrders returns only orders of the caller", async () => {
  await using app = await bootShop(await newFile());
  const { orders } = await expectOk(app.as(elif).call("listOwnOrders"));
  expect(orders).toHaveLength(5);
  expect(orders.every((order) => order.customerId === "cus_105")).toBe(true);
  expect(codeOf(await app.as(elif).send("listOwnOrders", { customerId: "cus_106" }))).toBe("unknown_field");
  expect(codeOf(await app.as(anonymous).call("listOwnOrders"))).toBe("unauthenticated");
});

test("a caller cannot call a handler of the sample app that the manifest does not expose", async () => {
  // Refused before anything opens a database.
  await using app = await bootTest({ handlers, expose: { salesReport: { direct: true } } });
  expect(codeOf(await app.as(staff).send("rebuildStatistics"))).toBe("unknown_handler");
  expect(app.catalog.declared.map(({ name }) => name)).toContain("rebuildStatistics");
});
