// Checks that a token was made for this MCP server.

import { invalidToken } from "../../../core/diagnostics/errors.ts";
import type { Principal } from "../../../core/index.ts";
import { type AuthorizationOption, resourceOf } from "./option.ts";

/**
 * Checks that a token of an authorization server was made for this MCP server (RFC 8707). The authenticator has already compared
 * the audience of the token with its own options. But the audience in these options may belong to another service, such as the
 * HTTP routes of this app.
 */
export class AudienceCheck {
  readonly #servers: ReadonlySet<string>;
  #audience: string | undefined;

  constructor(option: AuthorizationOption | undefined) {
    this.#servers = new Set(option?.servers.map(comparable));
    this.#audience = option?.audience;
  }

  /** @param publicUrl  The public origin of the app: `publicUrl` of http(). */
  set(publicUrl: string): void {
    this.#audience ??= resourceOf(publicUrl);
  }

  /** @throws {QuaterError} `invalid_token` for a token of an authorization server with another audience. */
  check({ issuer, claims }: Principal): void {
    if (!this.#servers.has(comparable(issuer))) return;
    const { aud: given } = Object(claims) as Principal["claims"]; // An authenticator in JavaScript may return no claims.
    if (this.#audience === undefined || ![given].flat().includes(this.#audience)) throw invalidToken();
  }
}

/**
 * Returns the URL of an issuer without differences that people overlook. An authenticator of the app may write the issuer with
 * another slash or letter case than the option `authorization`. Without this function, tokens of this issuer would pass without a
 * check of their audience.
 */
const comparable = (issuer: string): string => (issuer.endsWith("/") ? issuer.slice(0, -1) : issuer).toLowerCase();
