// Makes the text at the terminal for a call that needs approval: the approval request, the place where approvers decide the
// request, and the next commands.

import type { QuaterError } from "../../../core/diagnostics/errors.ts";
import { isPlainObject } from "../../../core/schema/schema.ts";

/** The data about an approval request that approval() adds to its refusal. */
export interface Announced {
  readonly id: string;
  readonly url?: string;
  /** The time at which the approval request expires, as ISO 8601 text. */
  readonly expiresAt?: string;
}

export interface NextSteps {
  /** The place where approvers decide the approval request: a link, or a command if the project has no approvals page. */
  readonly decide: string;
  /** The command that waits until approvers have decided the approval request. */
  readonly wait: string;
  /** The command that repeats the call. With `--wait`, the user does not need this command. */
  readonly repeat: string;
}

/** Returns the approval request that an error announces; `undefined` for errors that an approval would not change. */
export const announcedIn = ({ kind, details }: QuaterError): Announced | undefined => {
  const approval = details?.["approval"];
  if (kind !== "approval_required" || !isPlainObject(approval) || typeof approval["id"] !== "string") return undefined;
  const { id, url, expiresAt } = approval;
  return {
    id,
    ...(typeof url === "string" ? { url } : {}),
    ...(typeof expiresAt === "string" ? { expiresAt } : {}),
  };
};

/**
 * The longest command that the program prints, in characters. The program does not print a longer command, because a cut command
 * would do something else.
 */
const longestCommand = 2_000;

/**
 * @param words  The words after `quater run` in the command that filed the request. The words never contain secrets.
 * @param program  `quater`, or the words that the user must type instead.
 * @param remote  The name of the remote on which the call ran.
 */
export const nextSteps = ({ id, url }: Announced, words: readonly string[], program: string, remote?: string): NextSteps => {
  const on = remote === undefined ? "" : ` --remote ${remote}`;
  const end = words.indexOf("--");
  const flags = end === -1 ? words : words.slice(0, end);
  const rest = end === -1 ? [] : words.slice(end);
  const plain = flags.filter((word) => word !== "--wait");
  const repeat = [program, "run", ...[...plain, "--wait", ...rest].map(shellWord)].join(" ");
  return {
    decide: url ?? `${program} approvals approve ${id}${remote === undefined ? "" : ", on the server"}`,
    wait: `${program} approvals wait ${id}${on}`,
    repeat: repeat.length > longestCommand ? "the same command, with --wait" : repeat,
  };
};

export const shellWord = (text: string): string => (/^[\w.,:/@=+-]+$/.test(text) ? text : `'${text.replaceAll("'", "'\\''")}'`);
