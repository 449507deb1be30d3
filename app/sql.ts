// The interface through which the shop's resources use the database.

export type Bind = string | number | boolean | null | undefined;

/** All functions are synchronous, because a statement takes microseconds. So no other call can run between two statements. */
export interface Database {
  /** Returns the rows of a query, or the rows of a `returning` clause. */
  readonly all: <Row>(sql: string, binds?: readonly Bind[]) => Row[];
  /** @returns The number of changed rows. */
  readonly run: (sql: string, binds?: readonly Bind[]) => number;
  /**
   * Runs `work` in one transaction that has the write lock from its start, so that no other process changes the rows that `work`
   * reads. A deferred transaction would fail with SQLITE_BUSY_SNAPSHOT if another process wrote in between.
   *
   * @param work  A synchronous function. The work of an asynchronous function would be committed before it has ended.
   * @throws {QuaterError} `unavailable` when another process has the lock for too long. Then no row was changed.
   */
  readonly inTransaction: <Value>(work: () => Value) => Value;
  readonly close: () => void;
}
