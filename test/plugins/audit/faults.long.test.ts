// Temporary faults: calls that need a record get 503 while the fault lasts, nothing is fenced, and service returns by
// itself. Only damage fences an instance.

import { execFileSync, spawn } from "node:child_process";
import { statSync } from "node:fs";
import { join } from "node:path";
import { createInterface } from "node:readline";
import pg from "pg";
import { auditRef } from "quater/audit";
import { storeRef } from "quater/store";
import { principal, type TestApp } from "quater/testing";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import { kernelOf } from "../../../core/testing/kernel-of.ts";
import { type FailureKind, postgresFailure, sqliteFailure } from "../../../plugins/store/failure.ts";
import { isStoreFailure } from "../../../plugins/store/service.ts";
import { openSqlite } from "../../../plugins/store/sqlite.ts";
import { type TestPgbouncer, testPgbouncer } from "../store/pgbouncer.ts";
import { type TestPostgres, testPostgres } from "../store/postgres.ts";
import { bootWithTrail, change, look, tempFolder } from "./kit.ts";
import { builtChild } from "./load.ts";

let postgres: TestPostgres | string;
let pooler: TestPgbouncer | string;
beforeAll(async () => {
  postgres = await testPostgres();
  pooler = typeof postgres === "string" ? postgres : await testPgbouncer(await postgres.freshUrl());
});
afterAll(async () => {
  if (typeof pooler !== "string") await pooler.close();
  if (typeof postgres !== "string") await postgres.close();
});

const until = async (holds: () => Promise<boolean>): Promise<void> => {
  const end = Date.now() + 30_000;
  while (!(await holds())) {
    if (Date.now() > end) throw new Error("It did not come to hold within 30 s");
    await new Promise((resolve) => setTimeout(resolve, 100));
  }
};

const isReady = async (app: TestApp) => (await kernelOf(app).unready()).length === 0;
const isFenced = (app: TestApp) => app.services.get(storeRef).isFenced;

/** Refused while the fault lasts, ready and served again after it. */
const expectPassing = async (app: TestApp, handled: unknown[], begin: () => Promise<void>, end: () => Promise<void>) => {
  const call = (id: string) => app.as(principal()).call("change", { id });
  expect(await call("before")).toMatchObject({ ok: true });
  await begin();
  for (let n = 0; n < 2; n++) {
    expect(await call("during")).toMatchObject({ ok: false, error: { code: "audit_unavailable", kind: "unavailable" } });
  }
  await until(async () => !(await isReady(app)));
  expect(isFenced(app)).toBe(false);
  await end();
  await until(() => isReady(app));
  expect(await call("after")).toMatchObject({ ok: true });
  expect(handled).toEqual([{ id: "before" }, { id: "after" }]);
  expect(isFenced(app)).toBe(false);
};

interface Server {
  readonly root: string;
  readonly url: string;
  readonly name: string;
  /** As the superuser, in another database. */
  readonly admin: (sql: string) => Promise<void>;
}

