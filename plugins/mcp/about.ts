// The description of the MCP server for its clients.

import type { Icon } from "./exposure.ts";

/** The name, version and instructions of the server in the answers to `initialize` and `server/discover`. */
export interface About {
  readonly name: string;
  readonly version: string;
  readonly title?: string | undefined;
  readonly instructions?: string | undefined;
  readonly icons?: readonly Icon[] | undefined;
}

/** Returns the name, version, title and icons of the server in the form of the protocol. */
export const serverInfoOf = ({ name, version, title, icons }: About) => ({
  name,
  version,
  ...(title === undefined ? {} : { title }),
  ...(icons === undefined
    ? {}
    : { icons: icons.map(({ sizes, ...icon }) => ({ ...icon, ...(sizes && { sizes: [...sizes] }) })) }),
});

/** Returns the field with the instructions, if there are instructions. */
export const instructionsOf = ({ instructions }: About) => (instructions === undefined ? {} : { instructions });
