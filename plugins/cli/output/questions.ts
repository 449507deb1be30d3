// Asks a person at the terminal with the package @clack/prompts. Only this file imports the package, and only for a question.

import { Writable } from "node:stream";
import { cancelled } from "../../../core/diagnostics/errors.ts";
import { visible } from "../../../core/diagnostics/text.ts";
import type { Terminal } from "./terminal.ts";

/** Returns why the answer of the person is refused; `undefined` for a valid answer. */
type Problem = (answer: string) => string | undefined;

/** The questions of one command. Every function throws a QuaterError `cancelled` on Ctrl-C. */
export interface Asking {
  /** Asks for a text. Returns the suggestion for an empty answer. The person sees the suggestion and need not delete it. */
  readonly text: (question: string, suggestion: string, problem: Problem) => Promise<string>;
  readonly choice: <Value extends string>(question: string, values: readonly Value[]) => Promise<Value>;
}

/** Makes the questions for a terminal. Questions are not results, so the program writes questions to standard error. */
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
    text: async (question, suggestion, problem) => {
      const given = (answer: string | undefined) => answer?.trim() || suggestion;
      const validate = (answer: string | undefined) => problem(given(answer));
      const shown = suggestion === "" ? {} : { placeholder: suggestion, defaultValue: suggestion };
      return given(answered(await text({ ...streams, message: visible(question), ...shown, validate })));
    },
    choice: async (question, values) => {
      const options = values.map((value) => ({ value, label: visible(value) }));
      return answered(await select<string>({ ...streams, message: visible(question), options })) as (typeof values)[number];
    },
  };
};
