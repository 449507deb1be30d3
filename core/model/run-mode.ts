// How the process was started.

/** How the process was started. Behaviour hangs on this, never on an environment variable. */
export type RunMode = "serve" | "dev" | "mcp" | "run" | "inspect" | "test";
