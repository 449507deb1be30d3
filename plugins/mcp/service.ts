// The service of mcp for the `quater` program: it serves one client over a pair of streams.

import type { Readable, Writable } from "node:stream";
import { serviceRef } from "../../core/plugin-api.ts";

export interface StdioStreams {
  readonly input: Readable;
  /**
   * The output stream of the protocol. One other line breaks the protocol, so `quater mcp` redirects other output to standard
   * error.
   */
  readonly output: Writable;
  /** The environment. `QUATER_MCP_TOKEN` is the credential; without it the caller is local. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Prints a line for the person who started the process, and not into the protocol's stream. */
  readonly say: (text: string) => void;
}

export interface McpService {
  /**
   * Serves until the input ends or the client no longer reads. Running calls are then aborted, and it resolves within about half
   * a second, although handlers that ignore their signal may continue.
   */
  serveStdio(streams: StdioStreams): Promise<void>;
}

export const mcpRef = serviceRef<McpService>("mcp");
