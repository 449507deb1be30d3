// The check that a token was made for this MCP server.

import { invalidToken } from "../../../core/diagnostics/errors.ts";
import type { Principal } from "../../../core/index.ts";
import { type AuthorizationOption, resourceOf } from "./option.ts";

/**
 * Checks that a token of an authorization server was made for this MCP server (RFC 8707). The authenticator has already checked
 * the audience in its own options, but this audience may belong to another service, such as the HTTP routes of this app.
 */
export class AudienceCheck {
  readonly #servers: ReadonlySet<string>;
  #audience: string | undefined;

  constructor(option: AuthorizationOption | undefined) {
    this.#servers = new Set(option?.servers.map(comparable));
    this.#audience = option?.audience;
  }

  /** @param publicUrl  The public origin, from http(). */
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
 * Returns the issuer without differences that people overlook. An authenticator of the app may write the issuer with another slash
 * or letter case than the option, and tokens of this server must not pass unchecked for this reason.
 */
const comparable = (issuer: string): string => (issuer.endsWith("/") ? issuer.slice(0, -1) : issuer).toLowerCase();
