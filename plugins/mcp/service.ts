// The service of mcp for the `quater` program: it serves one client over a pair of streams.

import type { Readable, Writable } from "node:stream";
import { serviceRef } from "../../core/plugin-api.ts";

export interface StdioStreams {
  readonly input: Readable;
  /** Carries the protocol only, because one other line breaks it. `quater mcp` redirects other output to standard error. */
  readonly output: Writable;
  /** `QUATER_MCP_TOKEN` is the credential; without it the caller is local. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** For the person who started the process; never the protocol's stream. */
  readonly say: (text: string) => void;
}

export interface McpService {
  /**
   * Serves until the input ends or the client no longer reads. Then the calls in flight are aborted, and it resolves within
   * about half a second, although handlers that ignore their signal may run on.
   */
  serveStdio(streams: StdioStreams): Promise<void>;
}

export const mcpRef = serviceRef<McpService>("mcp");
