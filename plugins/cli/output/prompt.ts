// Asks the person at the terminal a question. The terminal does not show a typed secret, and no command line contains the secret.

import { createInterface } from "node:readline/promises";
import { Writable } from "node:stream";
import { cancelled } from "../../../core/diagnostics/errors.ts";
import { visible } from "../../../core/diagnostics/text.ts";
import type { Terminal } from "./terminal.ts";

/**
 * @returns The typed text, which may be empty. Undefined without a terminal.
 * @throws {QuaterError} `cancelled` on Ctrl-C. Ctrl-C sends no process signal here, because readline reads the terminal key by
 * key.
 */
export const ask = async (
  terminal: Terminal,
  question: string,
  { isSecret = false }: { readonly isSecret?: boolean } = {},
): Promise<string | undefined> => {
  if (!terminal.canAsk) return undefined;
  const written = new Writable({
    write: (chunk: Buffer, _encoding, done) => {
      if (!isSecret) terminal.say(chunk.toString());
      done();
    },
  });
  const output = Object.assign(written, { columns: terminal.columns });
  const asking = createInterface({ input: terminal.stdin, output, terminal: true });
  // Print the question only now, because the terminal now hides typed characters, even if a person pastes a text quickly.
  if (isSecret) terminal.say(`${visible(question)} (not shown): `);
  try {
    return await Promise.race([
      asking.question(`${visible(question)}: `), // Use readline's own question, because readline clears other output on its line.
      new Promise<string>((resolve, reject) => {
        asking.once("SIGINT", () => reject(cancelled()));
        asking.once("close", () => resolve("")); // The person pressed Ctrl-D.
      }),
    ]);
  } finally {
    asking.close();
    terminal.say("\n");
  }
};

/** @returns The typed secret; undefined without a terminal or if the person typed nothing. @throws {QuaterError} `cancelled`. */
export const askSecret = async (terminal: Terminal, name: string): Promise<string | undefined> =>
  (await ask(terminal, name, { isSecret: true })) || undefined;
