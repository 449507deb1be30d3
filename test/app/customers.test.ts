import { expectOk } from "quater/testing";
import { expect, test } from "vitest";
import { seededCustomers } from "../../app/seed.ts";
import { bootShop, codeOf, newFile, staff } from "./kit.ts";

test("the pages of the sample handler listCustomers together contain each customer once", async () => {
  await using app = await bootShop(await newFile());
  const first = await expectOk(app.as(staff).call("listCustomers", { limit: 50 }));
  const second = await expectOk(app.as(staff).call("listCustomers", { limit: 50, cursor: first.next ?? "" }));
  expect(first.customers[0]).toMatchObject({ id: "cus_101", name: "Ana Almeida", email: "ana.almeida@example.com" });
  expect(new Set([...first.customers, ...second.customers].map(({ id }) => id)).size).toBe(seededCustomers);
  expect(second).not.toHaveProperty("next");
});

test("updateCustomer keeps the values of fields that the call omits, and refuses a call without any field to change", async () => {
  await using app = await bootShop(await newFile());
  const update = (changes: object) => app.as(staff).call("updateCustomer", { customerId: "cus_101", ...changes });
  expect(await expectOk(update({ email: "ana@example.org" }))).toMatchObject({ name: "Ana Almeida", email: "ana@example.org" });
  expect(await expectOk(update({ name: "Ana B." }))).toMatchObject({ name: "Ana B.", email: "ana@example.org" });
  expect(codeOf(await update({}))).toBe("invalid_input");
  expect(codeOf(await update({ email: "no address" }))).toBe("invalid_input");
  expect(codeOf(await app.as(staff).call("updateCustomer", { customerId: "cus_none", name: "X" }))).toBe("not_found");
});

test("the sample app refuses a second customer with the same email address, even in different letter case", async () => {
  await using app = await bootShop(await newFile());
  const update = (email: string) => app.as(staff).call("updateCustomer", { customerId: "cus_101", email });
  expect(codeOf(await update("Bruno.Almeida@Example.com"))).toBe("email_taken");
  expect(codeOf(await update("ANA.almeida@example.com"))).toBe("ok");
});
