// Applies the migrations of the store's tables. Each plugin has its own version numbers. At start, one process at a time applies
// the missing migrations. The store refuses a SQLite file or a schema with tables that no migration names, because these tables
// belong to another program.

import { BootError } from "../../core/plugin-api.ts";
import { type Connection, type Database, type Dialect, nothing, type Statement } from "./connection.ts";
import { type Builder, statementOf } from "./queries.ts";
import type { Migration } from "./service.ts";

export interface Registered {
  readonly plugin: string;
  readonly migrations: readonly Migration[];
}

interface Applied {
  readonly plugin: string;
  readonly version: number;
  readonly tables: string;
}

/** The name of the table that lists the applied migrations. */
export const ledger = "quater_migration";
/**
 * The number of the advisory lock for migrations. No other program may use this number. The digits spell "quater" on the keys of
 * a telephone.
 */
const advisoryLock = 782_837;

export const migrate = async (
  database: Database,
  { build, clock }: Builder,
  registered: readonly Registered[],
  place: { readonly url: string; readonly schema: string },
): Promise<void> => {
  const state = await database.lend((connection) => stateOf(database.dialect, connection.read, place.schema));
  assertOurs(state, registered, place);
  const [first] = missing(state.applied, registered);
  if (first === undefined) return;
  if (state.damaged > 0) throw damagedLedger(state.damaged, first);
  const isSqlite = database.dialect === "sqlite";
  await database.lend(async (connection) => {
    const { patient = [], patientAnswerMs } = isSqlite ? {} : await import("./postgres-settings.ts");
    const run = (statements: readonly Statement[]) => connection.run(statements, patientAnswerMs);
    await run([connection.begin, ...patient]);
    try {
      // The advisory lock must end with the transaction, because a pooler in transaction mode keeps only a transaction on one
      // session.
      if (!isSqlite)
        await run([plain(`select pg_advisory_xact_lock(${advisoryLock})`), plain(`create schema if not exists ${place.schema}`)]);
      // Read the state of the tables again under the lock, because another process may have migrated the tables in the meantime.
      const current = await stateOf(database.dialect, async (statement) => (await run([statement]))[0] ?? nothing, place.schema);
      assertOurs(current, registered, place);
      if (!current.tables.includes(ledger)) {
        await run([
          statementOf(
            build.schema
              .createTable(ledger)
              .addColumn("plugin", "text", (column) => column.notNull())
              .addColumn("version", "bigint", (column) => column.notNull())
              .addColumn("tables", "text", (column) => column.notNull())
              .addColumn("at", "bigint", (column) => column.notNull())
              .addPrimaryKeyConstraint(`${ledger}_pk`, ["plugin", "version"]),
          ),
        ]);
      }
      for (const { plugin, migration } of missing(current.applied, registered)) {
        const tables = migration.tables.join(" ");
        await run([
          ...migration.up(build, database.dialect).map(statementOf),
          statementOf(
            build.insertInto(ledger as never).values({ plugin, version: migration.version, tables, at: clock } as never),
          ),
        ]);
      }
      await run([plain("commit")]);
    } catch (error) {
      await connection.run([plain("rollback")]).catch(() => undefined); // The store reports only the first failure.
      throw error;
    }
  });
};

interface State {
  readonly tables: readonly string[];
  readonly applied: readonly Applied[];
  /** The number of rows in the table of applied migrations that Quater did not write. */
  readonly damaged: number;
}

/** Reads the state of the store's tables. @param read  Runs a SQL query, inside or outside of a transaction. */
const stateOf = async (dialect: Dialect, read: Connection["read"], schema: string): Promise<State> => {
  const found = await read(
    dialect === "sqlite"
      ? plain("select name from sqlite_master where type = 'table' and name not like 'sqlite\\_%' escape '\\'")
      : { sql: "select table_name as name from information_schema.tables where table_schema = $1", parameters: [schema] },
  );
  const tables = found.rows.map((row) => (row as { name: string }).name);
  if (!tables.includes(ledger)) return { tables, applied: [], damaged: 0 };
  const { rows } = await read(plain(`select plugin, version, tables from ${ledger}`));
  const applied = (rows as Applied[]).filter(isWhole);
  return { tables, applied, damaged: rows.length - applied.length };
};

/**
 * Whether the columns of a row have the right types. The check of the types is necessary, because SQLite stores any type in any
 * column.
 */
const isWhole = ({ plugin, version, tables }: Applied): boolean =>
  typeof plugin === "string" && Number.isSafeInteger(version) && typeof tables === "string";

/** Returns whether the store's tables exist. This function creates no tables. */
export const isMigrated = async (database: Database, schema: string): Promise<boolean> =>
  (await database.lend((connection) => stateOf(database.dialect, connection.read, schema))).tables.includes(ledger);

const missing = (applied: readonly Applied[], registered: readonly Registered[]) =>
  registered.flatMap(({ plugin, migrations }) =>
    migrations
      .filter(({ version }) => !applied.some((known) => known.plugin === plugin && known.version === version))
      .map((migration) => ({ plugin, migration })),
  );

/** Refuses a database with tables of another program. @throws {BootError} */
const assertOurs = (
  { tables, applied }: State,
  registered: readonly Registered[],
  { url, schema }: { readonly url: string; readonly schema: string },
): void => {
  const ours = new Set([ledger, ...applied.flatMap((each) => each.tables.split(" "))]);
  const foreign = tables.filter((name) => !ours.has(name));
  if (foreign.length > 0) {
    const where = url.startsWith("file:") ? url : `The schema ${schema}`;
    throw new BootError([
      {
        place: "store()",
        plugin: "store",
        cause: `${where} contains tables that do not belong to Quater: ${foreign.slice(0, 5).join(", ")}${foreign.length > 5 ? " ..." : ""}`,
        remedy: "Give store() a file or schema that the application does not use",
      },
    ]);
  }
  for (const { plugin, migrations } of registered) {
    const newest = Math.max(0, ...migrations.map(({ version }) => version));
    const found = Math.max(0, ...applied.filter((each) => each.plugin === plugin).map(({ version }) => version));
    if (found > newest) {
      throw new BootError([
        {
          place: "store()",
          plugin,
          cause: `The tables of ${plugin} have version ${found}, but this version of Quater knows only ${newest}`,
          remedy: "Use the version of Quater that created these tables, or restore a backup from before the upgrade",
        },
      ]);
    }
  }
};

/**
 * Returns the boot error for a damaged row that may record a missing migration. If Quater applied this migration again, the
 * migration could fail or destroy data.
 */
const damagedLedger = (count: number, { plugin, migration }: ReturnType<typeof missing>[number]): BootError =>
  new BootError([
    {
      place: "store()",
      plugin: "store",
      cause: `${count} rows of ${ledger} are damaged, and the row for version ${migration.version} of ${plugin} is missing`,
      remedy: `Correct or delete these rows of ${ledger}, then start the server again`,
    },
  ]);

/** The statements that insert a row and delete this row again, to test whether the database accepts writes. */
export const touchOf = (name: string): readonly Statement[] => [
  plain(`insert into ${ledger} (plugin, version, tables, at) values ('${name}', 0, '', 0)`),
  plain(`delete from ${ledger} where plugin = '${name}'`),
];

const plain = (sql: string): Statement => ({ sql, parameters: [] });
