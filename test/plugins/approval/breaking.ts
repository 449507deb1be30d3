// Ways to break the store under a running project, the same on both databases.

import { join } from "node:path";
import { openSqlite } from "../../../plugins/store/sqlite.ts";
import type { Desk, OnDialect } from "./kit.ts";

type Place = Pick<OnDialect, "root" | "url">;

/** Keeps every writer out, as another program does that sits on its transaction. @returns Lets them in again. */
export const hold = async ({ root, url }: Place): Promise<() => Promise<void>> => {
  if (url === undefined) {
    const file = openSqlite(join(root, ".quater/quater.db"));
    file.run([{ sql: "BEGIN IMMEDIATE", parameters: [] }]);
    return async () => {
      file.run([{ sql: "ROLLBACK", parameters: [] }]);
      file.close();
    };
  }
  const client = await connected(url);
  await client.query("begin");
  await client.query("lock table quater.audit_head in exclusive mode");
  return async () => {
    await client.query("rollback");
    await client.end();
  };
};

/** The store refuses to write, as a read-only disk or a standby does. @returns Undoes it, for later connections. */
export const readOnly = async (desk: Desk, { url }: Place): Promise<() => Promise<void>> => {
  if (url === undefined) {
    await desk.sql("pragma query_only = on"); // of this connection
    return async () => undefined;
  }
  const database = new URL(url).pathname.slice(1);
  const alter = async (mode: "on" | "off") => {
    const client = await connected(url, "-c default_transaction_read_only=off");
    await client.query(`alter database ${database} set default_transaction_read_only = ${mode}`);
    // Sessions that are open keep what they had.
    await client.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()", [
      database,
    ]);
    await client.end();
  };
  await alter("on");
  return () => alter("off");
};

/** The file may not grow any more, as on a full disk. @returns Makes room again. */
export const full = async (desk: Desk): Promise<() => Promise<unknown>> => {
  await desk.sql("pragma max_page_count = 1"); // SQLite takes it for: what there is now
  return () => desk.sql("pragma max_page_count = 1000000");
};

const connected = async (url: string, options?: string) => {
  const { default: pg } = await import("pg");
  const client = new pg.Client({ connectionString: url, ...(options === undefined ? {} : { options }) });
  await client.connect();
  return client;
};
