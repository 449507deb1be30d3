// Asks where a person can answer. A secret that is typed is not shown and stands in no command line.

import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { cancelled } from "../../../core/diagnostics/errors.ts";
import { visible } from "../../../core/diagnostics/text.ts";
import type { Terminal } from "./terminal.ts";

/**
 * @returns What was typed, nothing included. Undefined where nobody can be asked.
 * @throws {QuaterError} `cancelled` on Ctrl-C, which does not send a signal while the terminal is read key by key.
 */
export const ask = async (
  terminal: Terminal,
  question: string,
  { isSecret = false }: { readonly isSecret?: boolean } = {},
): Promise<string | undefined> => {
  if (terminal.stdin.isTTY !== true || !terminal.isErrorTerminal) return undefined;
  const written = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (!isSecret) terminal.say(chunk.toString());
      done();
    },
  });
  const output = Object.assign(written, { columns: terminal.columns });
  const asking = createInterface({ input: terminal.stdin, output, terminal: true });
  // Only now: from here on the terminal shows nothing of its own accord, however fast somebody pastes.
  if (isSecret) terminal.say(`${visible(question)} (not shown): `);
  try {
    return await Promise.race([
      asking.question(`${visible(question)}: `), // readline's own, because it clears what others wrote on its line
      new Promise<string>((resolve, reject) => {
        asking.once("SIGINT", () => reject(cancelled()));
        asking.once("close", () => resolve("")); // Ctrl-D
      }),
    ]);
  } finally {
    asking.close();
    terminal.say("\n");
  }
};

/** @returns Undefined where nobody can be asked, or nothing was typed. @throws {QuaterError} `cancelled`. */
export const askSecret = async (terminal: Terminal, name: string): Promise<string | undefined> =>
  (await ask(terminal, name, { isSecret: true })) || undefined;
