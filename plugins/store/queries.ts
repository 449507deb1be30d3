// Kysely as a builder of SQL queries for both databases. The query builder gets no connection, so the queries run only through
// the store.

import type { Kysely, RawBuilder, Sql } from "kysely";
import type { Dialect, Statement } from "./connection.ts";
import type { Query } from "./service.ts";

export interface Builder {
  readonly build: Kysely<Record<string, never>>;
  readonly clock: RawBuilder<number>;
  readonly sql: Sql;
}

/** Returns the query builder. Only this function imports Kysely, because loading Kysely takes longer than most commands. */
export const builderFor = async (dialect: Dialect): Promise<Builder> => {
  const kysely = await import("./kysely.ts");
  const isSqlite = dialect === "sqlite";
  return {
    build: new kysely.Kysely({
      dialect: {
        createAdapter: () => (isSqlite ? new kysely.SqliteAdapter() : new kysely.PostgresAdapter()),
        createDriver: () => new kysely.DummyDriver(),
        createQueryCompiler: () => (isSqlite ? new kysely.SqliteQueryCompiler() : new kysely.PostgresQueryCompiler()),
        createIntrospector: (db) => (isSqlite ? new kysely.SqliteIntrospector(db) : new kysely.PostgresIntrospector(db)),
      },
    }),
    sql: kysely.sql,
    clock: isSqlite
      ? kysely.sql<number>`cast(unixepoch('now', 'subsec') * 1000 as integer)`
      : kysely.sql<number>`cast(extract(epoch from clock_timestamp()) * 1000 as bigint)`,
  };
};

export const statementOf = (query: Query): Statement => {
  if (!("compile" in query)) return query;
  const { sql, parameters } = query.compile();
  return { sql, parameters };
};
