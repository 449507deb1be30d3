// The parts of the approval plugin that its commands use, and the ways in which a person at the terminal can pass an approver
// key.

import { statSync } from "node:fs";
import { readFile } from "node:fs/promises";
import { cut, visible } from "../../../core/diagnostics/text.ts";
import { invalid, isQuaterError, type Principal } from "../../../core/index.ts";
import type { CommandIo, Gate } from "../../../core/plugin-api.ts";
import { parts } from "../../parts.ts";
import { developmentKeyRefused } from "../errors.ts";
import type { Approvals } from "../service.ts";
import type { Present, PresentFirst } from "../shown/index.ts";

export interface CommandParts {
  /** The folder of the project. */
  readonly root: string;
  readonly approvals: Approvals;
  readonly present: Present;
  readonly presentFirst: PresentFirst;
  readonly gate: Pick<Gate, "enter" | "newCallId">;
  /** The names of the surfaces of the project. */
  readonly surfaces: readonly string[];
  /** Authenticates a key with the option `authenticate` of approval(). @throws {QuaterError} `invalid_token`. */
  readonly authenticateKey: (key: string) => Promise<Principal>;
  /** Creates a sign-in code for the approvals page; `undefined` if the project has no approvals page. */
  readonly issueCode: ((key: string) => Promise<{ readonly code: string; readonly expiresAt: number }>) | undefined;
}

const longestKey = 8 * 1024;

/**
 * Authenticates the person who types the command, by an approver key that the person passes for this one command. Quater accepts
 * no environment variables and no stored credentials here, because an agent in the operator's shell could also use them (threat
 * T4).
 *
 * @throws {QuaterError} `invalid_token`, `approver_not_eligible`, or `invalid_input` without a key.
 */
export const approverFor = async (
  { root, approvals, authenticateKey }: CommandParts,
  keyFile: string | undefined,
  io: CommandIo,
): Promise<{ readonly principal: Principal; readonly key: string; readonly again: () => Promise<Principal> }> => {
  const key = (keyFile === undefined ? await typedKey(io) : await keyIn(keyFile, io)).trim();
  if (key === "" || key.length > longestKey || /\s/.test(key)) invalid("/keyFile", "contains no valid key");
  const principal = await authenticateKey(key).catch((error: unknown) => refusalOf(error, root, key));
  approvals.assertApprover(principal);
  // Authenticates the approver key again before the vote, because an operator may have revoked the key in the meantime.
  return { principal, key, again: () => authenticateKey(key) };
};

/**
 * Rejects with an error that explains why a development key is refused. Only the terminal prints this explanation, because a
 * person who can read the key file may know the kind of a key.
 */
const refusalOf = async (error: unknown, root: string, key: string): Promise<never> => {
  const isUnknown = isQuaterError(error) && error.code === "invalid_token";
  const isDevelopmentKey = async () => (await parts.developmentKeys?.())?.isDevelopmentKey(root, key) === true;
  if (isUnknown && (await isDevelopmentKey())) throw developmentKeyRefused();
  throw error;
};

const typedKey = async (io: CommandIo): Promise<string> =>
  (await io.ask("Approver key", { isSecret: true })) ??
  invalid(
    "/keyFile",
    'is required when the command cannot ask on a terminal: give a file that only you can read, or "-" for standard input',
  );

const keyIn = async (file: string, io: CommandIo): Promise<string> => {
  if (file === "-") return Buffer.from(await io.readInput()).toString("utf8");
  const path = io.pathOf(file);
  const stats = statSync(path, { throwIfNoEntry: false });
  if (stats?.isFile() !== true) return invalid("/keyFile", `names ${JSON.stringify(cut(visible(file)))}, which is not a file`);
  if (process.getuid !== undefined && (stats.mode & 0o077) !== 0)
    invalid("/keyFile", `names ${JSON.stringify(cut(visible(file)))}, which other users can read. Run chmod 600 on the file`);
  if (stats.size > longestKey) invalid("/keyFile", "is too large to be a key");
  return readFile(path, "utf8");
};
