// A refused or failed call, in words for a person and as data for a script.

import type { QuaterError } from "../../core/index.ts";
import { visible, visibleLines } from "../../core/text.ts";
import { exitOfKind } from "./exit.ts";
import type { Flag } from "./flags.ts";
import { fieldLine } from "./given.ts";
import { errorBody } from "./report.ts";
import type { Terminal } from "./terminal.ts";

export interface CallFailure {
  readonly error: QuaterError;
  readonly callId: string;
  readonly flags: readonly Flag[];
}

/** @returns The exit code. */
export const reportCall = ({ error, callId, flags }: CallFailure, terminal: Terminal, isJson: boolean): number => {
  if (isJson) terminal.say(`${JSON.stringify(errorBody(error, callId))}\n`);
  else {
    const lines = [
      ...(error.errors ?? []).map((field) => visible(fieldLine(field, flags))),
      ...Object.entries(error.details ?? {}).map(([name, value]) => visible(`${name} ${shown(value)}`)),
      `call ${callId}`,
    ];
    terminal.say(`${terminal.paintError("red", visible(error.code))}: ${visibleLines(error.message)}\n`);
    terminal.say(lines.map((line) => `  ${line}\n`).join(""));
  }
  return exitOfKind[error.kind];
};

const shown = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
