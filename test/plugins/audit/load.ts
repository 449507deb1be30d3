// Starts load-child.ts and stores the answers of this process. The file load-child.ts is bundled first, like the package.
// Otherwise the process would need a loader and would spend most of a crash test with its start. With the bundle, the test also
// uses the store's thread as it is built in the package.

import { type ChildProcess, spawn } from "node:child_process";
import { mkdtempSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { createInterface } from "node:readline";
import { buildInto } from "../../built.ts";

export interface BuiltChild {
  readonly file: string;
  readonly dispose: () => void;
}

export const builtChild = (entry = "test/plugins/audit/load-child.ts"): BuiltChild => {
  const folder = mkdtempSync(join(tmpdir(), "quater-child-"));
  buildInto(folder, [entry, "plugins/store/worker.ts"]);
  return {
    file: join(folder, "dist", entry.replace(/\.ts$/, ".js")),
    dispose: () => rmSync(folder, { recursive: true, force: true }),
  };
};

export interface Answer {
  readonly call: string;
  readonly name: "pay" | "look";
  readonly code: string;
  /** How long the caller waited. */
  readonly ms: number;
  /** When it was answered, milliseconds since the epoch. */
  readonly at: number;
}

export interface Load {
  readonly child: ChildProcess;
  readonly answers: readonly Answer[];
  /** Call ids whose handler began. */
  readonly ran: ReadonlySet<string>;
  /** Resolves with the first answer, from now on, that `is` holds for. @throws after `withinMs`. */
  readonly next: (is: (answer: Answer) => boolean, withinMs: number) => Promise<Answer>;
  readonly kill: () => Promise<void>;
  readonly stop: () => Promise<number | null>;
}

export const startLoad = async (file: string, root: string, url = "-", loops = 8): Promise<Load> => {
  const child = spawn(process.execPath, [file, root, url, String(loops)], { stdio: ["pipe", "pipe", "pipe"] });
  const answers: Answer[] = [];
  const ran = new Set<string>();
  const waiting = new Set<(answer: Answer) => void>();
  let errors = "";
  child.stderr.on("data", (part: Buffer) => {
    errors += part.toString();
  });
  const ended = new Promise<number | null>((resolve) => child.once("close", resolve));
  const ready = new Promise<void>((resolve, reject) => {
    createInterface(child.stdout).on("line", (line) => {
      let said: Answer & { ready?: boolean; ran?: string };
      try {
        said = JSON.parse(line) as typeof said;
      } catch {
        return; // cut by the kill
      }
      if (said.ready !== undefined) resolve();
      if (said.ran !== undefined) ran.add(said.ran);
      if (said.call === undefined) return;
      answers.push(said);
      for (const look of waiting) look(said);
    });
    ended.then((code) => reject(new Error(`The child ended with ${code}: ${errors.slice(0, 2_000)}`))).catch(reject);
  });
  await ready;
  return {
    child,
    answers,
    ran,
    next: (is, withinMs) =>
      new Promise((resolve, reject) => {
        const timer = setTimeout(() => {
          waiting.delete(look);
          const last = JSON.stringify(answers.slice(-3));
          reject(new Error(`No such answer within ${withinMs} ms; the last were ${last} ${errors.slice(-500)}`));
        }, withinMs);
        const look = (answer: Answer): void => {
          if (!is(answer)) return;
          clearTimeout(timer);
          waiting.delete(look);
          resolve(answer);
        };
        waiting.add(look);
      }),
    kill: async () => {
      child.kill("SIGKILL");
      await ended;
    },
    stop: () => {
      child.stdin.end();
      return ended;
    },
  };
};
