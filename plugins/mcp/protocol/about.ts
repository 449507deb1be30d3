// The description of the MCP server for its clients.

import { Type } from "../../../core/index.ts";

/** An icon that clients show beside the name of an app or handler (MCP 2025-11-25, `Icon`). */
export interface Icon {
  /** The URL of the image: `https:`, or `data:` with the image itself. */
  readonly src: string;
  /** The media type of the image: `image/png`. */
  readonly mimeType?: string;
  /** The sizes of the image: `["48x48"]`, or `["any"]` for an image that scales. */
  readonly sizes?: readonly string[];
  /** The background for which the image is made: light or dark. */
  readonly theme?: "light" | "dark";
}

export const iconSchema = Type.Object(
  {
    src: Type.String({ pattern: "^(?:https:|data:image/)", maxLength: 100_000 }),
    mimeType: Type.Optional(Type.String({ maxLength: 100 })),
    sizes: Type.Optional(Type.Array(Type.String({ pattern: "^(?:[0-9]+x[0-9]+|any)$" }), { maxItems: 10 })),
    theme: Type.Optional(Type.Union([Type.Literal("light"), Type.Literal("dark")])),
  },
  { additionalProperties: false },
);

/** The name, version and instructions of the server in the answers to `initialize` and `server/discover`. */
export interface About {
  readonly name: string;
  readonly version: string;
  readonly title?: string | undefined;
  readonly instructions?: string | undefined;
  readonly icons?: readonly Icon[] | undefined;
}

/** Returns the name, version, title and icons of the server in the form that MCP prescribes. */
export const serverInfoOf = ({ name, version, title, icons }: About) => ({
  name,
  version,
  ...(title === undefined ? {} : { title }),
  ...(icons === undefined
    ? {}
    : { icons: icons.map(({ sizes, ...icon }) => ({ ...icon, ...(sizes && { sizes: [...sizes] }) })) }),
});

/** Returns an object with the field `instructions`, which is absent if the app has no instructions. */
export const instructionsOf = ({ instructions }: About) => (instructions === undefined ? {} : { instructions });
