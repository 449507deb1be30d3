// A server is stopped by SIGTERM while clients write in a loop. Every write that was acknowledged is in the database and ended on
// the trail, no client waits for ever, and the process exits within `drainMs` plus 2 seconds. `npm run soak` stops it 100 times.

import { createRequire } from "node:module";
import { join } from "node:path";
import { expect, test } from "vitest";
import type { Answer } from "../plugins/audit/load.ts";
import { expectNothingLost } from "../plugins/audit/nothing-lost.ts";
import { builtProject, start } from "../plugins/cli/kit.ts";

const stops = Number(process.env["QUATER_SOAK_STOPS"] ?? 10);
const drainMs = 1_000;
const clients = 8;
/** A request without an answer after this time hangs. */
const hangMs = 60_000;

const handlers = `
import { createRequire } from "node:module";
import { setTimeout } from "node:timers/promises";
import { anyone, handler, Type } from "quater";
const Database = createRequire(import.meta.resolve("quater/package.json"))("libsql");
const database = new Database("payments.db");
database.exec("pragma journal_mode = wal; create table if not exists payments (key text primary key)");
const insert = database.prepare("insert into payments values (?)");
const about = { effect: "write", auth: anyone, input: Type.Object({ key: Type.String() }) };
export const pay = handler({
  ...about,
  description: "Pay somebody.",
  handle: async ({ key }) => {
    insert.run(key);
    await setTimeout(Number(key.at(-1)) * 3);
    return { key };
  },
});
export const deaf = handler({ ...about, description: "Ignores its signal.", handle: () => setTimeout(600_000) });
`;
const config = `
import { defineConfig, expose } from "quater";
import { audit, cli, http, store } from "quater/plugins";
export default defineConfig({
  name: "stops",
  drainMs: ${drainMs},
  handlers: [
    expose(() => import("./handlers.mjs"), {
      pay: { http: "POST /payments", public: true },
      deaf: { http: "POST /deaf", public: true },
    }),
  ],
  plugins: [http({ port: 0, accessLog: false }), cli(), store(), audit()],
});
`;

/** The status and the call, or the error of a connection that closed before an answer. */
const post = async (url: string, path: string, key: string): Promise<{ status: number; call: string } | string> => {
  const signal = AbortSignal.timeout(hangMs);
  const headers = { "content-type": "application/json" };
  try {
    const response = await fetch(url + path, { method: "POST", headers, body: JSON.stringify({ key }), signal });
    await response.text();
    return { status: response.status, call: response.headers.get("x-request-id") ?? "" };
  } catch (error) {
    if (signal.aborted) throw new Error(`${key} got no answer in ${hangMs} ms`);
    return String((error as Error).cause ?? error);
  }
};

test(
  `a server that is stopped ${stops} times under load loses no acknowledged write and exits in time`,
  async () => {
    const { folder, remove } = builtProject({ "handlers.mjs": handlers, "quater.config.mjs": config });
    const acknowledged: { readonly key: string; readonly call: string }[] = [];
    const unexpected: unknown[] = [];
    try {
      for (let stop = 0; stop < stops; stop++) {
        const server = start(["serve"], { cwd: folder });
        const url = /"url":"([^"]+)"/.exec(await server.said(/is ready/))?.[1] ?? "";
        let isStopping = false;
        // Another moment each time: after so many answers, not after so much time.
        let left = 1 + ((stop * 37) % 90);
        let terminatedAt = 0;
        const client = async (number: number) => {
          for (let n = 0; !isStopping; n++) {
            const key = `${stop}-${number}-${n}`;
            const answer = await post(url, "/payments", key);
            if (typeof answer !== "string" && answer.status === 200) acknowledged.push({ key, call: answer.call });
            else if (!isStopping) unexpected.push([key, answer]);
            else if (typeof answer !== "string" && answer.status !== 503) unexpected.push([key, answer]);
            if (--left !== 0) continue;
            isStopping = true;
            terminatedAt = performance.now();
            server.process.kill("SIGTERM");
          }
        };
        const deaf = stop % 3 === 2 ? post(url, "/deaf", "x") : undefined;
        await Promise.all(Array.from({ length: clients }, (_, number) => client(number)));
        const { code, err } = await server.ended;
        const tookMs = performance.now() - terminatedAt;
        expect([code, err]).toEqual([0, expect.not.stringContaining('"level":"error"')]);
        expect(tookMs).toBeLessThan(drainMs + 2_000);
        // Its handler may have changed something.
        if (deaf !== undefined) expect(await deaf).toMatchObject({ status: 500 });
      }
      expect(unexpected).toEqual([]);
      expect(acknowledged.length).toBeGreaterThanOrEqual(stops);
      const Database = createRequire(import.meta.url)("libsql") as new (
        path: string,
      ) => {
        prepare(sql: string): { all(): { key: string }[] };
        close(): void;
      };
      const database = new Database(join(folder, "payments.db"));
      const kept = new Set(
        database
          .prepare("select key from payments")
          .all()
          .map(({ key }) => key),
      );
      database.close();
      expect(acknowledged.filter(({ key }) => !kept.has(key))).toEqual([]);
      const answers = acknowledged.map(({ call }): Answer => ({ call, name: "pay", code: "ok", ms: 0, at: 0 }));
      await expectNothingLost(folder, "-", [{ answers, ran: new Set(answers.map(({ call }) => call)) }]);
    } finally {
      remove();
    }
  },
  (stops * 30 + 60) * 1_000,
);
