// Makes the errors about remotes that the program does not trust, and the errors of connections to remotes.

import { cut, visible } from "../../../core/diagnostics/text.ts";
import { QuaterError } from "../../../core/index.ts";
import { Distrusted, type ProgramCode } from "../output/exit.ts";

export { Distrusted } from "../output/exit.ts";

/** Quotes a text of a server, so that the text can be part of a sentence. */
export const quoted = (text: unknown): string => JSON.stringify(cut(visible(String(text)), 200));

/** Makes the error for an answer of a remote that does not follow the protocol `quater-actions`. */
export const strangeAnswer = (name: string, what: string): Distrusted =>
  new Distrusted(`The remote ${name} ${what}. Check the URL with quater remote list`);

/**
 * Makes the error for an HTTP request that did not reach the remote or changed nothing there. The user may repeat the command.
 */
export const unreachable = (name: string, why: string): Unreachable =>
  Object.assign(
    new QuaterError({
      code: "remote_unreachable" satisfies ProgramCode,
      kind: "unavailable",
      message: `The remote ${name} cannot be reached: ${why}. Repeat the command later`,
    }),
    { why },
  );

/** `why` is the reason why the remote cannot be reached, written as the end of a sentence. */
export type Unreachable = QuaterError & { readonly why: string };

/** Makes the error for a call that the program sent to the remote, and whose answer did not arrive completely. */
export const unanswered = (name: string, action: string, why: string): QuaterError =>
  new QuaterError({
    code: "remote_unanswered" satisfies ProgramCode,
    kind: "outcome_unknown",
    message: `The call of ${action} was sent to the remote ${name}, but its answer did not arrive: ${why}. The call may have taken effect, so do not repeat it`,
  });
