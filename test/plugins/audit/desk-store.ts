// The store of the desk, as its operator reaches it without Quater: to look, to change, to dump and to restore.

import { copyFileSync, rmSync } from "node:fs";
import { join } from "node:path";
import { openSqlite } from "../../../plugins/store/sqlite.ts";

export class DeskStore {
  readonly folder: string;
  readonly url: string | undefined;
  #dumps = 0;

  /** @param url  Of PostgreSQL. Absent: SQLite in the folder. */
  constructor(folder: string, url: string | undefined) {
    this.folder = folder;
    this.url = url;
  }

  /** Runs one statement on the store, behind Quater's back. */
  async sql<Row = Record<string, unknown>>(text: string): Promise<readonly Row[]> {
    if (this.url === undefined) {
      const file = openSqlite(join(this.folder, ".quater/quater.db"));
      try {
        return (file.run([{ sql: text, parameters: [] }])[0]?.rows ?? []) as Row[];
      } finally {
        file.close();
      }
    }
    return (await onServer(this.url, text)) as Row[];
  }

  /** All rows of all tables as text. */
  async everything(): Promise<string> {
    const tables = ["audit_event", "audit_head", "approval_request", "approval_vote"];
    const prefix = this.url === undefined ? "" : "quater.";
    const rows = await Promise.all(tables.map((table) => this.sql(`select * from ${prefix}${table}`)));
    return JSON.stringify(rows);
  }

  /** Copies the store as it is now. No process may have it open. */
  async dump(): Promise<string> {
    const name = `dump${++this.#dumps}`;
    if (this.url === undefined) {
      await this.sql(`vacuum into '${join(this.folder, name)}'`);
    } else
      await onServer(other(this.url, "postgres"), `create database ${nameOf(this.url)}_${name} template ${nameOf(this.url)}`);
    return name;
  }

  /** Puts a copy in place of the store. */
  async restore(name: string): Promise<void> {
    if (this.url === undefined) {
      for (const end of ["", "-wal", "-shm"]) rmSync(join(this.folder, `.quater/quater.db${end}`), { force: true });
      copyFileSync(join(this.folder, name), join(this.folder, ".quater/quater.db"));
      return;
    }
    const server = other(this.url, "postgres");
    await onServer(server, `drop database ${nameOf(this.url)} with (force)`);
    await onServer(server, `create database ${nameOf(this.url)} template ${nameOf(this.url)}_${name}`);
  }
}

const nameOf = (url: string): string => new URL(url).pathname.slice(1);
const other = (url: string, database: string): string => Object.assign(new URL(url), { pathname: `/${database}` }).href;

const onServer = async (url: string, text: string): Promise<readonly unknown[]> => {
  const { default: pg } = await import("pg");
  const client = new pg.Client({ connectionString: url });
  await client.connect();
  try {
    return (await client.query(text)).rows as unknown[];
  } finally {
    await client.end();
  }
};
