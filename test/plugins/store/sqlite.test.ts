// The driver file: what the driver would abort the process for cannot reach it.

import { execFileSync, spawnSync } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { expect, test } from "vitest";
import { openSqlite } from "../../../plugins/store/sqlite.ts";
import { tempFolder } from "../audit/kit.ts";

const repository = fileURLToPath(new URL("../../..", import.meta.url));

const child = (code: string) =>
  spawnSync(process.execPath, ["--import", "tsx", "--input-type=module", "-e", code], { cwd: repository, encoding: "utf8" });

test("the SQLite driver aborts the process when a parameter is a boolean, so Quater passes booleans as numbers", () => {
  using folder = tempFolder();
  const raw = child(`
    import Libsql from "libsql";
    const db = new Libsql(${JSON.stringify(join(folder.root, "raw.db"))});
    db.exec("create table t (a)");
    try { db.prepare("insert into t values (?)").run([true]); } catch {}
    console.log("alive");
  `);
  expect(raw.stdout).not.toContain("alive"); // the day this fails, the driver is repaired and the guard may go
  expect(raw.signal).toBe("SIGABRT");
  const guarded = child(`
    import { openSqlite } from "./plugins/store/sqlite.ts";
    const file = openSqlite(${JSON.stringify(join(folder.root, "guarded.db"))});
    const run = (sql, ...parameters) => file.run([{ sql, parameters }])[0];
    run("create table t (a)");
    for (const value of [true, false, undefined, null, 7, 1.5, "x", 9n, new Uint8Array([1])]) run("insert into t values (?)", value);
    for (const value of [new Date(), new Map(), { a: 1 }, [1], Symbol("s"), () => 1, "a\\0b"]) {
      try { run("insert into t values (?)", value); console.log("taken"); } catch (error) { console.log("refused"); }
    }
    console.log(JSON.stringify(run("select typeof(a) t, a from t").rows.map(({ t, a }) => [t, t === "blob" ? "" : a])));
  `);
  expect(guarded.stderr).toBe("");
  expect(guarded.stdout.split("\n").filter((line) => line === "refused")).toHaveLength(7);
  const kinds =
    '[["integer",1],["integer",0],["null",null],["null",null],["integer",7],["real",1.5],["text","x"],["integer",9],["blob",""]]';
  expect(guarded.stdout).toContain(kinds);
});

test("only the owner can read the SQLite file of the store, the write-ahead log and the folder of the file", () => {
  using folder = tempFolder();
  const path = join(folder.root, "private/store.db");
  const file = openSqlite(path);
  file.run([{ sql: "create table t (a)", parameters: [] }]);
  const mode = (name: string) => statSync(name).mode & 0o777;
  expect([mode(join(folder.root, "private")), mode(path), mode(`${path}-wal`), mode(`${path}-shm`)]).toEqual([
    0o700, 0o600, 0o600, 0o600,
  ]);
  file.close();
});

test("store() syncs commits to SQLite to disk with a write-ahead log and synchronous=FULL", () => {
  using folder = tempFolder();
  const file = openSqlite(join(folder.root, "store.db"));
  const ask = (sql: string) => Object.values(file.run([{ sql, parameters: [] }])[0]?.rows[0] as object)[0];
  expect([ask("pragma journal_mode"), ask("pragma synchronous")]).toEqual(["wal", 2]);
  file.close();
});

test("only the files for the store and for the lock of key files import the SQLite driver", () => {
  const found = execFileSync("grep", ["-rlE", "[\"']libsql[\"']", "plugins", "core"], { cwd: repository, encoding: "utf8" });
  expect(found.trim().split("\n")).toEqual(["plugins/store/sqlite.ts", "core/boot/file-lock.ts"]);
});
