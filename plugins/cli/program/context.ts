// The context of every command: the streams, the environment and the folder of the process, and the program's own flags.

import type { Presented } from "../../../core/plugin-api.ts";
import type { Terminal } from "../output/terminal.ts";

export type Env = Readonly<Record<string, string | undefined>>;

export interface Context {
  readonly env: Env;
  readonly cwd: string;
  readonly terminal: Terminal;
  /** Whether results and errors are JSON: with `--json`, or when standard output is not a terminal. */
  readonly isJson: boolean;
  /**
   * Whether the command line contains `--json`. With `--json`, mistakes in the command line and in the project are also reported
   * as JSON.
   */
  readonly isJsonAsked: boolean;
  readonly isHelp: boolean;
  /** The manifest that `--config` or `QUATER_CONFIG` names. */
  readonly config: string | undefined;
  /** The value of `--remote`: the name of the server on which the command runs. Absent: this computer. */
  readonly remote?: string | undefined;
  /**
   * Returns an AbortSignal that aborts when the process is asked to end; the reason is the name of the process signal. A
   * command that calls this must end soon after the abort. For other commands the process ends immediately.
   */
  readonly heedInterrupt: () => AbortSignal;
  /**
   * Aborted when this process has nothing left to wait for: no timer, no connection, no file. A promise that is still pending then
   * never resolves.
   */
  readonly idle: AbortSignal;
  /** Makes standard error a log. Uncaught errors are then written by this log. */
  readonly sayFailuresAs: (line: (error: unknown) => string) => void;
}

/** The place of the results of a call: standard output, or the file of `--output`. */
export type Results = Pick<Context, "terminal" | "isJson">;

/** Returns the credentials of the caller at the terminal. */
export const credentialsOf = (env: Env): Presented => {
  const token = env["QUATER_TOKEN"];
  return { surface: "cli", isLocal: true, ...(token ? { token } : {}) };
};
