// Reports failures that are not failures of calls: a wrong command line, a project that does not boot, an error in Quater. This
// file imports only small files of core, so that the program can report an unknown command without loading schemas.

import { errorText } from "../../../core/diagnostics/error-text.ts";
import { fieldSentence, isQuaterError, type QuaterError } from "../../../core/diagnostics/errors.ts";
import { fileProblem } from "../../../core/diagnostics/file-error.ts";
import { type BootError, isBootError } from "../../../core/diagnostics/problem.ts";
import { visible, visibleLines } from "../../../core/diagnostics/text.ts";
import type { NextSteps } from "../program/announce.ts";
import { Distrusted, exit, exitOfKind, type PrintedCode, UsageError } from "./exit.ts";
import { aligned } from "./render.ts";
import type { Terminal } from "./terminal.ts";

/** Returns the error of a call as JSON for scripts. The JSON has the same form as on other surfaces. */
export const errorBody = (
  error: QuaterError,
  callId: string | undefined,
  { next, hint }: { readonly next?: NextSteps | undefined; readonly hint?: string | undefined } = {},
): object => ({
  error: {
    code: error.code,
    message: error.message,
    callId,
    errors: error.errors,
    details: error.details,
    retryAfterSeconds: error.retryAfterSeconds,
    next,
    hint,
  },
});

/** Reports errors that are not the outcome of a call. @returns The exit code of the program. */
export const reportFailure = (error: unknown, terminal: Terminal, isJsonAsked: boolean): number => {
  if (error instanceof UsageError) {
    terminal.say(isJsonAsked ? json({ code: error.code, message: error.message }) : `quater: ${visible(error.message)}\n`);
    return exit.usage;
  }
  if (isBootError(error)) {
    terminal.say(
      isJsonAsked
        ? json({ code: "configuration", message: "The project does not boot", problems: error.problems })
        : bootText(error, terminal),
    );
    return exit.configuration;
  }
  if (error instanceof Distrusted) {
    terminal.say(isJsonAsked ? json({ code: error.code, message: error.message }) : `quater: ${visible(error.message)}\n`);
    return exit.configuration;
  }
  if (isQuaterError(error)) {
    const errors = (error.errors ?? []).map(fieldSentence);
    const more = [...(errors.length > 1 ? errors : []), error.hint ?? []].flat().map((line) => `  ${visible(line)}\n`);
    terminal.say(
      isJsonAsked
        ? `${JSON.stringify(errorBody(error, undefined))}\n`
        : `${terminal.paintError("red", visible(error.code))}: ${visibleLines(error.message)}\n${more.join("")}`,
    );
    return exitOfKind[error.kind];
  }
  const file = fileProblem(error);
  if (file !== undefined) {
    const { cause, remedy } = file;
    terminal.say(isJsonAsked ? json({ code: "file", message: cause, hint: remedy }) : `quater: ${cause}\n  ${remedy}\n`);
    return exit.configuration;
  }
  terminal.say(`quater: unexpected failure\n${visibleLines(errorText(error))}\n`);
  return exit.internal;
};

interface Printed {
  readonly code: PrintedCode;
  readonly message: string;
  readonly hint?: string;
  readonly problems?: BootError["problems"];
}

const json = (error: Printed): string => `${JSON.stringify({ error })}\n`;

const bootText = ({ problems }: BootError, { paintError }: Terminal): string => {
  const count = problems.length === 1 ? "1 problem" : `${problems.length} problems`;
  const blocks = problems.map(
    ({ place, plugin, cause, remedy }) =>
      `\n  ${paintError("bold", visible(place))}\n${aligned(
        [
          ...(plugin === undefined ? [] : [["plugin", visible(plugin)] as const]),
          ["cause", visibleLines(cause).replaceAll("\n", "\n            ")],
          ["remedy", visible(remedy)],
        ],
        "    ",
      )}`,
  );
  return `${paintError("red", "The project does not boot")}: ${count}\n${blocks.join("")}`;
};
