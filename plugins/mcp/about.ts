// How the MCP server describes itself.

/** The server's part of the answer to `initialize`. */
export interface About {
  readonly name: string;
  readonly version: string;
  readonly title?: string | undefined;
  readonly instructions?: string | undefined;
}
