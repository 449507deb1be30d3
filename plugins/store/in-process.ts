// SQLite in this process: for commands that run once and end, where starting a thread would cost more than waiting.

import { type Connection, type Database, nothing, type Statement } from "./connection.ts";
import { openSqlite } from "./sqlite.ts";

/** Takes the write lock at once: a transaction that first reads could find that another one has written since. */
export const beginImmediate: Statement = { sql: "BEGIN IMMEDIATE", parameters: [] };

/** In WAL mode it reads as of its first statement, and keeps no other process from writing. */
export const beginDeferred: Statement = { sql: "BEGIN DEFERRED", parameters: [] };

export const openInProcess = (path: string): Database => {
  const file = openSqlite(path);
  const connection: Connection = {
    begin: beginImmediate,
    beginReading: beginDeferred,
    run: async (statements) => file.run(statements),
    read: async (statement) => file.run([statement])[0] ?? nothing,
    whole: async (statements) => file.whole(statements),
  };
  const inTurn = queue();
  return {
    dialect: "sqlite",
    lend: (use) => inTurn(() => use(connection)),
    assertSame: async () => file.assertSame(),
    close: () => inTurn(async () => file.close()),
  };
};

/** One piece of work after the other: SQLite has one writer, and a transaction must not meet the reads of another. */
export const queue = (): (<Answer>(work: () => Promise<Answer>) => Promise<Answer>) => {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work, work);
    last = next.catch(() => undefined);
    return next;
  };
};
