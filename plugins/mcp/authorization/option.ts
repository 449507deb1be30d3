// Defines the option `authorization` of mcp(), which lists the authorization servers from which clients get tokens.

import { type Static, Type } from "../../../core/index.ts";

const text = Type.String({ minLength: 1 });

export const authorizationOption = Type.Object(
  {
    /** The issuer URLs of the authorization servers, exactly as in the claim `iss` of their tokens. */
    servers: Type.Array(text, { minItems: 1 }),
    /** The audience of tokens for this MCP server. Default: `publicUrl` of http() followed by `/mcp`. */
    audience: Type.Optional(text),
    /** The scopes that clients request first. Default: the scopes of the tools with the effect `read`. */
    scopes: Type.Optional(Type.Array(text)),
    /**
     * A text such as `api://shop/`, which Quater writes before each scope in the metadata document and in challenges. Tokens
     * contain the scopes without this text.
     */
    scopePrefix: Type.Optional(Type.String()),
  },
  { additionalProperties: false },
);

export type AuthorizationOption = Static<typeof authorizationOption>;

/** The path of the MCP endpoint. */
export const mcpPath = "/mcp";

/** The path of the page that shows people the tools. */
export const pagePath = `${mcpPath}/docs`;

/**
 * Returns the URL that identifies this MCP server: lower-case scheme and host, no slash at the end (RFC 8707 section 2).
 *
 * @param publicUrl  The public origin of the app: `publicUrl` of http().
 */
export const resourceOf = (publicUrl: string): string => `${publicUrl}${mcpPath}`;
