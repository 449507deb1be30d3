// The service of the plugin mcp. With this service, the `quater` program serves one client over a pair of streams, and plugins report
// changes of resources.

import type { Readable, Writable } from "node:stream";
import { serviceRef } from "../../core/plugin-api.ts";

export interface StdioStreams {
  readonly input: Readable;
  /**
   * The output stream of the protocol. A line that is not a message would break the protocol, so `quater mcp` redirects other
   * output to standard error.
   */
  readonly output: Writable;
  /** The environment variables. `QUATER_MCP_TOKEN` is the credential. Without this variable the caller is the local user. */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Prints a line for the person who started the process. The line is not written to the protocol's stream. */
  readonly say: (text: string) => void;
}

export interface McpService {
  /**
   * Serves the client until the input ends or the client no longer reads the output. Running calls are then aborted, and the
   * promise resolves within about half a second. Handlers that ignore the AbortSignal of their call may continue.
   */
  serveStdio(streams: StdioStreams): Promise<void>;
  /**
   * Reports that the content of a resource has changed, for example `order://ord_1`. Each client that subscribed to the URI and may
   * still read the resource gets a notification, also the clients of other instances with the same store. Never throws. A URI
   * without subscribers is ignored.
   */
  updated(uri: string): void;
}

export const mcpRef = serviceRef<McpService>("mcp");
