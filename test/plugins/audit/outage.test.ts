// `quater audit tail --follow` while the database is away for some time, and `quater audit export` of long trails in pieces.

import { execFile } from "node:child_process";
import { writeFileSync } from "node:fs";
import { createRequire } from "node:module";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { fileURLToPath } from "node:url";
import { promisify } from "node:util";
import { afterAll, beforeAll, describe, expect, test } from "vitest";
import type { CommandIo } from "../../../core/plugin-api.ts";
import { exportTrail } from "../../../plugins/audit/commands/exporting.ts";
import type { CommandParts } from "../../../plugins/audit/commands/parts.ts";
import type { OpenStore, Reading } from "../../../plugins/store/service.ts";
import { fillTrail } from "../../soak/verify.ts";
import { quater as program, project, type Typed } from "../cli/kit.ts";
import { type TestPostgres, testPostgres } from "../store/postgres.ts";
import { tempFolder } from "./kit.ts";
import { keyFileIn, storeAt } from "./ledger-kit.ts";

let postgres: TestPostgres | string = "not started";
beforeAll(async () => {
  postgres = await testPostgres(tmpdir());
}, 60_000);
afterAll(async () => {
  if (typeof postgres !== "string") await postgres.close();
});

const Libsql = createRequire(import.meta.url)("libsql") as new (file: string) => { exec(sql: string): void; close(): void };

interface Shop {
  readonly folder: string;
  /** Runs the handler `count` times. */
  readonly change: (count: number) => Promise<void>;
  readonly quater: (words: string, typed?: Typed) => ReturnType<typeof program>;
  readonly [Symbol.dispose]: () => void;
}

const shopOn = (url: string | undefined): Shop => {
  const { folder, remove } = project({
    "quater.config.mjs": `import { anyone, defineConfig, expose, handler, Type } from "quater";
import { audit, cli, localUser, store } from "quater/plugins";
const change = handler({
  description: "Changes.",
  effect: "write",
  input: Type.Object({ id: Type.String() }),
  auth: anyone,
  handle: ({ id }) => ({ id }),
});
export default defineConfig({
  name: "things",
  handlers: [expose(async () => ({ change }), { change: { cli: true } })],
  plugins: [cli({ authenticate: localUser({ person: "ana" }) }), store(${JSON.stringify({ url, mayLoseCommits: true })}), audit()],
});
`,
  });
  const quater: Shop["quater"] = (words, typed = {}) => program(words.split(" "), { cwd: folder, ...typed });
  return {
    folder,
    quater,
    change: async (count) => {
      for (let number = 0; number < count; number++) expect((await quater(`run change --id ${number}`)).err).toBe("");
    },
    [Symbol.dispose]: remove,
  };
};

const changeInChild = (cwd: string): Promise<unknown> => {
  const source = ["--conditions", "quater-source", "--import", import.meta.resolve("tsx")];
  const main = fileURLToPath(new URL("../../../plugins/cli/main.ts", import.meta.url));
  return promisify(execFile)(process.execPath, [...source, main, "run", "change", "--id", "a"], { cwd });
};

/** Starts `quater audit tail --follow\`. */
const following = ({ quater }: Shop) => {
  const interrupt = new AbortController();
  let [out, err] = ["", ""];
  let look = () => {};
  const ended = quater("audit tail --follow --lines 10000", {
    interrupt: interrupt.signal,
    onOutput: (text) => {
      out += text;
      look();
    },
    onError: (text) => {
      err += text;
      look();
    },
  });
  const until = (isThere: () => boolean) => {
    const there = new Promise<void>((resolve) => {
      look = () => isThere() && resolve();
      look();
    });
    const early = ended.then(({ code }) => Promise.reject(new Error(`The command ended with ${code}: ${err}`)));
    return Promise.race([there, early]);
  };
  const events = () =>
    out
      .split("\n")
      .slice(0, -1)
      .map((line) => JSON.parse(line) as { readonly seq: number; readonly type: string });
  const times = (pattern: RegExp) => err.match(new RegExp(pattern, "g"))?.length ?? 0;
  return {
    events,
    ended,
    until,
    /** Resolves when standard error contains so many matches. */
    said: (pattern: RegExp, count = 1) => until(() => times(pattern) >= count),
    printed: (seq: number) => until(() => (events().at(-1)?.seq ?? 0) >= seq),
    stop: () => interrupt.abort("SIGINT"),
  };
};

const lastOf = async ({ quater }: Shop): Promise<number> =>
  (JSON.parse((await quater("audit tail --lines 1")).out) as { readonly seq: number }).seq;

const away = /The store does not answer: /;
const back = /The store answers again\. The list continues after event \d+/;

