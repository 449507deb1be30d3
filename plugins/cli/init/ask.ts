// The questions, where a person can answer them. The only file that knows the prompts' package, which is imported when
// there is something to ask.

import { Writable } from "node:stream";
import { cancelled } from "../../../core/diagnostics/errors.ts";
import type { Terminal } from "../output/terminal.ts";
import { type Manager, managers } from "./manager.ts";

export interface Asking {
  readonly text: (question: string, suggestion: string, problem: (answer: string) => string | undefined) => Promise<string>;
  readonly manager: (question: string) => Promise<Manager>;
}

/** Questions are no results, so they go where everything else goes. */
export const asking = async (terminal: Terminal): Promise<Asking> => {
  const { isCancel, select, text } = await import("@clack/prompts");
  const output = Object.assign(
    new Writable({
      decodeStrings: false,
      write: (chunk: string | Buffer, _encoding, done) => {
        terminal.say(chunk.toString());
        done();
      },
    }),
    { columns: terminal.columns, isTTY: true },
  );
  const streams = { input: terminal.stdin, output };
  const answered = <Answer>(answer: Answer): Exclude<Answer, symbol> => {
    if (isCancel(answer)) throw cancelled();
    return answer as Exclude<Answer, symbol>;
  };
  return {
    text: async (message, initialValue, problem) =>
      answered(await text({ ...streams, message, initialValue, validate: (answer) => problem((answer ?? "").trim()) })).trim(),
    manager: async (message) =>
      answered(await select<Manager>({ ...streams, message, options: managers.map((value) => ({ value, label: value })) })),
  };
};
