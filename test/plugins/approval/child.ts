// Starts a process of a race or a crash test from the bundle that `builtChild` made, and reads the output of the process line by
// line.

import { type ChildProcess, spawn } from "node:child_process";
import { createInterface } from "node:readline";

export interface Child<Said> {
  /** Every line so far, in order. */
  readonly said: readonly Said[];
  /** Resolves with the first line, from now on, that `is` holds for. @throws after `withinMs`, or when it ends before. */
  readonly next: (is: (said: Said) => boolean, withinMs: number) => Promise<Said>;
  readonly tell: (line: object) => void;
  readonly kill: () => Promise<void>;
  /** Lets a process go on that was stopped by a signal. */
  readonly wake: () => void;
  /** Closes its standard input. @returns Its exit code. */
  readonly stop: () => Promise<number | null>;
}

/** @returns Once it has said that it is ready. */
export const startChild = async <Said extends { readonly isReady?: true }>(
  file: string,
  args: readonly string[],
): Promise<Child<Said>> => {
  const child: ChildProcess = spawn(process.execPath, [file, ...args], { stdio: ["pipe", "pipe", "pipe"] });
  const said: Said[] = [];
  const listeners = new Set<(said: Said) => void>();
  let errors = "";
  child.stderr?.on("data", (part: Buffer) => {
    errors += part.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  if (child.stdout !== null)
    createInterface(child.stdout).on("line", (line) => {
      let heard: Said;
      try {
        heard = JSON.parse(line) as Said;
      } catch {
        return; // cut by the kill
      }
      said.push(heard);
      for (const listener of listeners) listener(heard);
    });
  const next: Child<Said>["next"] = (is, withinMs) =>
    new Promise((resolve, reject) => {
      const fail = (why: string) => {
        leave();
        reject(new Error(`${why}; the last lines were ${JSON.stringify(said.slice(-3))} ${errors.slice(-2_000)}`));
      };
      const timer = setTimeout(() => fail(`No such line within ${withinMs} ms`), withinMs);
      const listener = (heard: Said): void => {
        if (!is(heard)) return;
        leave();
        resolve(heard);
      };
      const leave = () => {
        clearTimeout(timer);
        listeners.delete(listener);
      };
      listeners.add(listener);
      void ended.then((code) => {
        if (listeners.has(listener)) fail(`It ended with ${code}`);
      });
    });
  await next(({ isReady }) => isReady === true, 60_000);
  return {
    said,
    next,
    tell: (line) => void child.stdin?.write(`${JSON.stringify(line)}\n`),
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
    wake: () => void child.kill("SIGCONT"),
    stop: () => {
      child.stdin?.end();
      return ended;
    },
  };
};

/** Several at once; those that have not been stopped by then are killed when the test leaves them. */
export const startChildren = async <Said extends { readonly isReady?: true }>(
  file: string,
  args: readonly (readonly string[])[],
): Promise<AsyncDisposable & { readonly all: Child<Said>[] }> => {
  const all = await Promise.all(args.map((each) => startChild<Said>(file, each)));
  return {
    all,
    [Symbol.asyncDispose]: async () => {
      for (const { kill } of all) await kill();
    },
  };
};
