// The description of the MCP server for its clients.

/** The name, version and instructions of the server in the answer to `initialize`. */
export interface About {
  readonly name: string;
  readonly version: string;
  readonly title?: string | undefined;
  readonly instructions?: string | undefined;
}
