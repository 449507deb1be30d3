// Runs SQLite in the main thread of the process. A command that runs once uses SQLite in the main thread, because starting a
// thread would take longer than waiting for the disk.

import { type Connection, type Database, nothing, type Statement } from "./connection.ts";
import { openSqlite } from "./sqlite.ts";

/**
 * Begins a transaction that has the write lock from its start. A transaction that reads before it has the write lock could fail,
 * because another transaction may have written in between.
 */
export const beginImmediate: Statement = { sql: "BEGIN IMMEDIATE", parameters: [] };

/**
 * Begins a transaction for reading. In WAL mode, the transaction reads the database as the database was at the first statement of
 * the transaction. Other processes can write during the transaction.
 */
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

/**
 * Makes a queue that runs one piece of work after the other. SQLite has one writer, and no work may run inside the transaction of
 * other work.
 */
export const queue = (): (<Answer>(work: () => Promise<Answer>) => Promise<Answer>) => {
  let last: Promise<unknown> = Promise.resolve();
  return (work) => {
    const next = last.then(work, work);
    last = next.catch(() => undefined);
    return next;
  };
};
