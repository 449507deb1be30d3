// Connects to PostgreSQL with the library pg, for several instances that share one store.

import type { ClientBase, Pool, PoolClient } from "pg";
import { type Connection, type Database, nothing, type Result, type Statement } from "./connection.ts";
import { mismatch, postgresFailure, StoreFailure } from "./failure.ts";
import { ledger } from "./migrate.ts";
import { beginOf, beginReadingOf, limits, type Scope, settleSession } from "./postgres-settings.ts";

const connections = 4;
const int8 = 20;

export interface PostgresOptions {
  readonly url: string;
  /** The name of the schema with the store's tables. If this schema is missing, the store creates this schema. */
  readonly schema: string;
  /** The pool calls this function when a connection broke while no caller used the connection. */
  readonly onLost: (error: Error) => void;
}

export const openPostgres = async ({ url, schema, onLost }: PostgresOptions): Promise<Database> => {
  const { default: pg } = await import("pg");
  const begins: Record<Scope, Begins> = { session: beginsOf("session", schema), transaction: beginsOf("transaction", schema) };
  const scopes = new WeakMap<ClientBase, Scope>();
  const pool: Pool = new pg.Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: limits.connectMs,
    query_timeout: limits.answerMs,
    keepAlive: true,
    allowExitOnIdle: true,
    // The application name is the only setting that pg sends when pg opens a connection, because poolers refuse most other
    // settings.
    application_name: "quater",
    onConnect: async (client: ClientBase) => void scopes.set(client, await settleSession(client, schema)),
    // Read int8 as a number instead of text, because event numbers and milliseconds are exact in a double.
    types: {
      getTypeParser: ((oid: number, format?: "text" | "binary") =>
        oid === int8 ? Number : pg.types.getTypeParser(oid, format as "text")) as typeof pg.types.getTypeParser,
    },
    ...({ pipeline: true } as object), // The type definitions of pg do not have this option of pg yet.
  });
  pool.on("error", onLost);
  // When a connection breaks during a query, the query fails. Without this listener, the broken connection would also end the
  // process.
  pool.on("connect", (client) => client.on("error", () => undefined));
  const lend: Database["lend"] = async (use) => {
    const client = await pool.connect().catch((error: unknown) => {
      throw postgresFailure(error);
    });
    let failure: unknown;
    try {
      return await use(connectionOn(client, scopes.get(client) ?? "transaction", begins));
    } catch (error) {
      failure = error;
      throw error;
    } finally {
      // Close a connection that is broken, or whose transaction the store could not end.
      const isSpoilt = failure instanceof StoreFailure && failure.kind !== "conflict" && failure.kind !== "mismatch";
      client.release(isSpoilt);
    }
  };
  let identity: string | undefined;
  return {
    dialect: "postgres",
    lend,
    assertSame: async () => {
      const { rows } = await lend((connection) => connection.read(identityOf(schema)));
      const [found] = rows as readonly { readonly database: number; readonly held: number | null }[];
      if (identity === undefined && found?.held === null) return; // The schema of the store does not exist yet.
      const now = `${found?.database} ${found?.held}`;
      identity ??= now;
      if (identity === now) return;
      const what = found?.held === null ? "deleted" : "replaced";
      throw new StoreFailure(
        "broken",
        "STORE_MOVED",
        `The PostgreSQL schema ${schema} was ${what} while the store used the schema`,
      );
    },
    close: () => pool.end(),
  };
};

/**
 * Reads the object ids of the database and of the schema. A database that an operator deleted and created again has other ids.
 */
const identityOf = (schema: string): Statement => ({
  sql: `select cast(oid as bigint) as database, (select cast(oid as bigint) from pg_namespace where nspname = $1
    and to_regclass($2) is not null) as held from pg_database where datname = current_database()`,
  parameters: [schema, `${schema}.${ledger}`],
});

type Begins = Pick<Connection, "begin" | "beginReading">;

const beginsOf = (scope: Scope, schema: string): Begins => ({
  begin: beginOf(scope, schema),
  beginReading: beginReadingOf(scope, schema),
});

const connectionOn = (client: PoolClient, scope: Scope, begins: Readonly<Record<Scope, Begins>>): Connection => {
  const { begin, beginReading } = begins[scope];
  const send = async ({ sql, parameters }: Statement, answerMs: number | undefined): Promise<Result> => {
    const waits = answerMs === undefined ? {} : { query_timeout: answerMs };
    const answer = await client.query({ text: sql, values: [...parameters], ...waits });
    const { rows, rowCount, command } = (Array.isArray(answer) ? answer.at(-1) : answer) as typeof answer;
    return { rows: rows as unknown[], changes: command === "SELECT" ? 0 : (rowCount ?? 0) };
  };
  const run = async (statements: readonly Statement[], answerMs?: number): Promise<readonly Result[]> => {
    try {
      // Send all SQL statements together, because after a failure PostgreSQL refuses the following statements.
      if (!statements.some(isCounted)) return await allSent(statements.map((statement) => send(statement, answerMs)));
      const results: Result[] = [];
      for (const statement of statements) {
        const result = await send(statement, answerMs);
        const { expects } = statement;
        if (expects !== undefined && expects !== result.changes) throw mismatch(expects, result.changes);
        results.push(result);
      }
      return results;
    } catch (error) {
      throw postgresFailure(error);
    }
  };
  const whole = async (statements: readonly Statement[]): Promise<readonly Result[]> => {
    try {
      // If no statement expects a number of changed rows, one round trip is enough, because PostgreSQL rolls back if the commit
      // follows a failure.
      if (!statements.some(isCounted)) return (await run([begin, ...statements, commit])).slice(1, -1);
      await run([begin]);
      const results = await run(statements);
      await run([commit]);
      return results;
    } catch (error) {
      await run([rollback]).catch(() => undefined); // If the rollback fails, the store closes the connection.
      throw error;
    }
  };
  return {
    begin,
    beginReading,
    run,
    whole,
    read: async (statement) => (await (scope === "session" ? run : whole)([statement]))[0] ?? nothing,
  };
};

const isCounted = ({ expects }: Statement): boolean => expects !== undefined;

const commit: Statement = { sql: "commit", parameters: [] };
const rollback: Statement = { sql: "rollback", parameters: [] };

/**
 * Waits for the results of all sent statements, and throws the first failure, because the first failure causes the later
 * failures.
 */
const allSent = async (sent: readonly Promise<Result>[]): Promise<readonly Result[]> => {
  const settled = await Promise.allSettled(sent);
  return settled.map((each) => {
    if (each.status === "rejected") throw each.reason;
    return each.value;
  });
};
