// The store behind a pooler: settings hold in every transaction, and none of them reaches other users of the pool.

import pg from "pg";
import { audit, store } from "quater/plugins";
import { storeRef } from "quater/store";
import { bootTest } from "quater/testing";
import { afterAll, beforeAll, expect, test } from "vitest";
import { openPostgres } from "../../../plugins/store/postgres.ts";
import { problemOf } from "../../../plugins/store/postgres-settings.ts";
import { tempFolder } from "../audit/kit.ts";
import { type TestPgbouncer, testPgbouncer } from "./pgbouncer.ts";
import { type TestPostgres, testPostgres } from "./postgres.ts";

let postgres: TestPostgres | string;
let pooler: TestPgbouncer | string;
beforeAll(async () => {
  postgres = await testPostgres();
  pooler = typeof postgres === "string" ? postgres : await testPgbouncer(await postgres.freshUrl(), { poolSize: 2 });
});
afterAll(async () => {
  if (typeof pooler !== "string") await pooler.close();
  if (typeof postgres !== "string") await postgres.close();
});

const withServers = (title: string, use: (server: TestPostgres, pool: TestPgbouncer) => Promise<void>) =>
  test(title, async (context) => {
    if (typeof postgres === "string") return context.skip(postgres);
    if (typeof pooler === "string") return context.skip(pooler);
    await use(postgres, pooler);
  });

const ask = async (url: string, ...texts: readonly string[]): Promise<Record<string, unknown>[]> => {
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    let rows: Record<string, unknown>[] = [];
    for (const text of texts) rows = (await client.query(text)).rows as Record<string, unknown>[];
    return rows;
  } finally {
    await client.end();
  }
};

const names = ["search_path", "synchronous_commit", "statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"];
const settings = `select ${names.map((name) => `current_setting('${name}') as ${name}`).join(", ")}`;
const ours = {
  search_path: "quater",
  synchronous_commit: "on",
  statement_timeout: "1500ms",
  lock_timeout: "1500ms",
  idle_in_transaction_session_timeout: "1500ms",
};

withServers(
  "O5: the connection settings of store() are valid in every transaction and read through PgBouncer",
  async (server, pool) => {
    const direct = await server.freshUrl();
    const url = pool.through(direct);
    const before = await ask(url, settings);
    const database = await openPostgres({ url, schema: "quater", onLost: () => undefined });
    for (let n = 0; n < 6; n++) {
      const seen = await database.lend(async (connection) => {
        const read = await connection.read({ sql: settings, parameters: [] });
        const [whole] = await connection.whole([{ sql: settings, parameters: [] }]);
        const [, transaction] = await connection.run([connection.begin, { sql: settings, parameters: [] }]);
        await connection.run([{ sql: "commit", parameters: [] }]);
        return [read, whole, transaction].map((each) => each?.rows[0]);
      });
      expect(seen).toEqual([ours, ours, ours]);
    }
    await database.close();
    for (let n = 0; n < 4; n++) expect(await ask(url, settings)).toEqual(before);
  },
);

for (const level of ["off", "local", "remote_write"]) {
  withServers(
    `O5: with synchronous_commit ${level} in the role, commits are still durable, directly and through PgBouncer`,
    async (server, pool) => {
      const direct = await server.freshUrl();
      const name = new URL(direct).pathname.slice(1);
      await ask(direct, `alter database ${name} set synchronous_commit = ${level}`);
      for (const url of [direct, pool.through(direct)]) {
        using folder = tempFolder();
        await using app = await bootTest({ root: folder.root, handlers: {}, plugins: [store({ url })] });
        const open = await app.services.get(storeRef).open();
        const [row] = await open.transaction((transaction) => transaction.rows({ sql: settings, parameters: [] }));
        expect(row).toEqual(ours);
      }
    },
  );
}

