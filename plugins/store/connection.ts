// The interface of a database for the store: it takes statements and returns rows and counts, without blocking the event loop. SQLite in
// this process, SQLite in a thread and PostgreSQL implement it.

export type Dialect = "sqlite" | "postgres";

export type Value = string | number | bigint | boolean | null;

export interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
  /** How many rows must change. Another number fails with the kind `mismatch`. */
  readonly expects?: number;
  /** SQLite: it returns numbers and blobs alone, and no text that would have to be checked. */
  readonly isTextless?: boolean;
}

export interface Result {
  /** SQLite: a text that is not UTF-8 or has a NUL, and a blob, are a `Uint8Array`. */
  readonly rows: readonly unknown[];
  /** Rows inserted, updated or deleted. */
  readonly changes: number;
}

export const nothing: Result = { rows: [], changes: 0 };

/** A connection that one piece of work holds at a time. */
export interface Connection {
  /** Begins a transaction for writing. On PostgreSQL, what is run without it may run in another session. */
  readonly begin: Statement;
  /** Begins a transaction that only reads, all of it as the database is at its first statement. It may take a minute. */
  readonly beginReading: Statement;
  /**
   * Runs statements one after the other, up to the first failure.
   *
   * @param answerMs  How long the database may take for each of them. Default: less than a call waits for its record.
   * @throws {StoreFailure}
   */
  run(statements: readonly Statement[], answerMs?: number): Promise<readonly Result[]>;
  /** One statement that only reads, outside of a transaction. @throws {StoreFailure} */
  read(statement: Statement): Promise<Result>;
  /** The same in a transaction of its own: all of them or none. One round trip where the database allows it. */
  whole(statements: readonly Statement[]): Promise<readonly Result[]>;
}

export interface Database {
  readonly dialect: Dialect;
  /** Lends a connection that nobody else uses meanwhile. */
  lend<Answer>(use: (connection: Connection) => Promise<Answer>): Promise<Answer>;
  /** @throws {StoreFailure} `broken` when this is not the database any more that was opened: it was replaced or deleted. */
  assertSame(): Promise<void>;
  close(): Promise<void>;
}
