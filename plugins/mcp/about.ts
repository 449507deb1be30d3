// What an MCP server says of itself.

/** What `initialize` says of this server. */
export interface About {
  readonly name: string;
  readonly version: string;
  readonly title?: string | undefined;
  readonly instructions?: string | undefined;
}
