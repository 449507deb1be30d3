// One row that an attacker planted: cells that SQLite takes and that neither the driver nor the store may fall over.

import { spawnSync } from "node:child_process";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { storeRef } from "quater/store";
import { expect, test } from "vitest";
import { acquired } from "../../../plugins/store/lock/leases.ts";
import { openSqlite } from "../../../plugins/store/sqlite.ts";
import { onBothDialects } from "../approval/kit.ts";
import { tempFolder } from "../audit/kit.ts";

const repository = fileURLToPath(new URL("../../..", import.meta.url));

const child = (code: string) =>
  spawnSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code], { cwd: repository, encoding: "utf8" });

test("the SQLite driver aborts the process when it reads a text that is not UTF-8, so Quater reads texts as bytes", () => {
  using folder = tempFolder();
  const raw = child(`
    import Libsql from "libsql";
    const db = new Libsql(${JSON.stringify(join(folder.root, "raw.db"))});
    try { db.prepare("select cast(x'ff' as text)").all([]); } catch {}
    console.log("alive");
  `);
  expect(raw.stdout).not.toContain("alive"); // the day this fails, the driver is repaired and the rewriting may go
  expect(raw.signal).toBe("SIGABRT");
  const guarded = child(`
    import { openSqlite } from "./plugins/store/sqlite.ts";
    const file = openSqlite(${JSON.stringify(join(folder.root, "guarded.db"))});
    console.log(file.run([{ sql: "select cast(x'ff41' as text) as a", parameters: [] }])[0].rows[0].a.join());
  `);
  expect(guarded.stderr).toBe("");
  expect(guarded.stdout).toBe("255,65\n");
});

test("Quater reads each cell of a SQLite table with the stored type of the cell, also in rows with damaged cells", () => {
  using folder = tempFolder();
  const file = openSqlite(join(folder.root, "store.db"));
  const rows = (sql: string, ...parameters: unknown[]) => file.run([{ sql, parameters }])[0]?.rows;
  rows('create table t (a, "b ""c")');
  const bytes = (...values: number[]) => Uint8Array.from(values);
  const cells: readonly (readonly [sql: string, value: unknown])[] = [
    ["null", null],
    ["7", 7],
    ["-1.5", -1.5],
    ["9223372036854775807", 2 ** 63],
    ["'Zoë \"\\ 漢 🙂'", 'Zoë "\\ 漢 🙂'],
    ["'\\u0000'", "\\u0000"],
    ["char(1, 31, 8232)", "\u0001\u001f\u2028"],
    ["'[1]'", "[1]"],
    ["cast(x'ff41' as text)", bytes(255, 65)],
    ["'a' || char(0) || 'é'", bytes(97, 0, 195, 169)],
    ["x'ff00'", bytes(255, 0)],
    ["x''", bytes()],
  ];
  for (const [first, a] of cells)
    for (const [second, b] of cells) {
      rows("delete from t");
      rows(`insert into t values (${first}, ${second})`);
      const said = `${first}, ${second}`;
      expect(rows("select * from t"), said).toEqual([{ a, 'b "c': b }]);
      expect(rows("with q as (select * from t) select a, 1 as one from q where 1 = ?", 1), said).toEqual([{ a, one: 1 }]);
    }
  file.close();
});

test("Quater returns rows of a SQLite table in the requested order, for any order of the columns", () => {
  using folder = tempFolder();
  const file = openSqlite(join(folder.root, "store.db"));
  const rows = (sql: string) => file.run([{ sql, parameters: [] }])[0]?.rows;
  rows("create table t (a)");
  rows("insert into t values (2), (3), (1)");
  const all = "select * from t order by a desc";
  expect(rows(all)).toEqual([{ a: 3 }, { a: 2 }, { a: 1 }]);
  rows("alter table t add column b");
  expect(rows(all)).toEqual([{ a: 3 }, { a: 2 }, { a: 1 }]);
  file.close();
});

test("Quater reads rows that a writing SQLite statement returns with the same types as rows of a query", () => {
  using folder = tempFolder();
  const file = openSqlite(join(folder.root, "store.db"));
  const rows = (sql: string) => file.run([{ sql, parameters: [] }])[0]?.rows;
  rows("create table t (a, b)");
  rows("insert into t values (cast(x'ff' as text), 'x'), ('y', 2)");
  expect(rows("delete from t where b = 'x' returning a, b")).toEqual([{ a: Uint8Array.of(255), b: "x" }]);
  expect(rows("update t set b = b + 1 returning a, b")).toEqual([{ a: "y", b: 3 }]);
  file.close();
});

onBothDialects((claim, dialect) => {
  claim(
    "a call takes over the lock of a forged lock row with an endless lease or with numbers that are too large",
    async ({ boot }) => {
      const desk = await boot();
      const store = await desk.app.services.get(storeRef).open();
      const most = 9_223_372_036_854_775_807n;
      const planted = [
        ...[most, -most, 9_007_199_254_740_993n].map((fence) => [fence, 1n]),
        ...[most, 9_007_199_254_740_993n].map((lease) => [1n, lease]),
        ...(dialect === "sqlite" ? [["x", "x"]] : []),
      ];
      for (const [index, [fence, lease]] of planted.entries()) {
        const key = `key${index}`;
        await desk.sql(
          "insert into quater_lock (lock_key, name, fence, holder, lease_until) values (?, 'pay', ?, 'x', ?)",
          key,
          fence,
          lease,
        );
        const said = `${fence} ${lease}`;
        const taken = await acquired(store, { key, name: "pay", holder: "me", leaseMs: 30_000 });
        expect(taken, said).toBeDefined();
        if (taken === undefined) return;
        expect(await acquired(store, { key, name: "pay", holder: "other", leaseMs: 30_000 }), said).toBeUndefined();
        expect(
          (await store.apply([taken.extension, taken.end])).map(({ changes }) => changes),
          said,
        ).toEqual([1, 1]);
      }
    },
  );

  claim(
    "a damaged row in the table of migrations makes the boot fail only when a migration is missing",
    async ({ boot, again }) => {
      const desk = await boot();
      const insert = "insert into quater_migration (plugin, version, tables, at) values";
      await desk.sql(
        dialect === "sqlite"
          ? `${insert} (cast(x'ff' as text), 1, cast(x'ff' as text), 0)`
          : `${insert} ('audit', 9223372036854775807, '', 0)`,
      );
      await (await again()).app.stop();
      await desk.sql("update quater_migration set version = 9223372036854775806 where plugin = 'approval' and version = 3");
      await expect(again()).rejects.toThrow(/2 rows of quater_migration are damaged, .* version 3 of approval is missing/);
    },
  );
});
