// Asks the questions of `quater init` if a person can answer. Only this file imports the prompts package. It imports the package
// only when there is a question.

import { Writable } from "node:stream";
import { cancelled } from "../../../core/diagnostics/errors.ts";
import type { Terminal } from "../output/terminal.ts";
import { type Manager, managers } from "./manager.ts";

export interface Asking {
  /** Returns the suggestion for an empty answer. The suggestion is shown, but the person does not have to delete it. */
  readonly text: (question: string, suggestion: string, problem: (answer: string) => string | undefined) => Promise<string>;
  readonly manager: (question: string) => Promise<Manager>;
}

/** Questions are not results, so they are written to standard error. */
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
    text: async (message, suggestion, problem) => {
      const given = (answer: string | undefined) => answer?.trim() || suggestion;
      const validate = (answer: string | undefined) => problem(given(answer));
      return given(answered(await text({ ...streams, message, placeholder: suggestion, defaultValue: suggestion, validate })));
    },
    manager: async (message) =>
      answered(await select<Manager>({ ...streams, message, options: managers.map((value) => ({ value, label: value })) })),
  };
};
