// Reports a refused or failed call, as text for a person or as JSON for a script.

import { visible, visibleLines } from "../../../core/diagnostics/text.ts";
import type { QuaterError } from "../../../core/index.ts";
import { fieldLine } from "../actions/field-errors.ts";
import type { Flag } from "../actions/flags.ts";
import type { NextSteps } from "../program/announce.ts";
import { exitOfKind } from "./exit.ts";
import { aligned } from "./render.ts";
import { errorBody } from "./report.ts";
import type { Terminal } from "./terminal.ts";

export interface CallFailure {
  readonly error: QuaterError;
  readonly callId: string;
  readonly flags: readonly Flag[];
  /** The next step for the operator. The program prints the advice only on a terminal. */
  readonly advice?: string | undefined;
  /** A sentence about where the operator finds the cause of an internal error, if the report does not contain the cause. */
  readonly hint?: string | undefined;
  /** The next commands of the user, if people must approve the call first. */
  readonly next?: NextSteps;
}

/** Reports a failed call. @returns The exit code of the program. */
export const reportCall = (failure: CallFailure, terminal: Terminal, isJson: boolean): number => {
  const { error, callId, flags, advice, hint, next } = failure;
  // A call that never reached a remote has no call id.
  const id = callId === "" ? undefined : callId;
  if (isJson) terminal.say(`${JSON.stringify(errorBody(error, id, { next, hint }))}\n`);
  else {
    const lines = [
      ...(error.errors ?? []).map((field) => visible(fieldLine(field, flags))),
      ...(next === undefined ? Object.entries(error.details ?? {}) : []).map(([name, value]) =>
        visible(`${name} ${shown(value)}`),
      ),
      ...[advice, hint].flatMap((line) => (line === undefined ? [] : [visible(line)])),
      ...(id === undefined ? [] : [`call ${id}`]),
    ];
    terminal.say(`${terminal.paintError("red", visible(error.code))}: ${visibleLines(error.message)}\n`);
    if (next !== undefined) terminal.say(approvalText(error, next));
    terminal.say(lines.map((line) => `  ${line}\n`).join(""));
  }
  return exitOfKind[error.kind];
};

/**
 * Returns the text about a call that needs approval. The text contains first the data of the approval request, then the next
 * steps of the approver, then the next steps of the caller.
 */
const approvalText = (error: QuaterError, { decide, wait, repeat }: NextSteps): string => {
  const { id, expiresAt } = Object(error.details?.["approval"]) as Readonly<Record<string, unknown>>;
  const isLink = /^https?:/.test(decide);
  return [
    aligned([
      ["approval", visible(shown(id))],
      ...(expiresAt === undefined ? [] : [["until", visible(shown(expiresAt))] as const]),
      [isLink ? "decide at" : "decide by", visible(decide)],
    ]),
    `  After the approval, run the same command again, or wait for the decision with:\n    ${visible(wait)}\n    ${visible(repeat)}\n`,
  ].join("");
};

const shown = (value: unknown): string => (typeof value === "string" ? value : JSON.stringify(value));
