// A real PgBouncer in transaction mode in front of a test's PostgreSQL: many clients share few server connections, and settings
// of a session do not survive. If PgBouncer is not installed, the reason is printed. With QUATER_TEST_REQUIRE_ALL=1, a missing
// PgBouncer is a failure.

import { type ChildProcess, execFileSync, spawn } from "node:child_process";
import { chmodSync, mkdtempSync, rmSync, writeFileSync } from "node:fs";
import { connect } from "node:net";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { setTimeout as pause } from "node:timers/promises";
import { freePort } from "./postgres.ts";

export interface TestPgbouncer {
  /** The same database and user, reached through the pooler. */
  readonly through: (url: string) => string;
  readonly stop: () => Promise<void>;
  readonly start: () => Promise<void>;
  readonly close: () => Promise<void>;
}

export interface PgbouncerOptions {
  /** Default "transaction". */
  readonly mode?: "transaction" | "session" | "statement";
  /** Server connections per database. Default 5: fewer than the clients of two instances. */
  readonly poolSize?: number;
  /** More lines for the section `[pgbouncer]`. */
  readonly lines?: readonly string[];
}

/**
 * @param url  Of a database on the server; its user and password are those of every test.
 * @returns A reason if there is no PgBouncer.
 */
export const testPgbouncer = async (url: string, options: PgbouncerOptions = {}): Promise<TestPgbouncer | string> => {
  try {
    execFileSync("pgbouncer", ["--version"], { stdio: "ignore" });
  } catch (error) {
    const reason = `no PgBouncer: ${error instanceof Error ? error.message : String(error)}`;
    if (process.env["QUATER_TEST_REQUIRE_ALL"] === "1") throw new Error(reason);
    process.stderr.write(`Skipped, ${reason}\n`);
    return reason;
  }
  return started(new URL(url), options);
};

const started = async (server: URL, options: PgbouncerOptions): Promise<TestPgbouncer> => {
  const { mode = "transaction", poolSize = 5, lines = [] } = options;
  const folder = mkdtempSync(join(tmpdir(), "quater-pgbouncer-"));
  chmodSync(folder, 0o755); // as root, the pooler runs as another user
  const port = await freePort();
  const users = join(folder, "users.txt");
  const config = join(folder, "pgbouncer.ini");
  writeFileSync(users, `"${decodeURIComponent(server.username)}" "${decodeURIComponent(server.password)}"\n`);
  const settings = [
    "[databases]",
    `* = host=${server.hostname} port=${server.port === "" ? 5432 : server.port}`,
    "[pgbouncer]",
    "listen_addr = 127.0.0.1",
    `listen_port = ${port}`,
    "unix_socket_dir =",
    "auth_type = scram-sha-256",
    `auth_file = ${users}`,
    `pool_mode = ${mode}`,
    `default_pool_size = ${poolSize}`,
    "max_client_conn = 1000",
    // Each transaction on another server connection than the one before: what relies on a session breaks at once.
    "server_round_robin = 1",
    "server_login_retry = 1",
    ...lines,
  ];
  writeFileSync(config, `${settings.join("\n")}\n`);
  let child: ChildProcess | undefined;
  const start = async (): Promise<void> => {
    child = spawn("pgbouncer", [config], { stdio: ["ignore", "ignore", "pipe"], ...unprivileged() });
    let said = "";
    child.stderr?.on("data", (part: Buffer) => {
      said = (said + part.toString()).slice(-2_000);
    });
    while (!(await answers(port))) {
      if (child.exitCode !== null) throw new Error(`pgbouncer ended with ${child.exitCode}: ${said}`);
      await pause(20);
    }
  };
  const stop = async (): Promise<void> => {
    const ending = child;
    child = undefined;
    if (ending === undefined || ending.exitCode !== null) return;
    const ended = new Promise((resolve) => ending.once("exit", resolve));
    ending.kill("SIGTERM"); // closes all connections at once
    await ended;
  };
  await start();
  return {
    through: (url) => Object.assign(new URL(url), { hostname: "127.0.0.1", port: String(port) }).href,
    start,
    stop,
    close: async () => {
      await stop();
      rmSync(folder, { recursive: true, force: true });
    },
  };
};

/** PgBouncer refuses to run as root. */
const unprivileged = (): { uid?: number; gid?: number } => {
  if (process.getuid?.() !== 0) return {};
  const idOf = (flag: string) => Number(execFileSync("id", [flag, "nobody"], { encoding: "utf8" }));
  return { uid: idOf("-u"), gid: idOf("-g") };
};

const answers = (port: number): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(port, "127.0.0.1");
    socket.once("connect", () => resolve(true)).once("error", () => resolve(false));
    socket.once("connect", () => socket.destroy());
  });
