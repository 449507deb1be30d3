// A project in a separate folder, for the `quater` program, on SQLite or PostgreSQL. `pay` needs approval and `note` needs no
// approval. Tests can dump and restore the store like an operator.

import { readFileSync, rmSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { createKey } from "../../../plugins/auth/commands.ts";
import { project, quater, type Seen, type Typed } from "../cli/kit.ts";
import { manifestText } from "./desk-manifest.ts";
import { DeskStore } from "./desk-store.ts";

export interface DeskOptions {
  /** The source text of the option `sinks` of audit(). Default: one file, `sink.jsonl`. */
  readonly sinks?: string;
}

export interface Serving {
  /** Resolves to true when the server listens, and to false if the server ends before it listens. */
  readonly isUp: Promise<boolean>;
  readonly ended: Promise<Seen>;
  readonly url: () => string;
  readonly stop: () => void;
}

/** The people who have a key. `bea` approves, `root` may erase, and `robot` is an agent with the scope `audit:erase`. */
export type KeyHolder = "bea" | "root" | "robot";

export class ProjectDesk extends DeskStore {
  readonly #keys: Readonly<Record<KeyHolder, string>>;

  constructor(url: string | undefined, { sinks = '[{ file: "sink.jsonl" }]' }: DeskOptions = {}) {
    super(project({ "quater.config.mjs": manifestText(url, sinks) }).folder, url);
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

  /**
   * Runs the `quater` program in this process. Without `as`, the caller is the local user ana. With `as`, the caller sends the
   * key of `as`.
   */
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

  /** Sends a POST request to the route `/notes` of a server. @returns The HTTP status. */
  async post(server: Serving, body: object): Promise<number> {
    const headers = { authorization: `Bearer ${this.#keys.root}`, "content-type": "application/json" };
    const response = await fetch(`${server.url()}/notes`, { method: "POST", headers, body: JSON.stringify(body) });
    await response.text();
    return response.status;
  }

  pay(to: string, cents: number, handler = "pay"): Promise<Seen> {
    return this.run(["run", handler, "--to", to, "--cents", String(cents)]);
  }

  /** Calls a handler that needs approval. @returns The id of the filed approval request. */
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

  /** Returns an approval request as an approver sees it. */
  async request(id: string): Promise<Record<string, unknown>> {
    const { out, err } = await this.run(["approvals", "show", id, "--key-file", "bea.key"]);
    if (out === "") throw new Error(err);
    return JSON.parse(out) as Record<string, unknown>;
  }

  async requests(): Promise<readonly Record<string, unknown>[]> {
    return JSON.parse((await this.run(["approvals", "list", "--key-file", "bea.key"])).out) as Record<string, unknown>[];
  }

  /** The actions of handlers that ran, in order. */
  get done(): readonly string[] {
    try {
      return readFileSync(join(this.folder, "done.txt"), "utf8").split("\n").filter(Boolean);
    } catch {
      return [];
    }
  }

  [Symbol.dispose](): void {
    rmSync(this.folder, { recursive: true, force: true });
  }
}
