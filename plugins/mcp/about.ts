// The description of the MCP server for its clients.

/** The name, version and instructions of the server in the answers to `initialize` and `server/discover`. */
export interface About {
  readonly name: string;
  readonly version: string;
  readonly title?: string | undefined;
  readonly instructions?: string | undefined;
}

/** What the server offers. Every tool list is fixed at boot, so the server announces no changes. */
export const capabilities = { tools: {} } as const;

/** Returns the server's identity as the protocol names it. */
export const serverInfoOf = ({ name, version, title }: About) => ({ name, version, ...(title === undefined ? {} : { title }) });

/** Returns the field with the instructions, if there are instructions. */
export const instructionsOf = ({ instructions }: About) => (instructions === undefined ? {} : { instructions });
