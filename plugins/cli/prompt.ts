// Asks for a secret where a person can answer. What is typed is not shown and stands in no command line.

import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { cancelled } from "../../core/errors.ts";
import { visible } from "../../core/text.ts";
import type { Terminal } from "./terminal.ts";

/**
 * @returns Undefined where nobody can be asked, or nothing was typed.
 * @throws {QuaterError} `cancelled` on Ctrl-C, which is no signal while the terminal is read key by key.
 */
export const askSecret = async (terminal: Terminal, name: string): Promise<string | undefined> => {
  if (terminal.stdin.isTTY !== true || !terminal.isErrorTerminal) return undefined;
  terminal.say(`${visible(name)} (not shown): `);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const asking = createInterface({ input: terminal.stdin, output: nowhere, terminal: true });
  try {
    const answer = await Promise.race([
      asking.question(""),
      new Promise<undefined>((resolve, reject) => {
        asking.once("SIGINT", () => reject(cancelled()));
        asking.once("close", () => resolve(undefined)); // Ctrl-D
      }),
    ]);
    return answer === "" ? undefined : answer;
  } finally {
    asking.close();
    terminal.say("\n");
  }
};
