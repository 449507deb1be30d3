// Makes the MCP server an OAuth resource server (MCP 2025-11-25 and 2026-07-28, basic/authorization). Clients read the metadata
// document of the MCP server (RFC 9728), get a token from an authorization server, and request more scopes when a call needs more
// scopes. The authenticator of the app verifies the tokens. This file publishes the metadata document and writes the challenges.

import type { Principal, QuaterError } from "../../../core/index.ts";
import { challengeOf, missingScopesOf, type ResourceMetadata } from "../../../core/model/credentials.ts";
import { type Catalog, errorCodes, isVisibleTo, type Operation } from "../../../core/plugin-api.ts";
import type { EndpointReply, HttpService } from "../../http/service.ts";
import { mcpKey } from "../offers/exposure.ts";
import type { Challenge } from "../protocol/answers.ts";
import { type AuthorizationOption, mcpPath, resourceOf } from "./option.ts";

const metadataPath = "/.well-known/oauth-protected-resource";

/**
 * Returns the challenge for an error that the caller could avoid with another credential; `undefined` for all other errors. An
 * error code of a handler, such as `wrong_password`, concerns the input of the call, so a client must not sign in again because
 * of such an error code. For a missing scope, Quater sends a challenge only if an authorization server could give the scope to
 * this caller. Other callers cannot request scopes, so Quater answers with a tool error.
 */
export const challengeIn = (
  error: QuaterError,
  principal: Principal,
  authorization: Authorization | undefined,
): Challenge | undefined => {
  if (!Object.hasOwn(errorCodes, error.code)) return undefined;
  const isOfScope = error.code === "missing_scope";
  if (isOfScope && authorization?.hasIssued(principal) !== true) return undefined;
  const header = challengeOf(error, authorization?.resourceFor(error, principal));
  return header === undefined ? undefined : { status: isOfScope ? 403 : 401, header };
};

/**
 * Whether the static part of the handler's policy would allow the principal if the principal had all scopes that the policy
 * names.
 */
export const isReachable = ({ policy }: Operation, principal: Principal): boolean =>
  policy.judgeStatic({ ...principal, scopes: [...principal.scopes, ...policy.scopes] }) === undefined;

interface Parts {
  readonly option: AuthorizationOption;
  readonly publicUrl: string;
  readonly catalog: Catalog;
  /** The app's name for people. */
  readonly title: string;
}

/** The authorization servers of the MCP server, for callers over HTTP. */
export class Authorization {
  readonly #servers: ReadonlySet<string>;
  readonly #url: string;
  readonly #prefix: string;
  /** All scopes that the policies of tools name. */
  readonly #known: ReadonlySet<string>;
  readonly #firstScopes: readonly string[];
  readonly #document: EndpointReply;

  constructor({ option, publicUrl, catalog, title }: Parts) {
    const tools = catalog.operations.filter((operation) => mcpKey.of(operation) !== undefined);
    const { servers, scopePrefix = "", scopes = scopesToRead(tools) } = option;
    this.#servers = new Set(servers);
    this.#url = `${publicUrl}${metadataPath}${mcpPath}`;
    this.#prefix = scopePrefix;
    this.#known = new Set(tools.flatMap(({ policy }) => policy.scopes));
    this.#firstScopes = this.#named(scopes);
    this.#document = jsonDocument({
      resource: resourceOf(publicUrl),
      resource_name: title,
      authorization_servers: servers,
      ...(this.#firstScopes.length === 0 ? {} : { scopes_supported: this.#firstScopes }),
      bearer_methods_supported: ["header"],
    });
  }

  /**
   * Publishes the metadata document at the path of the MCP endpoint, and at the root path for clients that do not know the path.
   */
  mount(http: HttpService): void {
    for (const path of [metadataPath, `${metadataPath}${mcpPath}`]) {
      http.mount(`GET ${path}`, ({ open }) =>
        open(path, ({ req }) => (req.method === "GET" || req.method === "HEAD" ? this.#document : onlyGet)),
      );
    }
  }

  /** Whether one of the authorization servers issued the caller's token, so that the caller can request more scopes. */
  hasIssued(principal: Principal): boolean {
    return this.#servers.has(principal.issuer);
  }

  /**
   * Whether the tool list for a caller contains a tool, because the caller may call the tool or could call the tool with more
   * scopes.
   */
  isListed(operation: Operation, principal: Principal): boolean {
    return isVisibleTo(operation, principal) || (this.hasIssued(principal) && isReachable(operation, principal));
  }

  /**
   * Returns the URL of the metadata document and the scopes for a challenge. When a client must sign in, the challenge contains
   * the scopes that clients request first. When scopes are missing, the challenge contains the missing scopes and the scopes that
   * the caller already has, because clients of the revisions of 2025 request exactly the scopes of the challenge and would lose
   * all other scopes.
   */
  resourceFor({ code, details }: QuaterError, principal?: Principal): ResourceMetadata {
    if (code !== "missing_scope") return { url: this.#url, scopes: this.#firstScopes };
    const kept = principal?.scopes.filter((scope) => this.#known.has(scope)) ?? [];
    return { url: this.#url, scopes: this.#named([...kept, ...missingScopesOf(details)]) };
  }

  #named(scopes: readonly string[]): readonly string[] {
    return [...new Set(scopes)].map((scope) => this.#prefix + scope);
  }
}

/**
 * Returns the scopes that a client needs to call the tools with the effect `read`. Clients request other scopes only when a call
 * needs these scopes.
 */
const scopesToRead = (tools: readonly Operation[]): readonly string[] =>
  tools.flatMap(({ handler, policy }) => (handler.effect === "read" ? (policy.scopeChoices[0] ?? []) : []));

const jsonDocument = (document: object): EndpointReply => ({
  status: 200,
  headers: ["cache-control", "public, max-age=300", "content-type", "application/json"],
  body: JSON.stringify(document),
});

const onlyGet: EndpointReply = { status: 405, headers: ["allow", "GET, HEAD"], body: "" };
