// The thread in which SQLite runs on a server. A commit waits for the disk (up to 640 ms were measured), and this wait must not
// block the event loop of the server. The thread gets the path of the database file at its start. Each message to the thread
// names a function of the open file, with the SQL statements to run if the function needs SQL statements.

import { parentPort, workerData } from "node:worker_threads";
import type { Statement } from "./connection.ts";
import { sqliteFailure } from "./failure.ts";
import { openSqlite, type SqliteFile } from "./sqlite.ts";

export type Asked =
  | { readonly id: number; readonly act: "run" | "whole"; readonly statements: string | readonly Statement[] }
  | { readonly id: number; readonly act: "assertSame" | "close" };

/**
 * An answer of the thread to the main thread. The thread sends a failure as a plain object, because a message between threads
 * loses the class of an object.
 */
export type Answered =
  | { readonly id: number; readonly answer: unknown }
  | { readonly id: number; readonly failure: { readonly kind: string; readonly code: string; readonly message: string } };

const port = parentPort;
if (port === null) throw new Error("worker.ts runs in a thread");

const answer = (id: number, act: () => unknown): void => {
  try {
    port.postMessage({ id, answer: act() } satisfies Answered);
  } catch (error) {
    const { kind, code, message } = sqliteFailure(error);
    port.postMessage({ id, failure: { kind, code, message } } satisfies Answered);
  }
};

let file: SqliteFile | undefined;
answer(0, () => {
  file = openSqlite(String((workerData as { path: string }).path));
});
port.on("message", (asked: Asked) => {
  answer(asked.id, () => {
    if (!("statements" in asked)) return file?.[asked.act]();
    const { statements } = asked;
    return file?.[asked.act](typeof statements === "string" ? (JSON.parse(statements) as readonly Statement[]) : statements);
  });
  if (asked.act === "close") port.close();
});