describe.each(["sqlite", "postgres"] as const)("audit() works with a store on %s", (dialect) => {
  test("O6: audit tail --follow continues after an outage of the database, and omits and repeats no event", {
    timeout: 120_000,
  }, async (context) => {
    if (dialect === "postgres" && typeof postgres === "string") return context.skip(postgres);
    const own = dialect === "postgres" ? (postgres as TestPostgres) : undefined;
    using shop = shopOn(await own?.freshUrl());
    // SQLite keeps the lock of a closed connection until its statements are collected, so another process makes the trail.
    if (own === undefined) await changeInChild(shop.folder);
    else await shop.change(2);
    const outages: readonly (() => Promise<() => Promise<void>>)[] =
      own === undefined
        ? [
            async () => {
              const locker = new Libsql(join(shop.folder, ".quater/quater.db"));
              for (const sql of ["pragma locking_mode = exclusive", "begin exclusive", "commit"]) locker.exec(sql);
              return async () => locker.close();
            },
          ]
        : [
            async () => {
              await own.server?.stop();
              return async () => own.server?.start();
            },
          ];
    // SQLite in WAL mode cannot be locked against a connection that is already open, so the first outage begins before the start.
    let end = own === undefined ? await outages[0]?.() : undefined;
    const tail = following(shop);
    for (let round = 1; round <= (own === undefined ? 1 : 2); round++) {
      if (end === undefined) {
        await tail.printed(1);
        await shop.change(1);
        end = await outages[0]?.();
      }
      await tail.said(away, round);
      await end?.();
      end = undefined;
      await tail.said(back, round);
      await shop.change(2);
      await tail.printed(await lastOf(shop));
    }
    tail.stop();
    const { code } = await tail.ended;
    const seqs = tail.events().map(({ seq }) => seq);
    expect([code, seqs]).toEqual([0, Array.from({ length: await lastOf(shop) }, (_, at) => at + 1)]);
  });

  test("O6: audit export accepts --since and --after, and audit verify accepts each part of the export", {
    timeout: 60_000,
  }, async (context) => {
    if (dialect === "postgres" && typeof postgres === "string") return context.skip(postgres);
    using shop = shopOn(await (dialect === "postgres" ? (postgres as TestPostgres).freshUrl() : undefined));
    await shop.change(2);
    const file = join(shop.folder, "piece.jsonl");
    const verified = async (text: string) => {
      writeFileSync(file, text);
      const { code, out } = await shop.quater(`audit verify --file ${file}`);
      const { first, last } = JSON.parse(out) as { readonly first: number; readonly last: number };
      return [code, first, last];
    };
    const whole = await shop.quater("audit export");
    const [, through = ""] = /^Exported events 1 to (\d+)\. To export the events after/.exec(whole.err) ?? [];
    expect(whole.err).toContain(`run \`quater audit export --after ${through}\``);
    expect(await verified(whole.out)).toEqual([0, 1, Number(through)]);
    await shop.change(1);
    const rest = await shop.quater(`audit export --after ${through}`);
    const last = Number(/^Exported events \d+ to (\d+)/.exec(rest.err)?.[1]);
    expect(await verified(rest.out)).toEqual([0, Number(through) + 1, last]);
    expect((await shop.quater(`audit verify --file ${file}`)).err).toContain(
      `The verification begins after event ${through}. Earlier events were not verified.`,
    );
    const at = JSON.parse(rest.out.split("\n")[2] ?? "") as { readonly at: number; readonly seq: number };
    const since = await shop.quater(`audit export --since ${new Date(at.at).toISOString()}`);
    const [code, first = 0, end = 0] = await verified(since.out);
    expect([code, end > last]).toEqual([0, true]);
    expect(first).toBeLessThanOrEqual(at.seq);
    expect(first).toBeGreaterThan(1);
    // A later link does not let an attacker hide that the events between are missing.
    const [header = "", ...lines] = rest.out.split("\n");
    expect((await verified([header, ...lines.slice(1)].join("\n")))[0]).toBe(1);
    expect(await shop.quater("audit export --after 100000")).toMatchObject({ code: 65, out: "" });
    expect(await shop.quater("audit export --after 1 --since 1h")).toMatchObject({ code: 65, out: "" });
    expect((await shop.quater("audit export --since 2200-01-01")).err).toBe("The export contains no event.\n");
  });
});

test("O6: audit export reads no further page of events while the reader of standard output does not read", async () => {
  using folder = tempFolder();
  await fillTrail(folder.root, 3_000);
  const { store, close } = await storeAt(folder.root);
  let reads = 0;
  const counting = (of: Reading): Reading => ({
    ...of,
    read: (query) => {
      reads++;
      return of.read(query);
    },
  });
  const opened: OpenStore = { ...counting(store), snapshot: (work) => store.snapshot((at) => work(counting(at))) } as OpenStore;
  let read = () => {};
  let texts = 0;
  const io = {
    say: () => undefined,
    signal: new AbortController().signal,
    write: () => {
      texts++;
      return new Promise<void>((resolve) => {
        read = resolve;
      });
    },
  };
  const parts = {
    store: { isMade: async () => true, open: async () => opened },
    keyFile: keyFileIn(folder.root),
    trail: { record: async () => ({ seq: 1 }) },
  } as unknown as CommandParts;
  const exporting = exportTrail(parts, {}, io as unknown as CommandIo);
  const turns = async () => {
    for (let turn = 0; turn < 100; turn++) await new Promise((resolve) => setImmediate(resolve));
  };
  const seen: (readonly [texts: number, reads: number])[] = [];
  for (let step = 0; step < 4; step++) {
    await turns();
    seen.push([texts, reads]);
    read();
  }
  // The header is written after the head was read. Each further text needs one page of events and the head.
  expect(seen.map(([count]) => count)).toEqual([1, 2, 3, 4]);
  const perPage = seen.slice(1).map(([, count], at) => count - (seen[at]?.[1] ?? 0));
  expect(new Set(perPage).size).toBe(1);
  for (let step = 0; step < 3; step++) {
    await turns();
    read();
  }
  expect(await exporting).toBe(0);
  await close();
});