describe.each(["postgres", "pgbouncer"] as const)("audit() works with a store on %s", (dialect) => {
  const withTrail = (title: string, use: (app: TestApp, handled: unknown[], server: Server) => Promise<void>) =>
    test(title, async (context) => {
      if (typeof postgres === "string") return context.skip(postgres);
      if (typeof pooler === "string") return context.skip(pooler);
      using folder = tempFolder();
      const [direct, other] = [await postgres.freshUrl(), await postgres.freshUrl()];
      const handled: unknown[] = [];
      const url = dialect === "postgres" ? direct : pooler.through(direct);
      await using app = await bootWithTrail({
        root: folder.root,
        store: { url },
        handlers: { change: change((input) => handled.push(input)), look: look() },
      });
      const admin = async (sql: string) => {
        const client = new pg.Client({ connectionString: other });
        await client.connect();
        await client.query(sql).finally(() => client.end());
      };
      await use(app, handled, { root: folder.root, url, name: new URL(direct).pathname.slice(1), admin });
    });

  const dropConnections = ({ admin, name }: Server) =>
    admin(`select pg_terminate_backend(pid) from pg_stat_activity where datname = '${name}'`);

  withTrail(
    "O1: while a database is read-only calls get 503, and the instance is not fenced and serves again afterwards",
    async (app, handled, server) => {
      const set = async (value: string) => {
        await server.admin(`alter database ${server.name} set default_transaction_read_only = ${value}`);
        await dropConnections(server);
      };
      await expectPassing(
        app,
        handled,
        () => set("on"),
        () => set("off"),
      );
    },
  );

  withTrail(
    "O1: while a database refuses logins calls get 503, and the instance is not fenced and serves again afterwards",
    async (app, handled, server) => {
      await expectPassing(
        app,
        handled,
        async () => {
          await server.admin(`alter database ${server.name} allow_connections false`);
          await dropConnections(server);
        },
        () => server.admin(`alter database ${server.name} allow_connections true`),
      );
    },
  );

  const sqlAt = (connectionString: string) => async (sql: string) => {
    const client = new pg.Client({ connectionString });
    await client.connect();
    await client.query(sql).finally(() => client.end());
  };

  withTrail(
    "O1: while database permissions are missing calls get 503, the instance is not fenced, and serves again",
    async (app, handled, server) => {
      // The owner of the tables is a superuser here, who needs no permission: a trigger refuses with the same code.
      const run = sqlAt(server.url);
      await expectPassing(
        app,
        handled,
        () =>
          run(`create function quater.refuse() returns trigger language plpgsql as
          $$ begin raise exception 'permission denied' using errcode = '42501'; end $$;
          create trigger refuse before insert on quater.audit_event execute function quater.refuse()`),
        () => run("drop trigger refuse on quater.audit_event"),
      );
    },
  );

  withTrail(
    "O1: after an unknown PostgreSQL error calls get 503, and the instance is not fenced and serves again",
    async (app, handled, server) => {
      const run = sqlAt(server.url);
      await expectPassing(
        app,
        handled,
        () => run("alter table quater.audit_head rename column mac to cam"),
        () => run("alter table quater.audit_head rename column cam to mac"),
      );
    },
  );

  withTrail("O4: an instance is not ready while another database session locks the row audit_head", async (app, _, server) => {
    const holder = new pg.Client({ connectionString: server.url });
    await holder.connect();
    expect(await isReady(app)).toBe(true);
    await holder.query("begin; select * from quater.audit_head for update");
    await until(async () => !(await isReady(app)));
    await holder.query("rollback");
    await holder.end();
    await until(() => isReady(app));
    expect(isFenced(app)).toBe(false);
  });
});

test("O1: a start with an unreachable or read-only database prints the error of the database and a remedy", async (context) => {
  if (typeof postgres === "string") return context.skip(postgres);
  using folder = tempFolder();
  const url = await postgres.freshUrl();
  const name = new URL(url).pathname.slice(1);
  const boot = (at: string) => bootWithTrail({ root: folder.root, store: { url: at }, handlers: { change: change() } });
  const admin = new pg.Client({ connectionString: await postgres.freshUrl() });
  await admin.connect();
  await expect(boot("postgres://quater:quater@127.0.0.1:1/x")).rejects.toThrow(
    "PostgreSQL cannot be used for the store: connect ECONNREFUSED 127.0.0.1:1. Start PostgreSQL, or correct the host",
  );
  await admin.query(`alter database ${name} set default_transaction_read_only = on`);
  await expect(boot(url)).rejects.toThrow(/read-only transaction. Give this database user the right to log in and write/);
  await admin.query(`alter database ${name} set default_transaction_read_only = off`);
  await admin.query(`alter database ${name} allow_connections false`);
  await expect(boot(url)).rejects.toThrow(
    /not currently accepting connections. Give this database user the right to log in and write/,
  );
  await admin.query(`alter database ${name} allow_connections true`);
  await admin.end();
  await (await boot(url)).stop();
});

