// The interface of a database for the store: a connection runs statements and returns rows and counts. SQLite in the main thread,
// SQLite in a thread, and PostgreSQL implement this interface.

export type Dialect = "sqlite" | "postgres";

export type Value = string | number | bigint | boolean | null;

export interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
  /**
   * How many rows the statement must change. If the statement changes another number of rows, it fails with the kind `mismatch`.
   */
  readonly expects?: number;
  /** For SQLite: the statement returns only numbers and blobs, so no text must be checked. */
  readonly isTextless?: boolean;
}

export interface Result {
  /** The rows. On SQLite, a text that is not UTF-8 or has a NUL, and a blob, are a `Uint8Array`. */
  readonly rows: readonly unknown[];
  /** How many rows were inserted, updated or deleted. */
  readonly changes: number;
}

export const nothing: Result = { rows: [], changes: 0 };

/** A connection that only one caller uses at a time. */
export interface Connection {
  /** The statement that begins a transaction for writing. On PostgreSQL, statements without it may run in another session. */
  readonly begin: Statement;
  /**
   * The statement that begins a transaction for reading. The transaction sees the database as of its first statement, and may
   * take a minute.
   */
  readonly beginReading: Statement;
  /**
   * Runs statements one after the other, up to the first failure.
   *
   * @param answerMs  How long the database may take for each statement. Default: less than a call waits for its record.
   * @throws {StoreFailure}
   */
  run(statements: readonly Statement[], answerMs?: number): Promise<readonly Result[]>;
  /** Runs one statement that only reads, outside of a transaction. @throws {StoreFailure} */
  read(statement: Statement): Promise<Result>;
  /** Runs statements in one transaction. If the database allows it, one round trip is enough. */
  whole(statements: readonly Statement[]): Promise<readonly Result[]>;
}

export interface Database {
  readonly dialect: Dialect;
  /** Gives `use` a connection that no other work uses at the same time. */
  lend<Answer>(use: (connection: Connection) => Promise<Answer>): Promise<Answer>;
  /**
   * Checks that this is still the database that was opened. @throws {StoreFailure} `broken` when the database was replaced or
   * deleted.
   */
  assertSame(): Promise<void>;
  close(): Promise<void>;
}
