import { existsSync } from "node:fs";
import Libsql from "libsql";
import { isQuaterError } from "quater";
import { expectOk } from "quater/testing";
import { expect, test } from "vitest";
import { openDatabase } from "../../app/database.ts";
import { seededCustomers, seededOrders } from "../../app/seed.ts";
import { bootShop, inOtherProcess, newFile, staff } from "./kit.ts";

const countBoth = `select (select count(*) from orders) as "orders", (select count(*) from customers) as "customers"`;
const seeded = { orders: seededOrders, customers: seededCustomers };

test("the sample database gets its sample rows only when the file is new, and keeps added rows after a restart", async () => {
  const file = await newFile();
  {
    await using app = await bootShop(file);
    expect(await expectOk(app.as(staff).call("status"))).toEqual({ ok: true, orders: seededOrders });
    await expectOk(
      app.as(staff).call("createOrder", { customerId: "cus_101", items: [{ sku: "mug", quantity: 1, priceCents: 5 }] }),
    );
  }
  await using app = await bootShop(file);
  expect(await expectOk(app.as(staff).call("status"))).toEqual({ ok: true, orders: seededOrders + 1 });
});

test("two new database files of the sample app get the same sample rows", async () => {
  const all = async () => {
    const database = await openDatabase(await newFile());
    const rows = ["orders", "order_items", "customers", "refunds"].map((table) => database.all(`select * from ${table}`));
    database.close();
    return rows;
  };
  expect(await all()).toEqual(await all());
});

test("a new sample database gets its sample rows once when three processes start at the same time", async () => {
  const file = await newFile();
  const script = `
    const { openDatabase } = await import("./app/database.ts");
    while (Date.now() < ${Date.now() + 2500}) {}
    const database = await openDatabase();
    console.log(JSON.stringify(database.all(${JSON.stringify(countBoth)})));
    database.close();`;
  const printed = await Promise.all([1, 2, 3].map(() => inOtherProcess(file, script)));
  expect(printed.map((text) => JSON.parse(text) as unknown)).toEqual([[seeded], [seeded], [seeded]]);
});

test("openDatabase of the sample app waits while another process writes to a new database file", async () => {
  const file = await newFile();
  const other = new Libsql(file);
  other.exec("begin immediate");
  const opening = openDatabase(file);
  setTimeout(() => other.exec("commit"), 100);
  const database = await opening;
  expect(database.all(countBoth)).toEqual([seeded]);
  database.close();
  other.close();
});

test("a new sample database gets its sample rows once when one process opens several connections at once", async () => {
  const file = await newFile();
  const databases = await Promise.all(Array.from({ length: 8 }, () => openDatabase(file)));
  for (const database of databases) {
    expect(database.all(countBoth)).toEqual([seeded]);
    database.close();
  }
});

test("the sample database converts values that would make the SQLite driver abort the process", async () => {
  const database = await openDatabase(await newFile());
  expect(
    database.all(`select ? as "yes", ? as "no", ? as "none", typeof(?) as "whole", typeof(?) as "part", ? as "text"`, [
      true,
      false,
      undefined,
      7,
      7.5,
      "t",
    ]),
  ).toEqual([{ yes: 1, no: 0, none: null, whole: "integer", part: "real", text: "t" }]);
  database.close();
});

test("the sample database rolls back a transaction that throws, and the connection stays usable", async () => {
  const database = await openDatabase(await newFile());
  expect(() =>
    database.inTransaction(() => {
      database.run("delete from refunds");
      throw new Error("halfway");
    }),
  ).toThrow("halfway");
  expect(database.all<{ count: number }>('select count(*) as "count" from refunds')[0]?.count).toBeGreaterThan(0);
  expect(database.inTransaction(() => "again")).toBe("again");
  database.close();
});

test("a write to the sample database that waits too long for the lock of the database gets the error unavailable", async () => {
  const file = await newFile();
  const [holder, waiter] = [await openDatabase(file), await openDatabase(file)];
  const met = holder.inTransaction(() => {
    try {
      waiter.inTransaction(() => undefined);
    } catch (error) {
      return error;
    }
    return undefined;
  });
  expect(isQuaterError(met) && met.kind).toBe("unavailable");
  holder.close();
  waiter.close();
});

test("importing the handlers of the sample app loads no database driver and opens no file", async () => {
  const file = await newFile();
  const printed = await inOtherProcess(
    file,
    `import { createRequire } from "node:module";
     await import("./app/orders.ts");
     await import("./app/customers.ts");
     const loaded = Object.keys(createRequire(process.cwd() + "/package.json").cache);
     console.log(loaded.filter((name) => name.includes("libsql")).length);`,
  );
  expect(printed.trim()).toBe("0");
  expect(existsSync(file)).toBe(false);
});
