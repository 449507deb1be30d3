/**
 * The run mode says how an operator started the process. `serve` and `dev` open ports. `stdio` serves one client on standard
 * input and output. `run` makes one call. `inspect` reads the manifest and makes no call. `test` is a test program. The behaviour
 * of Quater depends on the run mode, never on an environment variable.
 */
export type RunMode = "serve" | "dev" | "stdio" | "run" | "inspect" | "test";

/**
 * Whether the process accepts calls until an operator stops the process. In the other run modes, the process ends after one
 * command.
 */
export const isServing = (mode: RunMode): boolean => mode !== "run" && mode !== "inspect";

/** Whether the process opens ports. */
export const isListening = (mode: RunMode): boolean => isServing(mode) && mode !== "stdio";
