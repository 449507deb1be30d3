// The interface through which the shop's resources use the database.

export type Bind = string | number | boolean | null | undefined;

/**
 * All functions of this interface are synchronous, because a SQL statement takes microseconds. So no other call can run between
 * two statements.
 */
export interface Database {
  /** Returns the rows of a SQL query, or the rows of a `returning` clause. */
  readonly all: <Row>(sql: string, binds?: readonly Bind[]) => Row[];
  /** @returns The number of rows that the SQL statement changed. */
  readonly run: (sql: string, binds?: readonly Bind[]) => number;
  /**
   * Runs `work` in one transaction. The transaction has the write lock from its start, so that no other process changes the rows
   * that `work` reads. A deferred transaction would fail with SQLITE_BUSY_SNAPSHOT if another process wrote between a read and a
   * write of `work`.
   *
   * @param work  A synchronous function. If `work` were asynchronous, the database would commit the transaction before `work` has
   *   ended.
   * @throws {QuaterError} `unavailable` when another process has the write lock for too long. In this case `work` has changed no
   *   row.
   */
  readonly inTransaction: <Value>(work: () => Value) => Value;
  readonly close: () => void;
}
