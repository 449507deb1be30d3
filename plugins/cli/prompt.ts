// Asks for a secret where a person can answer. What is typed is not shown and stands in no command line.

import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { visible } from "../../core/text.ts";
import type { Terminal } from "./terminal.ts";

/** @returns Undefined where nobody can be asked, or nothing was typed. */
export const askSecret = async (terminal: Terminal, name: string): Promise<string | undefined> => {
  if (terminal.stdin.isTTY !== true || !terminal.isErrorTerminal) return undefined;
  terminal.say(`${visible(name)} (not shown): `);
  const nowhere = new Writable({ write: (_chunk, _encoding, done) => done() });
  const asking = createInterface({ input: terminal.stdin, output: nowhere, terminal: true });
  try {
    // Ctrl-D and Ctrl-C close the question without an answer.
    const answer = await Promise.race([
      asking.question(""),
      new Promise<undefined>((resolve) => asking.once("close", () => resolve(undefined))),
    ]);
    return answer === "" ? undefined : answer;
  } finally {
    asking.close();
    terminal.say("\n");
  }
};
