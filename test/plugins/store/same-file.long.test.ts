// Whether an instance notices that its file was deleted or replaced, and takes nothing else for that.

import { type ChildProcess, spawn } from "node:child_process";
import { once } from "node:events";
import { copyFileSync, existsSync, linkSync, renameSync, rmSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import Libsql from "libsql";
import { expect, test } from "vitest";
import { SameFile } from "../../../plugins/store/same-file.ts";
import { openSqlite } from "../../../plugins/store/sqlite.ts";
import { tempFolder } from "../audit/kit.ts";

const repository = fileURLToPath(new URL("../../..", import.meta.url));
const insert = { sql: "insert into t values (1)", parameters: [] };
const rounds = 150;

/** Opens the file, writes one row and closes the file, `rounds` times. Prints the first failure. */
const inAnotherProcess = (path: string): ChildProcess =>
  spawn(
    process.execPath,
    [
      ...["--expose-gc", "--import", "tsx", "--input-type=module", "-e"],
      `
      import { openSqlite } from "./plugins/store/sqlite.ts";
      process.stdout.write("ready\\n");
      for (let n = 0; n < ${rounds}; n++) {
        let file;
        try {
          file = openSqlite(${JSON.stringify(path)});
          file.run([{ sql: "insert into t values (1)", parameters: [] }]);
        } catch (error) {
          if (error.kind === "busy") continue;
          process.stdout.write(error.message);
          process.exit(1);
        } finally {
          file?.close();
          globalThis.gc(); // the driver ends a connection when its statements are collected
        }
      }`,
    ],
    { cwd: repository, stdio: ["ignore", "pipe", "inherit"] },
  );

test("S9: the store does not report a replaced file when three processes open and close one SQLite file in turn", async () => {
  using folder = tempFolder();
  const path = join(folder.root, "store.db");
  const first = openSqlite(path);
  first.run([{ sql: "create table t (a)", parameters: [] }]);
  first.close();
  const others = [inAnotherProcess(path), inAnotherProcess(path), inAnotherProcess(path)];
  const said = others.map(async (other) => {
    let text = "";
    other.stdout?.on("data", (data: Buffer) => {
      text += data.toString();
    });
    const [code] = await once(other, "close");
    return [text, code] as const;
  });
  expect(await Promise.all(said)).toEqual(others.map(() => ["ready\n", 0]));
}, 60_000);

test("S9: the store does not report a replaced file when SQLite removes and creates its log again while the file is opened", () => {
  using folder = tempFolder();
  const path = join(folder.root, "store.db");
  const first = new Libsql(path);
  first.exec("PRAGMA journal_mode = WAL; create table t (a)");
  const same = new SameFile(path); // as an instance that starts does first
  linkSync(`${path}-wal`, join(folder.root, "kept")); // so that the new log cannot get the same inode
  first.close();
  expect(existsSync(`${path}-wal`)).toBe(false); // SQLite removes the log of the last process
  const second = openSqlite(path);
  same.opened();
  second.run([insert]);
  expect(() => same.assert()).not.toThrow();
  second.close();
});

test.each<[string, string, (path: string) => void]>([
  ["the file is deleted", "store.db was deleted", (path: string) => rmSync(path)],
  ["the log is deleted", "store.db-wal was deleted", (path: string) => rmSync(`${path}-wal`)],
  ["the index is deleted", "store.db-shm was deleted", (path: string) => rmSync(`${path}-shm`)],
  ...["", "-wal", "-shm"].map(
    (part) =>
      [
        `store.db${part} is replaced by a copy`,
        `store.db${part} was replaced`,
        (path: string) => {
          copyFileSync(path + part, `${path}${part}.copy`);
          renameSync(`${path}${part}.copy`, path + part);
        },
      ] as [string, string, (path: string) => void],
  ),
])("S9: a store that Quater has just opened notices before its first write that %s", (_title, message, change) => {
  using folder = tempFolder();
  const path = join(folder.root, "store.db");
  const first = openSqlite(path);
  first.run([{ sql: "create table t (a)", parameters: [] }]);
  first.close();
  const file = openSqlite(path);
  change(path);
  expect(() => file.assertSame()).toThrow(message);
  expect(() => file.run([insert])).toThrow();
  file.close();
});

test("S9: a second connection to one SQLite file in the same process keeps the lock of the first connection", async () => {
  using folder = tempFolder();
  const path = join(folder.root, "store.db");
  const first = openSqlite(path);
  first.run([{ sql: "create table t (a)", parameters: [] }]);
  openSqlite(path).close();
  const other = inAnotherProcess(path);
  const [code] = await once(other, "close");
  expect(code).toBe(0);
  first.assertSame();
  first.close();
}, 60_000);
