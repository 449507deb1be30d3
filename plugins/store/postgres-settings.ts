// The PostgreSQL settings under which every statement of the store runs. On a direct connection, the store sends the settings
// once, for the session. A pooler in transaction mode gives each transaction another session. Behind a pooler, the store sends
// the settings at the beginning of every transaction, in the same message as `begin`.

import type { ClientBase } from "pg";
import type { Connection, Statement } from "./connection.ts";

/**
 * The time limits of the store on PostgreSQL, in milliseconds. A call waits two seconds until the trail contains its event, so
 * all these time limits are shorter than two seconds. Suppose that a session has locked the trail's head and does not continue,
 * for example on a paused machine. Then PostgreSQL ends this session before the sessions that wait for the head reach their own
 * time limit.
 */
export const limits = { connectMs: 1_000, statementMs: 1_500, answerMs: 1_800, idleInTransactionMs: 1_500 } as const;

/**
 * The time limit for migrations, milliseconds. This limit is long, because another instance may be migrating, and creating an
 * index on a large table takes long.
 */
const migrationMs = 60_000;

const timeouts = {
  statement_timeout: limits.statementMs,
  lock_timeout: limits.statementMs,
  idle_in_transaction_session_timeout: limits.idleInTransactionMs,
} as const;

/** How long the settings are valid: for the `session` on a direct connection, for each `transaction` behind a pooler. */
export type Scope = "session" | "transaction";

/**
 * Finds out whether this connection has its own server session. If the connection has its own session, sets the settings of this
 * session. A pooler sends its client another process id than the process id of the server session.
 *
 * One SQL statement compares the process ids and sets the settings. Settings for one transaction end with this SQL statement.
 */
export const settleSession = async (client: ClientBase, schema: string): Promise<Scope> => {
  const { processID } = client as ClientBase & { readonly processID?: number | null };
  const { rows } = await client.query<{ is_own: boolean }>(
    `select is_own, ${settingsFor(schema, "not is_own")} from (select pg_backend_pid() = ${Number(processID ?? 0)} as is_own) as session`,
  );
  return rows[0]?.is_own === true ? "session" : "transaction";
};

/** @returns The statement that begins a transaction with the settings of the store. */
export const beginOf = (scope: Scope, schema: string): Statement => ({
  sql: scope === "session" ? "begin" : `begin; select ${settingsFor(schema, "true")}`,
  parameters: [],
});

/** @returns The statement that begins a transaction that reads one state of the database, with the time limits of `patient`. */
export const beginReadingOf = (scope: Scope, schema: string): Statement => {
  const { sql } = beginOf(scope, schema);
  const settings = patient.map((each) => each.sql).join("; ");
  return { sql: `${sql.replace("begin", "begin isolation level repeatable read read only")}; ${settings}`, parameters: [] };
};

/** The statements after `begin` for work that may take longer than a call waits. */
export const patient: readonly Statement[] = Object.keys(timeouts).map((name) => ({
  sql: `set local ${name} = ${migrationMs}`,
  parameters: [],
}));

export const patientAnswerMs = migrationMs + 5_000;

/**
 * Returns the settings of the store as a SQL expression. A commit must wait until the server has written the commit to disk, even
 * if the configuration of the server says otherwise. If the configuration has the setting `remote_apply`, the store keeps
 * `remote_apply`, because with `remote_apply` a commit waits for even more.
 */
const settingsFor = (schema: string, isLocal: string): string => {
  const synchronous = "case current_setting('synchronous_commit') when 'remote_apply' then 'remote_apply' else 'on' end";
  const values = { search_path: `'${schema}'`, synchronous_commit: synchronous, ...quoted(timeouts) };
  return Object.entries(values)
    .map(([name, value]) => `set_config('${name}', ${value}, ${isLocal})`)
    .join(", ");
};

const quoted = (values: Readonly<Record<string, number>>): Record<string, string> =>
  Object.fromEntries(Object.entries(values).map(([name, value]) => [name, `'${value}'`]));

export interface SettingsProblem {
  readonly cause: string;
  readonly remedy: string;
}

/** Reads the PostgreSQL settings inside a normal transaction, and returns the first problem of these settings. */
export const settingsProblem = async (connection: Connection, mayLoseCommits: boolean): Promise<SettingsProblem | undefined> => {
  const names = ["fsync", "full_page_writes", "synchronous_commit", ...Object.keys(timeouts)];
  const list = names.map((name) => `'${name}'`).join(", ");
  const [found] = await connection.whole([
    { sql: `select name, setting from pg_settings where name in (${list})`, parameters: [] },
  ]);
  const rows = (found?.rows ?? []) as readonly { readonly name: string; readonly setting: string }[];
  return problemOf(Object.fromEntries(rows.map(({ name, setting }) => [name, setting])), mayLoseCommits);
};

/** @param settings  The PostgreSQL settings by name, as in `pg_settings`. Time limits are in milliseconds. */
export const problemOf = (
  settings: Readonly<Record<string, string | undefined>>,
  mayLoseCommits: boolean,
): SettingsProblem | undefined => {
  const { synchronous_commit } = settings;
  const off = ["fsync", "full_page_writes"].find((name) => settings[name] === "off");
  if (off !== undefined && !mayLoseCommits) {
    return {
      cause: `The PostgreSQL server runs with ${off} = off, so a power cut can lose committed transactions`,
      remedy: `Switch ${off} on in PostgreSQL, or accept the risk with store({ mayLoseCommits: true })`,
    };
  }
  if (synchronous_commit !== "on" && synchronous_commit !== "remote_apply" && !mayLoseCommits) {
    return {
      cause: `The store set synchronous_commit = on, but in its transactions the value is ${synchronous_commit}. The pooler or proxy in front of PostgreSQL drops settings`,
      remedy:
        "Use a pooler that keeps set_config inside a transaction (PgBouncer with pool_mode = transaction), or connect directly",
    };
  }
  const lost = Object.entries(timeouts).find(([name, ms]) => settings[name] !== String(ms));
  if (lost === undefined) return undefined;
  const [name, ms] = lost;
  return {
    cause: `The store set ${name} = ${ms} (ms), but in its transactions the value is ${settings[name]}. The pooler or proxy in front of PostgreSQL drops settings`,
    remedy:
      "Use a pooler that keeps set_config inside a transaction (PgBouncer with pool_mode = transaction), or connect directly",
  };
};
