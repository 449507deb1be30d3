// What goes wrong: PostgreSQL restarts, refuses writes, refuses logins, runs out of disk, and is set back to an older copy.

import type { Client } from "pg";
import { fillDisk } from "../full-disk.ts";
import type { TestPostgres } from "../plugins/store/postgres.ts";
import { pause } from "./instances.ts";

type Server = NonNullable<TestPostgres["server"]>;

const withClient = async <Result>(url: string, act: (client: Client) => Promise<Result>): Promise<Result> => {
  const { default: pg } = await import("pg");
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return await act(client);
  } finally {
    await client.end();
  }
};

/** A connection to another database of the same server, which stays usable during a fault of the first. */
const maintenanceUrl = (url: string): string => Object.assign(new URL(url), { pathname: "/postgres" }).href;

export const restartPostgres = async ({ stop, start }: Server, downMs: number): Promise<void> => {
  await stop();
  await pause(downMs);
  await start();
};

const databaseOf = (url: string): string => new URL(url).pathname.slice(1);

/** Sessions end so that the next ones get the new setting. */
const endSessions = (client: Client, name: string) =>
  client.query("select pg_terminate_backend(pid) from pg_stat_activity where datname = $1 and pid <> pg_backend_pid()", [name]);

/** SQLSTATE 25006, as on a standby that was promoted elsewhere. */
export const readOnlyFor = (url: string, milliseconds: number): Promise<void> =>
  withClient(maintenanceUrl(url), async (client) => {
    const name = databaseOf(url);
    await client.query(`alter database ${name} set default_transaction_read_only = on`);
    await endSessions(client, name);
    await pause(milliseconds);
    await client.query(`alter database ${name} reset default_transaction_read_only`);
    await endSessions(client, name);
  });

/** SQLSTATE 28000, as while somebody changes roles. */
export const loginsRefusedFor = (url: string, milliseconds: number): Promise<void> =>
  withClient(maintenanceUrl(url), async (client) => {
    const name = databaseOf(url);
    await client.query("alter role current_user nologin"); // this session stays
    await endSessions(client, name);
    await pause(milliseconds);
    await client.query("alter role current_user login");
  });

/** @param place  A folder on the file system of the database. */
export const diskFullFor = async (place: string, milliseconds: number): Promise<void> => {
  const free = fillDisk(place);
  await pause(milliseconds);
  free();
};

/** Every row of the store, as a logical dump holds it. */
export interface Dump {
  readonly tables: ReadonlyMap<string, readonly Readonly<Record<string, unknown>>[]>;
}

const schema = "quater";

export const dumped = (url: string): Promise<Dump> =>
  withClient(url, async (client) => {
    await client.query("begin isolation level repeatable read read only");
    const { rows } = await client.query<{ name: string }>(
      "select table_name as name from information_schema.tables where table_schema = $1",
      [schema],
    );
    const tables = new Map<string, readonly Record<string, unknown>[]>();
    for (const { name } of rows) tables.set(name, (await client.query(`select * from ${schema}.${name}`)).rows);
    await client.query("commit");
    return { tables };
  });

/** Puts the dump in the place of what is there. The servers must be stopped. */
export const restored = (url: string, { tables }: Dump): Promise<void> =>
  withClient(url, async (client) => {
    await client.query("begin");
    for (const [name, rows] of tables) {
      await client.query(`truncate ${schema}.${name}`);
      // The database turns the JSON text of all rows back into rows: no type is guessed here.
      await client.query(
        `insert into ${schema}.${name} select * from json_populate_recordset(null::${schema}.${name}, $1::json)`,
        [JSON.stringify(rows)],
      );
    }
    await client.query("commit");
  });
