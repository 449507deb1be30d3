// Errors about remotes that the program does not trust, and errors of connections.

import { cut, visible } from "../../../core/diagnostics/text.ts";
import { QuaterError } from "../../../core/index.ts";
import { Distrusted } from "../output/exit.ts";

export { Distrusted } from "../output/exit.ts";

/** For a text of a server inside a sentence. */
export const quoted = (text: unknown): string => JSON.stringify(cut(visible(String(text)), 200));

/** For an answer that is not an answer of the protocol. */
export const strangeAnswer = (name: string, what: string): Distrusted =>
  new Distrusted(`The remote ${name} ${what}. Check the URL with quater remote list`);

/** For a request that did not reach the server, or whose answer changed nothing. The same command may be repeated. */
export const unreachable = (name: string, why: string): Unreachable =>
  Object.assign(
    new QuaterError({
      code: "remote_unreachable",
      kind: "unavailable",
      message: `The remote ${name} cannot be reached: ${why}. Repeat the command later`,
    }),
    { why },
  );

/** `why` is the reason alone, as the end of a sentence. */
export type Unreachable = QuaterError & { readonly why: string };

/** For a call that was sent, and whose answer did not arrive completely. */
export const unanswered = (name: string, action: string, why: string): QuaterError =>
  new QuaterError({
    code: "remote_unanswered",
    kind: "outcome_unknown",
    message: `The call of ${action} was sent to the remote ${name}, but its answer did not arrive: ${why}. The call may have taken effect, so do not repeat it`,
  });
