// A project in a folder of its own, for the `quater` program, on SQLite or PostgreSQL. `pay` needs approval and `note` does
// not. The store can be dumped and restored as an operator does it.

import { copyFileSync, mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { afterAll, beforeAll, describe, test } from "vitest";
import { createKey } from "../../../plugins/auth/commands.ts";
import { openSqlite } from "../../../plugins/store/sqlite.ts";
import { quater, type Seen, type Typed } from "../cli/kit.ts";
import { type TestPostgres, testPostgres } from "../store/postgres.ts";

const here = fileURLToPath(new URL(".", import.meta.url));

const manifestText = (url: string | undefined, sinks: string) => `
import { appendFileSync } from "node:fs";
import { authenticated, defineConfig, expose, handler, personal, secret, Type } from "quater";
import { apiKeys, approval, audit, cli, firstOf, http, localUser, store } from "quater/plugins";
const fields = { to: personal(Type.String()), cents: Type.Integer() };
const input = Type.Object(fields);
const about = { effect: "write", input, auth: authenticated };
const done = ({ to, cents }) => {
  appendFileSync(new URL("./done.txt", import.meta.url), to + " " + cents + "\\n");
  return { to, cents };
};
const pay = handler({ ...about, description: "Pay somebody.", preview: ({ to, cents }) => ({ to, leaves: cents }), handle: done });
const gift = handler({ ...about, input: Type.Object({ ...fields, pin: Type.Optional(secret(Type.String())) }), description: "Give.", handle: done });
const note = handler({ ...about, description: "Note a payment.", handle: done });
const look = handler({ description: "Look.", effect: "read", input: Type.Object({}), auth: authenticated, handle: () => 1 });
const count = handler({ description: "Count.", effect: "write", input: Type.Object({ n: Type.Integer() }), auth: authenticated, handle: ({ n }) => n });
export default defineConfig({
  name: "desk",
  handlers: [
    expose(async () => ({ pay, gift, note, count, look }), {
      pay: { cli: true, approval: "finance" },
      gift: { cli: true, approval: "finance" },
      note: { cli: true, http: "POST /notes", audit: "response" },
      count: { cli: true },
      look: { cli: true },
    }),
  ],
  plugins: [
    http({ port: 0, authenticate: apiKeys() }),
    cli({ authenticate: firstOf(apiKeys(), localUser({ person: "ana" })) }),
    store({ ${url === undefined ? "" : `url: ${JSON.stringify(url)}, `}mayLoseCommits: true }),
    audit({ sinks: ${sinks}, leaseMs: 500 }),
    approval({ authenticate: apiKeys(), policies: { finance: { approvers: [{ role: "finance" }] } } }),
  ],
});
`;

export interface DeskOptions {
  /** Source text of `audit({ sinks })`. Default: one file, `sink.jsonl`. */
  readonly sinks?: string;
}

export interface Serving {
  /** Whether it listens; false once it ended without that. */
  readonly isUp: Promise<boolean>;
  readonly ended: Promise<Seen>;
  readonly url: () => string;
  readonly stop: () => void;
}

/** Who has a key: `bea` approves, `root` may erase, `robot` is an agent with that scope. */
export type KeyHolder = "bea" | "root" | "robot";

export class ProjectDesk {
  readonly folder: string;
  readonly url: string | undefined;
  readonly #keys: Readonly<Record<KeyHolder, string>>;
  #dumps = 0;

  constructor(url: string | undefined, { sinks = '[{ file: "sink.jsonl" }]' }: DeskOptions = {}) {
    this.url = url;
    this.folder = mkdtempSync(join(here, ".desk-"));
    writeFileSync(join(this.folder, "quater.config.mjs"), manifestText(url, sinks));
    const keyFile = join(this.folder, ".quater/keys.json");
    const key = (name: KeyHolder, kind: "user" | "agent", scopes: readonly string[], roles: readonly string[]) =>
      createKey(keyFile, { name, kind, person: name, scopes, roles }).key;
    this.#keys = {
      bea: key("bea", "user", [], ["finance"]),
      root: key("root", "user", ["audit:erase"], []),
      robot: key("robot", "agent", ["audit:erase"], []),
    };
    for (const [name, text] of Object.entries(this.#keys))
      writeFileSync(join(this.folder, `${name}.key`), `${text}\n`, { mode: 0o600 });
  }

  get sinkFile(): string {
    return join(this.folder, "sink.jsonl");
  }

  /** Runs the program in this process; `as` shows a key instead of being the local user ana. */
  run(words: readonly string[], as?: KeyHolder, typed: Typed = {}): Promise<Seen> {
    return quater(words, { cwd: this.folder, ...typed, ...(as === undefined ? {} : { env: { QUATER_TOKEN: this.#keys[as] } }) });
  }

  /** Runs `quater serve` in this process. */
  serve(): Serving {
    const interrupt = new AbortController();
    let said = "";
    let tell = (_isUp: boolean) => {};
    const isUp = new Promise<boolean>((resolve) => {
      tell = resolve;
    });
    const onError = (text: string) => {
      said += text;
      if (/127\.0\.0\.1:\d+/.test(said)) tell(true);
    };
    const ended = this.run(["serve"], undefined, { interrupt: interrupt.signal, onError });
    void ended.then(() => tell(false));
    const url = () => /http:\/\/127\.0\.0\.1:\d+/.exec(said)?.[0] ?? "";
    return { isUp, ended, url, stop: () => interrupt.abort() };
  }

  /** Posts to `note` of a server. Returns the status. */
  async post(server: Serving, body: object): Promise<number> {
    const headers = { authorization: `Bearer ${this.#keys.root}`, "content-type": "application/json" };
    const response = await fetch(`${server.url()}/notes`, { method: "POST", headers, body: JSON.stringify(body) });
    await response.text();
    return response.status;
  }

  pay(to: string, cents: number, handler = "pay"): Promise<Seen> {
    return this.run(["run", handler, "--to", to, "--cents", String(cents)]);
  }

  /** Calls the handler and returns the id of the request that was filed. */
  async file(to: string, cents: number, handler = "pay"): Promise<string> {
    const { err } = await this.pay(to, cents, handler);
    const [id] = /apr_[a-z2-7]{20}/.exec(err) ?? [];
    if (id === undefined) throw new Error(`No request was filed: ${err}`);
    return id;
  }

  async approve(id: string, verdict: "approve" | "deny" = "approve", reason?: string): Promise<Seen> {
    const { digest } = await this.request(id);
    return this.run([
      ...["approvals", verdict, id, "--digest", String(digest), "--key-file", "bea.key"],
      ...(reason === undefined ? [] : ["--reason", reason]),
    ]);
  }

  /** A request as an approver sees it. */
  async request(id: string): Promise<Record<string, unknown>> {
    const { out, err } = await this.run(["approvals", "show", id, "--key-file", "bea.key"]);
    if (out === "") throw new Error(err);
    return JSON.parse(out) as Record<string, unknown>;
  }

  async requests(): Promise<readonly Record<string, unknown>[]> {
    return JSON.parse((await this.run(["approvals", "list", "--key-file", "bea.key"])).out) as Record<string, unknown>[];
  }

  /** What handlers did, in order. */
  get done(): readonly string[] {
    try {
      return readFileSync(join(this.folder, "done.txt"), "utf8").split("\n").filter(Boolean);
    } catch {
      return [];
    }
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

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
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

/** The same claims on both databases; where there is no PostgreSQL the reason is printed. */
export const onBothStores = (
  claims: (claim: (title: string, prove: (make: (options?: DeskOptions) => ProjectDesk) => Promise<void>) => void) => void,
): void => {
  let postgres: TestPostgres | string = "not started";
  beforeAll(async () => {
    postgres = await testPostgres();
  });
  afterAll(async () => {
    if (typeof postgres !== "string") await postgres.close();
  });
  describe.each(["sqlite", "postgres"] as const)("on %s", (dialect) => {
    claims((title, prove) =>
      test(title, { timeout: 120_000 }, async (context) => {
        if (dialect === "postgres" && typeof postgres === "string") return context.skip(postgres);
        const url = dialect === "postgres" ? await (postgres as TestPostgres).freshUrl() : undefined;
        const desks: ProjectDesk[] = [];
        try {
          await prove((options) => {
            const desk = new ProjectDesk(url, options);
            desks.push(desk);
            return desk;
          });
        } finally {
          for (const desk of desks) desk[Symbol.dispose]();
        }
      }),
    );
  });
};