describe("audit() works with a store on sqlite", () => {
  const withTrail = (title: string, use: (app: TestApp, handled: unknown[], path: string) => Promise<void>) =>
    test(title, async () => {
      using folder = tempFolder();
      const handled: unknown[] = [];
      await using app = await bootWithTrail({
        root: folder.root,
        handlers: { change: change((input) => handled.push(input)), look: look() },
      });
      await use(app, handled, `${folder.root}/.quater/quater.db`);
    });

  withTrail(
    "O1 O4: while a SQLite file is locked calls get 503, and the instance is not ready, not fenced and serves again",
    async (app, handled, path) => {
      const locker = openSqlite(path);
      await expectPassing(
        app,
        handled,
        async () => void locker.run([{ sql: "BEGIN IMMEDIATE", parameters: [] }]),
        async () => {
          locker.run([{ sql: "ROLLBACK", parameters: [] }]);
          locker.close();
        },
      );
    },
  );

  withTrail(
    "O1: after an unknown SQLite error calls get 503, and the instance is not fenced and serves again",
    async (app, handled, path) => {
      const other = openSqlite(path);
      // The writer retries all the time and may hold the file when this statement comes.
      const run = (sql: string) =>
        until(async () => {
          try {
            other.run([{ sql, parameters: [] }]);
            return true;
          } catch (error) {
            if (isStoreFailure(error) && error.kind === "busy") return false;
            throw error;
          }
        });
      await expectPassing(
        app,
        handled,
        () => run("alter table audit_head rename column mac to cam"),
        () => run("alter table audit_head rename column cam to mac"),
      );
      other.close();
    },
  );

  withTrail("O1: when the store rejects one event, audit() refuses only this event, and writes later events", async (app) => {
    const audit = app.services.get(auditRef);
    const event = (handler: string) => ({ fields: { type: "approval.filed" as const, approvalId: "apr_1", handler } });
    const settled = await Promise.allSettled([
      audit.commit([event("a")], []),
      audit.commit([event("a")], [{ sql: "insert into audit_sink values (?, 1, 1)", parameters: ["x\0y"] }]),
      audit.commit([{ fields: { ...event("a").fields, callId: "x\0y" } }], []),
      audit.commit([event("c")], []),
    ]);
    expect(settled.map((each) => (each.status === "rejected" ? each.reason.code : "seq" in each.value))).toEqual([
      true,
      false,
      "audit_unavailable",
      true,
    ]);
    expect(isFenced(app)).toBe(false);
  });

  withTrail(
    "O1: an instance is fenced when the store has an event row with a number after the end of the trail",
    async (app, handled, path) => {
      await app.as(principal()).call("change", { id: "a" });
      const other = openSqlite(path);
      other.run([
        {
          sql: "insert into audit_event select chain, seq + 1, at, type, call_id, meta, body, salt, body_hash, hash from audit_event order by seq desc limit 1",
          parameters: [],
        },
      ]);
      other.close();
      expect(await app.as(principal()).call("change", { id: "b" })).toMatchObject({ ok: false });
      expect(handled).toEqual([{ id: "a" }]);
      expect(isFenced(app)).toBe(true);
      expect(await isReady(app)).toBe(false);
    },
  );
});

