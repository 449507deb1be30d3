// The context of every command: the streams, the environment and the folder of the process, and the program's own flags.

import type { Presented } from "../../../core/plugin-api.ts";
import type { Terminal } from "../output/terminal.ts";

export type Env = Readonly<Record<string, string | undefined>>;

export interface Context {
  readonly env: Env;
  readonly cwd: string;
  readonly terminal: Terminal;
  /** Whether the program prints results and errors as JSON: with `--json`, or when standard output is not a terminal. */
  readonly isJson: boolean;
  /**
   * Whether the command line contains `--json`. With `--json`, the program also reports mistakes in the command line and in the
   * project as JSON.
   */
  readonly isJsonAsked: boolean;
  readonly isHelp: boolean;
  /** The path of the manifest that `--config` or `QUATER_CONFIG` names. */
  readonly config: string | undefined;
  /** The value of `--remote`: the name of the remote on which the command runs. Absent: the command runs on this computer. */
  readonly remote?: string | undefined;
  /**
   * Returns an AbortSignal that aborts when a process signal asks the process to end. The abort reason is the name of the process
   * signal. A command that calls this function must end soon after the abort. During other commands, a process signal ends the
   * process immediately.
   */
  readonly heedInterrupt: () => AbortSignal;
  /**
   * An AbortSignal that aborts when this process has nothing left to wait for: no timer, no connection, no file. A promise that
   * is still pending at the abort never resolves.
   */
  readonly idle: AbortSignal;
  /** Makes standard error a log. The program then writes uncaught errors as lines of this log. */
  readonly sayFailuresAs: (line: (error: unknown) => string) => void;
}

/** The place to which the results of a call are written: standard output, or the file of `--output`. */
export type Results = Pick<Context, "terminal" | "isJson">;

/** Returns the credentials of the caller at the terminal. */
export const credentialsOf = (env: Env): Presented => {
  const token = env["QUATER_TOKEN"];
  return { surface: "cli", isLocal: true, ...(token ? { token } : {}) };
};
