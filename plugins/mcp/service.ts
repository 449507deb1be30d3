// The service of the plugin mcp. Through this service, the `quater` program serves one client over a pair of streams, and plugins
// report changes of resources.

import type { Readable, Writable } from "node:stream";
import { serviceRef } from "../../core/plugin-api.ts";

export interface StdioStreams {
  readonly input: Readable;
  /**
   * The output stream for MCP messages. A line that is not an MCP message would break the protocol, so `quater mcp` redirects
   * other output to standard error.
   */
  readonly output: Writable;
  /**
   * The environment variables. `QUATER_MCP_TOKEN` contains the credential of the caller. Without this variable, the caller is the
   * local user.
   */
  readonly env: Readonly<Record<string, string | undefined>>;
  /** Prints a line of text for the person who started the process. Quater does not print the line to `output`. */
  readonly say: (text: string) => void;
}

export interface McpService {
  /**
   * Serves one client until the input ends or the client no longer reads the output. Then Quater aborts the running calls, and
   * the promise resolves within about half a second. Handlers that ignore the AbortSignal of their call may continue.
   */
  serveStdio(streams: StdioStreams): Promise<void>;
  /**
   * Reports that the content of an MCP resource has changed, for example `order://ord_1`. Each client that subscribed to the URI
   * and may still read the resource gets a notification, also the clients of other instances with the same store. This function
   * ignores a URI without subscribers, and never throws.
   */
  updated(uri: string): void;
}

export const mcpRef = serviceRef<McpService>("mcp");