test.for(["audit", "shelf"])(
  "O4: with %s, an idle instance is not ready while the disk is full, and is ready again afterwards",
  async (plugin, context) => {
    const limit = (pid: number, bytes: string) => execFileSync("prlimit", ["--pid", String(pid), `--fsize=${bytes}:unlimited`]);
    try {
      limit(process.pid, "unlimited");
    } catch (error) {
      if (process.env["QUATER_TEST_REQUIRE_ALL"] === "1") throw error;
      return context.skip(`prlimit cannot be used here: ${String(error)}`);
    }
    using folder = tempFolder();
    const built = await builtChild("test/plugins/audit/ready-child.ts");
    const child = spawn(process.execPath, [built.file, folder.root, plugin], { stdio: ["pipe", "pipe", "inherit"] });
    const ended = new Promise((resolve) => child.once("exit", resolve));
    const lines = createInterface(child.stdout)[Symbol.asyncIterator]();
    const untilReady = async (isReady: boolean) => {
      for (;;) {
        const { value, done } = await lines.next();
        if (done === true) throw new Error(`The child ended before its readiness was ${isReady}`);
        if ((JSON.parse(value) as { isReady: boolean }).isReady === isReady) return;
      }
    };
    try {
      for (let n = 0; n < 2; n++) {
        await untilReady(true);
        limit(Number(child.pid), String(statSync(join(folder.root, ".quater/quater.db-wal")).size));
        await untilReady(false);
        limit(Number(child.pid), "unlimited");
      }
      await untilReady(true);
    } finally {
      child.stdin.end();
      await ended;
      built.dispose();
    }
  },
);

test("O1: a request of /ready fences an instance on which an older version of the row audit_head was put back", async () => {
  using folder = tempFolder();
  await using app = await bootWithTrail({ root: folder.root, handlers: { change: change() } });
  await app.as(principal()).call("change", { id: "a" });
  const open = await app.services.get(storeRef).open();
  await open.apply([{ sql: "update audit_head set seq = seq - 1", parameters: [] }]);
  await until(async () => !(await isReady(app)));
  await until(async () => isFenced(app));
});

test("O1: every database error code is classified, and only error codes for damage fence the store", () => {
  const ofPostgres = (code: string): FailureKind =>
    postgresFailure(Object.assign(new Error("x"), { code, severity: "ERROR" })).kind;
  const ofSocket = (code: string): FailureKind => postgresFailure(Object.assign(new Error("x"), { code })).kind;
  const ofSqlite = (code: string): FailureKind => sqliteFailure(Object.assign(new Error("x"), { code })).kind;
  const table: Record<FailureKind, [postgres: string[], sqlite: string[]]> = {
    busy: [
      ["55P03", "57014", "40001", "40P01"],
      ["SQLITE_BUSY", "SQLITE_BUSY_SNAPSHOT", "SQLITE_LOCKED", "SQLITE_PROTOCOL"],
    ],
    full: [["53100"], ["SQLITE_FULL"]],
    lost: [["57P01", "57P02", "57P03", "08006", "08P01", "25P03", "40003"], []],
    unavailable: [
      ["25006", "28000", "28P01", "53300", "53200", "53400", "3D000", "42501", "55000", "55006", "57P04", "58000"],
      ["SQLITE_READONLY", "SQLITE_READONLY_DIRECTORY", "SQLITE_CANTOPEN", "SQLITE_NOMEM", "SQLITE_IOERR_NOMEM", "SQLITE_PERM"],
    ],
    broken: [
      ["58030", "XX001", "XX002"],
      ["SQLITE_IOERR", "SQLITE_IOERR_READ", "SQLITE_IOERR_FSYNC", "SQLITE_CORRUPT", "SQLITE_NOTADB", "SQLITE_READONLY_DBMOVED"],
    ],
    conflict: [["23505"], ["SQLITE_CONSTRAINT_PRIMARYKEY"]],
    mismatch: [[], []],
    other: [
      ["XX000", "42P01", "22021", "54000", "P0001"],
      ["SQLITE_ERROR", "SQLITE_TOOBIG", ""],
    ],
  };
  for (const [kind, [postgresCodes, sqliteCodes]] of Object.entries(table)) {
    for (const code of postgresCodes) expect([code, ofPostgres(code)]).toEqual([code, kind]);
    for (const code of sqliteCodes) expect([code, ofSqlite(code)]).toEqual([code, kind]);
  }
  // DNS, TLS and sockets: the result of a commit is not known.
  for (const code of ["ENOTFOUND", "EAI_AGAIN", "ECONNREFUSED", "ECONNRESET", "EPIPE", "DEPTH_ZERO_SELF_SIGNED_CERT"])
    expect([code, ofSocket(code)]).toEqual([code, "lost"]);
});
