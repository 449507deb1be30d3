// PostgreSQL through pg: for several instances that share one store.

import type { Pool, PoolClient } from "pg";
import type { Connection, Database, Result, Statement } from "./connection.ts";
import { mismatch, postgresFailure, StoreFailure } from "./failure.ts";

/**
 * Milliseconds. A call waits two seconds for its record, so everything under it gives up earlier; a holder of the
 * trail's head that stands still (a paused machine) is thrown out before the others have given up for good.
 */
const limits = { connectMs: 1_000, statementMs: 1_500, answerMs: 1_800, idleInTransactionMs: 1_500 } as const;
const connections = 4;
const int8 = 20;

export interface PostgresOptions {
  readonly url: string;
  /** The schema that holds the store's tables; made when absent. */
  readonly schema: string;
  /** Told of connections that broke while nobody used them. */
  readonly onLost: (error: Error) => void;
}

export const openPostgres = async ({ url, schema, onLost }: PostgresOptions): Promise<Database> => {
  const { default: pg } = await import("pg");
  const pool: Pool = new pg.Pool({
    connectionString: url,
    max: connections,
    connectionTimeoutMillis: limits.connectMs,
    statement_timeout: limits.statementMs,
    lock_timeout: limits.statementMs,
    query_timeout: limits.answerMs,
    idle_in_transaction_session_timeout: limits.idleInTransactionMs,
    keepAlive: true,
    allowExitOnIdle: true,
    application_name: "quater",
    // A commit that the server has not flushed is no commit, whatever its configuration says.
    options: `-c search_path=${schema} -c synchronous_commit=on`,
    // int8 would come as text; sequence numbers and milliseconds fit a double.
    types: {
      getTypeParser: ((oid: number, format?: "text" | "binary") =>
        oid === int8 ? Number : pg.types.getTypeParser(oid, format as "text")) as typeof pg.types.getTypeParser,
    },
    ...({ pipeline: true } as object), // newer than its types
  });
  pool.on("error", onLost);
  // A connection that breaks while it is lent tells its queries; without a listener it would end the process as well.
  pool.on("connect", (client) => client.on("error", () => undefined));
  return {
    dialect: "postgres",
    lend: async (use) => {
      const client = await pool.connect().catch((error: unknown) => {
        throw postgresFailure(error);
      });
      let failure: unknown;
      try {
        return await use(connectionOn(client));
      } catch (error) {
        failure = error;
        throw error;
      } finally {
        // One that broke, or stands in a transaction that could not be ended, is not for the next.
        const isSpoilt = failure instanceof StoreFailure && failure.kind !== "conflict" && failure.kind !== "mismatch";
        client.release(isSpoilt);
      }
    },
    close: () => pool.end(),
  };
};

const connectionOn = (client: PoolClient): Connection => {
  const send = async ({ sql, parameters }: Statement): Promise<Result> => {
    const { rows, rowCount, command } = await client.query({ text: sql, values: [...parameters] });
    return { rows: rows as unknown[], changes: command === "SELECT" ? 0 : (rowCount ?? 0) };
  };
  const run = async (statements: readonly Statement[]): Promise<readonly Result[]> => {
    try {
      // All on the wire at once: after a failure PostgreSQL refuses the rest of the transaction by itself.
      if (!statements.some(({ expects }) => expects !== undefined)) return await allSent(statements.map(send));
      const results: Result[] = [];
      for (const statement of statements) {
        const result = await send(statement);
        const { expects } = statement;
        if (expects !== undefined && expects !== result.changes) throw mismatch(expects, result.changes);
        results.push(result);
      }
      return results;
    } catch (error) {
      throw postgresFailure(error);
    }
  };
  return {
    run,
    whole: async (statements) => {
      await run([begin]);
      try {
        const results = await run(statements);
        await run([commit]);
        return results;
      } catch (error) {
        await run([rollback]).catch(() => undefined); // the connection is thrown away when even that fails
        throw error;
      }
    },
  };
};

const begin: Statement = { sql: "begin", parameters: [] };
const commit: Statement = { sql: "commit", parameters: [] };
const rollback: Statement = { sql: "rollback", parameters: [] };

/** The first failure, once all are settled: what follows it fails as well, and says less. */
const allSent = async (sent: readonly Promise<Result>[]): Promise<readonly Result[]> => {
  const settled = await Promise.allSettled(sent);
  return settled.map((each) => {
    if (each.status === "rejected") throw each.reason;
    return each.value;
  });
};

/** What a server must not have switched off: with it, a power cut loses or tears what was committed. */
export const durabilityProblem = async (database: Database): Promise<string | undefined> => {
  const settings = await database.lend((connection) =>
    connection.run([
      {
        sql: "select name, setting from pg_settings where name in ('fsync', 'full_page_writes')",
        parameters: [],
      },
    ]),
  );
  const off = (settings[0]?.rows ?? []).find((row) => (row as { setting: string }).setting === "off") as
    | { name: string }
    | undefined;
  return off?.name;
};
