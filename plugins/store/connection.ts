// The interface of a database for the store. A connection runs SQL statements and returns rows and counts. SQLite in the main
// thread, SQLite in a thread, and PostgreSQL implement this interface.

export type Dialect = "sqlite" | "postgres";

export type Value = string | number | bigint | boolean | null;

export interface Statement {
  readonly sql: string;
  readonly parameters: readonly unknown[];
  /**
   * How many rows the SQL statement must change. If the SQL statement changes another number of rows, the SQL statement fails
   * with the kind `mismatch`.
   */
  readonly expects?: number;
  /** Whether, on SQLite, the SQL statement returns only numbers and blobs, so that the store need not check texts. */
  readonly isTextless?: boolean;
}

export interface Result {
  /**
   * The rows that the SQL statement returns. On SQLite, a text that is not UTF-8 or has a NUL, and a blob, are a `Uint8Array`.
   */
  readonly rows: readonly unknown[];
  /** How many rows the SQL statement has inserted, updated or deleted. */
  readonly changes: number;
}

export const nothing: Result = { rows: [], changes: 0 };

/** A connection to the database that only one caller uses at a time. */
export interface Connection {
  /**
   * The statement that begins a transaction for writing. On PostgreSQL, statements outside of such a transaction may run in
   * another session.
   */
  readonly begin: Statement;
  /**
   * The statement that begins a transaction for reading. The transaction reads the database as the database was at the first
   * statement of the transaction. The transaction may take a minute.
   */
  readonly beginReading: Statement;
  /**
   * Runs SQL statements one after the other, up to the first failure.
   *
   * @param answerMs  How long the database may take for each statement, milliseconds. Default: less time than a call waits until
   *   the trail contains its event.
   * @throws {StoreFailure}
   */
  run(statements: readonly Statement[], answerMs?: number): Promise<readonly Result[]>;
  /** Runs one SQL statement that only reads, outside of a transaction. @throws {StoreFailure} */
  read(statement: Statement): Promise<Result>;
  /**
   * Runs SQL statements in one transaction. If the database allows one round trip for all statements, one round trip is enough.
   */
  whole(statements: readonly Statement[]): Promise<readonly Result[]>;
}

export interface Database {
  readonly dialect: Dialect;
  /** Gives `use` a connection to the database that no other work uses at the same time. */
  lend<Answer>(use: (connection: Connection) => Promise<Answer>): Promise<Answer>;
  /**
   * Checks that the path or URL still leads to the database that this process opened.
   * @throws {StoreFailure} `broken` when another database replaced the opened database, or when the opened database was deleted.
   */
  assertSame(): Promise<void>;
  close(): Promise<void>;
}
