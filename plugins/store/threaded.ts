// Runs SQLite in a thread, for processes that run until a signal of the operating system stops them.

import { createRequire } from "node:module";
import { fileURLToPath } from "node:url";
import { Worker } from "node:worker_threads";
import { type Connection, type Database, nothing, type Result, type Statement } from "./connection.ts";
import { type FailureKind, StoreFailure } from "./failure.ts";
import { beginDeferred, beginImmediate, queue } from "./in-process.ts";
import type { Answered, Asked } from "./worker.ts";

interface Waiting {
  readonly resolve: (answer: unknown) => void;
  readonly reject: (error: Error) => void;
}

/** Starts the thread in which SQLite runs. @throws {StoreFailure} when the thread cannot open the database file. */
export const openThreaded = async (path: string): Promise<Database> => {
  const thread = workerAt(path);
  const waiting = new Map<number, Waiting>();
  let ids = 0;
  let ended: Error | undefined;
  thread.unref(); // A thread that waits for work must not keep the process running.
  const answered = (id: number): Promise<unknown> =>
    new Promise((resolve, reject) => {
      if (ended !== undefined) return reject(ended);
      if (waiting.size === 0) thread.ref();
      waiting.set(id, { resolve, reject });
    });
  const settle = (id: number, act: (to: Waiting) => void): void => {
    const to = waiting.get(id);
    waiting.delete(id);
    if (waiting.size === 0) thread.unref();
    if (to !== undefined) act(to);
  };
  thread.on("message", (message: Answered) => {
    settle(message.id, ({ resolve, reject }) => {
      if (!("failure" in message)) return resolve(message.answer);
      const { kind, code, message: text } = message.failure;
      reject(new StoreFailure(kind as FailureKind, code, text));
    });
  });
  const end = (error: Error) => {
    ended ??= error;
    for (const { reject } of waiting.values()) reject(ended);
    waiting.clear();
  };
  thread.on("error", (error) => end(new StoreFailure("broken", "thread", `The store's thread failed: ${error.message}`, error)));
  thread.on("exit", () => end(new StoreFailure("broken", "thread", "The store's thread has ended")));
  await answered(0);
  const tell = (act: "assertSame" | "close"): Promise<unknown> => {
    const id = ++ids;
    const answer = answered(id);
    thread.postMessage({ id, act } satisfies Asked);
    return answer;
  };
  const ask = (act: "run" | "whole", statements: readonly Statement[]): Promise<readonly Result[]> => {
    const id = ++ids;
    const answer = answered(id);
    thread.postMessage({ id, act, statements: packed(statements) } satisfies Asked);
    return answer as Promise<readonly Result[]>;
  };
  const connection: Connection = {
    begin: beginImmediate,
    beginReading: beginDeferred,
    run: (statements) => ask("run", statements),
    read: async (statement) => (await ask("run", [statement]))[0] ?? nothing,
    whole: (statements) => ask("whole", statements),
  };
  const inTurn = queue();
  return {
    dialect: "sqlite",
    lend: (use) => inTurn(() => use(connection)),
    assertSame: () => inTurn(async () => void (await tell("assertSame"))),
    close: () =>
      inTurn(async () => {
        await tell("close");
        await thread.terminate();
      }),
  };
};

/**
 * Returns SQL statements as one JSON text if possible, because cloning the hundreds of texts of a batch for the thread takes ten
 * times as long.
 */
const packed = (statements: readonly Statement[]): string | readonly Statement[] =>
  statements.every(({ parameters }) => parameters.every(isPlain)) ? JSON.stringify(statements) : statements;

const isPlain = (value: unknown): boolean => value === null || typeof value === "string" || Number.isFinite(value);

const workerAt = (path: string): Worker => {
  const here = new URL(import.meta.url);
  if (here.pathname.endsWith(".ts")) {
    script ??= scriptAt(here);
    return new Worker(script, { eval: true, workerData: { path }, execArgv: [] });
  }
  // In the built package, this code is inside a chunk, but the script of the thread is a separate entry point.
  const dist = here.href.slice(0, here.href.lastIndexOf("/dist/") + "/dist/".length);
  return new Worker(new URL("plugins/store/worker.js", dist), { workerData: { path }, execArgv: [] });
};

/**
 * When Quater runs from source, the thread runs one bundled script, because loading each file through tsx would take 200 ms of
 * processor time per thread.
 */
let script: string | undefined;

const scriptAt = (here: URL): string => {
  const ofLoader = createRequire(createRequire(here).resolve("tsx/package.json"));
  const { buildSync } = ofLoader("esbuild") as typeof import("esbuild");
  const { outputFiles } = buildSync({
    entryPoints: [fileURLToPath(new URL("./worker.ts", here))],
    bundle: true,
    define: { "import.meta.url": JSON.stringify(here.href) },
    format: "cjs",
    platform: "node",
    write: false,
  });
  return outputFiles[0]?.text ?? "";
};
