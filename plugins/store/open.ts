// The open store, which offers transactions, reads and the store's clock, for SQLite and PostgreSQL. If the store is fenced, this
// file refuses all work.

import { QuaterError } from "../../core/index.ts";
import { isServing, type RunMode } from "../../core/model/run-mode.ts";
import { BootError } from "../../core/plugin-api.ts";
import type { Connection, Database, Statement } from "./connection.ts";
import { isStoreFailure } from "./failure.ts";
import { migrate, type Registered } from "./migrate.ts";
import { patientAnswerMs } from "./postgres-settings.ts";
import { builderFor, statementOf } from "./queries.ts";
import type { OpenStore, Query, Transaction } from "./service.ts";

export interface Place {
  readonly url: string;
  /** The absolute path of the SQLite file. `undefined` on PostgreSQL. */
  readonly path: string | undefined;
  readonly schema: string;
  readonly mayLoseCommits: boolean;
}

export interface Opening {
  readonly place: Place;
  readonly mode: RunMode;
  /** Whether SQLite runs in a thread, so that callers of the store continue to work while the database reads. */
  readonly inThread?: boolean;
  readonly registered: readonly Registered[];
  /** The store calls this function with every failure, before the caller of the store gets the failure. */
  readonly onFailure: (error: unknown) => void;
  readonly onLost: (error: Error) => void;
  /** Throws an error if the store is fenced. */
  readonly assertOpen: () => void;
}

export const openDatabase = async ({ place, mode, inThread = false, onLost }: Opening): Promise<Database> => {
  if (place.path === undefined) {
    const { openPostgres } = await import("./postgres.ts");
    return openPostgres({ url: place.url, schema: place.schema, onLost });
  }
  // The event loop of a server must not wait for the disk. A command that runs once may wait.
  if (!isServing(mode) && !inThread) return (await import("./in-process.ts")).openInProcess(place.path);
  return (await import("./threaded.ts")).openThreaded(place.path);
};

/** Checks, migrates and opens the store. @throws {BootError | StoreFailure} */
export const openStore = async (database: Database, opening: Opening): Promise<OpenStore> => {
  const { place, registered, onFailure, assertOpen } = opening;
  if (database.dialect === "postgres") await assertSettings(database, place);
  const builder = await builderFor(database.dialect);
  await migrate(database, builder, registered, place);
  const { build, clock, sql } = builder;
  const commit: Statement = { sql: "commit", parameters: [] };
  const lend = async <Answer>(use: (connection: Connection) => Promise<Answer>): Promise<Answer> => {
    assertOpen();
    try {
      return await database.lend(use);
    } catch (error) {
      if (isStoreFailure(error)) onFailure(error);
      throw error;
    }
  };
  const read = async <Row>(query: Query) =>
    lend(async (connection) => (await connection.read(statementOf(query))).rows as readonly Row[]);
  const reading = { dialect: database.dialect, queries: () => build as never, clock, sql, read };
  return {
    ...reading,
    now: async () => (await read<{ now: number }>(build.selectNoFrom(clock.as("now"))))[0]?.now ?? Number.NaN,
    apply: (queries) => lend((connection) => connection.whole(queries.map(statementOf))),
    transaction: (work) => within(({ begin }) => begin, work),
    snapshot: (work) =>
      within(
        ({ beginReading }) => beginReading,
        (transaction) => work({ ...reading, read: (query) => transaction.rows(query) }),
        patientAnswerMs,
      ),
  };

  function within<Answer>(
    begin: (connection: Connection) => Statement,
    work: (transaction: Transaction) => Promise<Answer>,
    answerMs?: number,
  ): Promise<Answer> {
    return lend(async (connection) => {
      const waiting = [begin(connection)];
      let isCommitted = false;
      // The store sends the first statements of the transaction together with `begin`.
      const run = (statements: readonly Statement[]) => {
        const before = waiting.splice(0);
        return connection.run([...before, ...statements], answerMs).then((results) => results.slice(before.length));
      };
      const transaction: Transaction = {
        run: (...queries) => run(queries.map(statementOf)),
        runLast: async (...queries) => {
          const results = await run([...queries.map(statementOf), commit]);
          isCommitted = true;
          return results.slice(0, -1);
        },
        rows: async (query) => ((await run([statementOf(query)]))[0]?.rows ?? []) as never,
      };
      try {
        const answer = await work(transaction);
        if (!isCommitted) await run([commit]);
        return answer;
      } catch (error) {
        // Ignore the failure of the rollback, because the store reports the first failure, and SQLite may have rolled back
        // already.
        await connection.run([{ sql: "rollback", parameters: [] }]).catch(() => undefined);
        throw error;
      }
    });
  }
};

/** Checks the settings of the PostgreSQL server. @throws {BootError | StoreFailure} */
const assertSettings = async (database: Database, { mayLoseCommits }: Place): Promise<void> => {
  const { settingsProblem } = await import("./postgres-settings.ts");
  const problem = await database.lend((connection) => settingsProblem(connection, mayLoseCommits));
  if (problem !== undefined) throw new BootError([{ place: "store()", plugin: "store", ...problem }]);
};

export const fenced = (): QuaterError =>
  new QuaterError({
    code: "audit_unavailable",
    kind: "unavailable",
    message: "The server cannot record calls right now, so it accepts no calls. Repeat the call later",
    hint: "The store stopped after an I/O error or damage. Read the log, check the disk, and run `quater audit verify`",
    retryAfterSeconds: 5,
  });
