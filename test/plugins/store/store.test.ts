// The store's contract, the same on both databases.

import { join } from "node:path";
import { withDefault } from "quater";
import { definePlugin, type OptionsOf, opaque, serviceRef } from "quater/plugin-api";
import { store } from "quater/plugins";
import { storeRef } from "quater/store";
import { bootTest, type TestApp } from "quater/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { kernelOf } from "../../../core/testing/kernel-of.ts";
import { type Migration, type OpenStore, StoreFailure } from "../../../plugins/store/service.ts";
import { openSqlite } from "../../../plugins/store/sqlite.ts";
import { tempFolder } from "../audit/kit.ts";
import { type TestPgbouncer, testPgbouncer } from "./pgbouncer.ts";
import { type TestPostgres, testPostgres } from "./postgres.ts";

interface Tables {
  shelf_item: { name: string; count: number };
}

const first: Migration = {
  version: 1,
  tables: ["shelf_item"],
  up: (build) => [
    build.schema
      .createTable("shelf_item")
      .addColumn("name", "text", (column) => column.notNull().primaryKey())
      .addColumn("count", "bigint", (column) => column.notNull()),
  ],
};
const shelfRef = serviceRef<unknown>("shelf");

const shelf = definePlugin(
  { migrations: withDefault(opaque<readonly Migration[]>("migrations"), [first]) },
  ({ migrations }) => ({
    name: "shelf",
    needs: [storeRef],
    provides: [shelfRef],
    setup: ({ services }) => {
      services.get(storeRef).register("shelf", migrations);
      services.provide(shelfRef, {});
    },
  }),
);

const boot = (
  root: string,
  options: OptionsOf<typeof store> = {},
  migrations: readonly Migration[] = [first],
): Promise<TestApp> => bootTest({ root, handlers: {}, plugins: [store(options), shelf({ migrations })] });

let postgres: TestPostgres | string;
let pgbouncer: TestPgbouncer | string;
beforeAll(async () => {
  postgres = await testPostgres();
  pgbouncer = typeof postgres === "string" ? postgres : await testPgbouncer(await postgres.freshUrl());
});
afterAll(async () => {
  if (typeof pgbouncer !== "string") await pgbouncer.close();
  if (typeof postgres !== "string") await postgres.close();
});

/** A fresh database over PostgreSQL, directly or through the pooler. @returns A reason if there is no database. */
const freshOn = async (dialect: "postgres" | "pgbouncer"): Promise<{ readonly url: string } | string> => {
  if (typeof postgres === "string") return postgres;
  if (dialect === "postgres") return { url: await postgres.freshUrl() };
  return typeof pgbouncer === "string" ? pgbouncer : { url: pgbouncer.through(await postgres.freshUrl()) };
};

describe.each(["sqlite", "postgres", "pgbouncer"] as const)("store() works on %s", (dialect) => {
  const opened = async (use: (open: OpenStore, again: () => Promise<TestApp>) => Promise<void>): Promise<string | undefined> => {
    using folder = tempFolder();
    const options = dialect === "sqlite" ? {} : await freshOn(dialect);
    if (typeof options === "string") return options;
    const again = () => boot(folder.root, options);
    await using app = await again();
    await use(await app.services.get(storeRef).open(), again);
    return undefined;
  };
  const both = (title: string, use: Parameters<typeof opened>[0]) =>
    test(title, async (context) => {
      const reason = await opened(use);
      if (reason !== undefined) context.skip(reason);
    });

  both("a snapshot of the store shows one state, even while other connections write", async (open, again) => {
    await using other = await again();
    const writer = await other.services.get(storeRef).open();
    const db = open.queries<Tables>();
    const insert = (name: string) => db.insertInto("shelf_item").values({ name, count: 1 });
    const names = db.selectFrom("shelf_item").select("name").orderBy("name");
    await open.apply([insert("a")]);
    const seen = await open.snapshot(async (at) => {
      const before = await at.read<{ name: string }>(names);
      await writer.apply([insert("b"), db.deleteFrom("shelf_item").where("name", "=", "a")]);
      return [before, await at.read<{ name: string }>(names)];
    });
    expect(seen).toEqual([[{ name: "a" }], [{ name: "a" }]]);
    expect(await open.read(names)).toEqual([{ name: "b" }]);
    await expect(open.snapshot((at) => at.read({ sql: "select 1 from nowhere", parameters: [] }))).rejects.toThrow("nowhere");
    expect(await open.snapshot((at) => at.read(names))).toEqual([{ name: "b" }]);
    if (dialect === "sqlite") return;
    await expect(open.snapshot((at) => at.read(insert("c")))).rejects.toMatchObject({ code: "25006" });
  });

  both("a transaction of the store that throws leaves no change in the store", async (open) => {
    const db = open.queries<Tables>();
    const insert = (name: string) => db.insertInto("shelf_item").values({ name, count: 1 });
    await expect(
      open.transaction(async (transaction) => {
        await transaction.run(insert("a"));
        throw new Error("no");
      }),
    ).rejects.toThrow("no");
    await open.transaction((transaction) => transaction.run(insert("b")));
    expect(await open.read(db.selectFrom("shelf_item").select("name"))).toEqual([{ name: "b" }]);
  });

  both("the store returns numbers as numbers, counts changed rows and reports conflicts as conflicts", async (open) => {
    const db = open.queries<Tables>();
    const [one] = await open.apply([db.insertInto("shelf_item").values({ name: "a", count: 2 ** 40 })]);
    expect(one?.changes).toBe(1);
    expect(await open.read(db.selectFrom("shelf_item").selectAll())).toEqual([{ name: "a", count: 2 ** 40 }]);
    const again = open.apply([db.insertInto("shelf_item").values({ name: "a", count: 1 })]);
    await expect(again).rejects.toMatchObject({ name: "StoreFailure", kind: "conflict" });
    const none = db.updateTable("shelf_item").set({ count: 0 }).where("name", "=", "x").compile();
    await expect(open.apply([{ sql: none.sql, parameters: none.parameters, expects: 1 }])).rejects.toMatchObject({
      kind: "mismatch",
    });
  });

  both("exactly one of many concurrent compare-and-set statements changes a row of the store", async (open) => {
    const db = open.queries<Tables>();
    await open.apply([db.insertInto("shelf_item").values({ name: "a", count: 0 })]);
    const take = () =>
      open.transaction(async (transaction) => {
        const set = db.updateTable("shelf_item").set({ count: 1 }).where("name", "=", "a").where("count", "=", 0);
        return (await transaction.run(set))[0]?.changes;
      });
    const changes = await Promise.all(Array.from({ length: 12 }, take));
    expect(changes.filter((count) => count === 1)).toHaveLength(1);
  });

  both("now() of the store returns the database's time in whole milliseconds", async (open) => {
    const before = Date.now();
    const now = await open.now();
    expect(now).toBeGreaterThanOrEqual(before - 1); // the database may round
    expect(now).toBeLessThanOrEqual(Date.now() + 1);
    expect(Number.isInteger(now)).toBe(true);
  });

  both("three instances that start at the same time run each migration of the store once", async (open, again) => {
    const apps = await Promise.all([again(), again(), again()]);
    await Promise.all(apps.map((app) => app.stop()));
    const rows = await open.read<{ n: number }>({
      sql: "select count(*) as n from quater_migration where plugin = 'shelf'",
      parameters: [],
    });
    expect(rows).toEqual([{ n: 1 }]);
  });
});

