/**
 * How the process was started: `serve` and `dev` open ports, `stdio` serves one client on standard input and output, `run` makes one call,
 * `inspect` reads the manifest and makes no call, and `test` is a test program. Behaviour depends on the mode, never on an environment
 * variable.
 */
export type RunMode = "serve" | "dev" | "stdio" | "run" | "inspect" | "test";

/**
 * Whether the process accepts calls until an operator stops the process. In the other run modes, the process ends after one
 * command.
 */
export const isServing = (mode: RunMode): boolean => mode !== "run" && mode !== "inspect";

/** Whether the process opens ports. */
export const isListening = (mode: RunMode): boolean => isServing(mode) && mode !== "stdio";
