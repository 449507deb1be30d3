// A server of a test in a process of its own, bundled as the package is, and its memory.

import { fork } from "node:child_process";
import { readFileSync } from "node:fs";

export interface Serving extends Disposable {
  readonly port: number;
  readonly residentMiB: () => number;
}

/** Starts a bundled server, which sends its URL as its first message. */
export const serving = async (file: string, variables: Readonly<Record<string, string>> = {}): Promise<Serving> => {
  const server = fork(file, { execArgv: [], env: { ...process.env, NODE_OPTIONS: "", ...variables } });
  const url = await new Promise<string>((resolve) => server.once("message", (text) => resolve(String(text))));
  const residentMiB = () => Number(/VmRSS:\s+(\d+) kB/.exec(readFileSync(`/proc/${server.pid}/status`, "utf8"))?.[1]) / 1024;
  return { port: Number(new URL(url).port), residentMiB, [Symbol.dispose]: () => void server.kill("SIGKILL") };
};