test("store() refuses a SQLite file that has other tables, and does not change the file", async () => {
  using folder = tempFolder();
  const path = join(folder.root, "shop.db");
  const file = openSqlite(path);
  file.run([{ sql: "create table orders (id text)", parameters: [] }]);
  await expect(boot(folder.root, { url: "file:shop.db" })).rejects.toThrow(
    "file:shop.db contains tables that do not belong to Quater: orders. Give store() a file or schema that the application does not use",
  );
  const [found] = file.run([{ sql: "select name from sqlite_master", parameters: [] }]);
  expect(found?.rows).toEqual([{ name: "orders" }]);
  file.close();
});

test("boot refuses store tables of a newer version of Quater, and migrates tables of an older version", async () => {
  using folder = tempFolder();
  const second: Migration = {
    version: 2,
    tables: ["shelf_note"],
    up: (build) => [build.schema.createTable("shelf_note").addColumn("text", "text")],
  };
  await (await boot(folder.root)).stop();
  await (await boot(folder.root, {}, [first, second])).stop();
  await expect(boot(folder.root)).rejects.toThrow("The tables of shelf have version 2, but this version of Quater knows only 1");
});

test("boot fails when the url of store() is malformed or PostgreSQL does not answer, and prints no password", async () => {
  using folder = tempFolder();
  for (const url of ["mysql://me:geheim@db", "me:geheim@db", ""]) {
    const error: unknown = await boot(folder.root, { url }).catch((thrown: unknown) => thrown);
    expect(String(error)).toContain(
      "store has an invalid value for url, which is not shown because it may be secret. Write a string that begins with file: or postgres://",
    );
    expect(String(error)).not.toContain("geheim");
  }
  const boots = boot(folder.root, { url: "postgres://user:hunter2@127.0.0.1:1/db" });
  await expect(boots).rejects.toThrow(
    "PostgreSQL cannot be used for the store: connect ECONNREFUSED 127.0.0.1:1. Start PostgreSQL",
  );
  await expect(boots).rejects.not.toThrow("hunter2");
});

test("a fenced store refuses writes, is not ready, and ends quater serve with the exit code 74", async () => {
  using folder = tempFolder();
  await using app = await boot(folder.root);
  const service = app.services.get(storeRef);
  const open = await service.open();
  expect(await kernelOf(app).unready()).toEqual([]);
  service.fence(new StoreFailure("broken", "SQLITE_IOERR_FSYNC", "disk I/O error"));
  expect(await kernelOf(app).unready()).toEqual(["store"]);
  await expect(open.now()).rejects.toMatchObject({ code: "audit_unavailable", kind: "unavailable" });
  expect(app.log.map(({ message }) => message)).toEqual([
    "The store failed or is damaged, so the server accepts no more calls. Find the cause in the log, run `quater audit verify`, then restart the server",
  ]);
});
