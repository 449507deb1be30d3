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
  /** `--json` was typed; then mistakes in the command line and the project are JSON too. */
  readonly isJsonAsked: boolean;
  readonly isHelp: boolean;
  /** `--config`, or `QUATER_CONFIG`. */
  readonly config: string | undefined;
  /**
   * Aborted by a signal, which is its reason. A command that calls this must end soon after. For other commands, a signal ends the
   * program at once.
   */
  readonly heedInterrupt: () => AbortSignal;
  /** Makes standard error a log. Uncaught errors are written by this log. */
  readonly sayFailuresAs: (line: (error: unknown) => string) => void;
}

/** The credentials of the terminal's caller. */
export const credentialsOf = (env: Env): Presented => {
  const token = env["QUATER_TOKEN"];
  return { surface: "cli", isLocal: true, ...(token ? { token } : {}) };
};
