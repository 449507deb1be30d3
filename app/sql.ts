// The shop's database as its handlers see it.

export type Bind = string | number | boolean | null | undefined;

/** Everything is synchronous: statements take microseconds, and nothing can come between two of them. */
export interface Database {
  /** The rows of a query, or of what `returning` gives. */
  readonly all: <Row>(sql: string, binds?: readonly Bind[]) => Row[];
  /** @returns How many rows were changed. */
  readonly run: (sql: string, binds?: readonly Bind[]) => number;
  /**
   * Runs `work` in one transaction that holds the write lock from its start, so that what it reads stays true until it
   * has written. A deferred one fails with SQLITE_BUSY_SNAPSHOT when another process writes in between.
   *
   * @param work  Synchronous: a promise would be committed before it is done.
   * @throws {QuaterError} `unavailable` when another process holds the lock for too long; nothing has happened then.
   */
  readonly inTransaction: <Value>(work: () => Value) => Value;
  readonly close: () => void;
}