withServers(
  "O5: store() does not change the PostgreSQL setting synchronous_commit remote_apply, which is stronger than on",
  async (server, pool) => {
    const direct = await server.freshUrl();
    await ask(direct, `alter database ${new URL(direct).pathname.slice(1)} set synchronous_commit = remote_apply`);
    for (const url of [direct, pool.through(direct)]) {
      const database = await openPostgres({ url, schema: "quater", onLost: () => undefined });
      const found = await database.lend((connection) => connection.read({ sql: settings, parameters: [] }));
      expect(found.rows).toEqual([{ ...ours, synchronous_commit: "remote_apply" }]);
      await database.close();
    }
  },
);

withServers(
  "O5: on a direct connection, a transaction of store() begins with one statement that changes no setting",
  async (server, pool) => {
    const direct = await server.freshUrl();
    const beginOn = async (url: string) => {
      const database = await openPostgres({ url, schema: "quater", onLost: () => undefined });
      const { sql } = await database.lend(async ({ begin }) => begin);
      await database.close();
      return sql;
    };
    expect(await beginOn(direct)).toBe("begin");
    expect(await beginOn(pool.through(direct))).toMatch(/^begin; select set_config\('search_path', 'quater', true\)/);
  },
);

withServers(
  "O5: store() works with PgBouncer in session mode, and refuses PgBouncer in statement mode with a remedy",
  async (server) => {
    const direct = await server.freshUrl();
    for (const mode of ["session", "statement"] as const) {
      const other = await testPgbouncer(direct, { mode });
      if (typeof other === "string") throw new Error(other);
      using folder = tempFolder();
      const boot = () => bootTest({ root: folder.root, handlers: {}, plugins: [store({ url: other.through(direct) })] });
      try {
        if (mode === "session") await (await boot()).stop();
        else
          await expect(boot()).rejects.toThrow(
            /statement mode, which cannot run transactions. Set pool_mode = transaction in the pooler/,
          );
      } finally {
        await other.close();
      }
    }
  },
);

test("O5: boot refuses a PgBouncer that drops connection settings, and names the setting and a remedy", () => {
  const right = {
    fsync: "on",
    full_page_writes: "on",
    synchronous_commit: "on",
    statement_timeout: "1500",
    lock_timeout: "1500",
    idle_in_transaction_session_timeout: "1500",
  };
  expect(problemOf(right, false)).toBeUndefined();
  expect(problemOf({ ...right, synchronous_commit: "remote_apply" }, false)).toBeUndefined();
  for (const level of ["off", "local", "remote_write", undefined]) {
    const wrong = { ...right, synchronous_commit: level };
    expect(problemOf(wrong, false)?.cause).toContain(`in its transactions the value is ${level}`);
    expect(problemOf(wrong, true)).toBeUndefined();
  }
  for (const name of ["statement_timeout", "lock_timeout", "idle_in_transaction_session_timeout"])
    expect(problemOf({ ...right, [name]: "0" }, true)?.cause).toContain(`The store set ${name} = 1500 (ms), but`);
  expect(problemOf({ ...right, fsync: "off" }, false)?.cause).toContain("fsync = off");
});

withServers(
  "O5: a start of the app waits while another instance has the lock of the migrations, also through PgBouncer",
  async (server, pool) => {
    const direct = await server.freshUrl();
    const holder = new pg.Client({ connectionString: direct });
    await holder.connect();
    await holder.query("begin; select pg_advisory_xact_lock(782837)");
    using folder = tempFolder();
    const booting = bootTest({ root: folder.root, handlers: {}, plugins: [store({ url: pool.through(direct) }), audit()] });
    const isWaiting = async () =>
      (await ask(direct, "select 1 from pg_locks where locktype = 'advisory' and not granted")).length;
    while ((await isWaiting()) === 0) await new Promise((resolve) => setTimeout(resolve, 50));
    // Longer than any statement of a call may take.
    await new Promise((resolve) => setTimeout(resolve, 2_500));
    await holder.query("commit");
    await holder.end();
    await (await booting).stop();
  },
);
