// Checks at boot that the option `authorization` fits http() and the authenticator. With a wrong `authorization`, Quater would
// refuse every token, and neither clients nor people could find out the reason.

import { isPrivateUrl } from "../../../core/model/loopback.ts";
import { type Authentication, asAuthenticator, BootError, type BootProblem } from "../../../core/plugin-api.ts";
import type { HttpService } from "../../http/service.ts";
import { type AuthorizationOption, resourceOf } from "./option.ts";

/**
 * @throws {BootError} when the option `authorization` does not fit http() or the authenticator.
 * @returns The public origin of the MCP server.
 */
export const checkAuthorization = (
  option: AuthorizationOption,
  authenticate: Authentication | undefined,
  http: HttpService | undefined,
): string => {
  const found = problemsOf(option, authenticate, http);
  const publicUrl = http?.publicUrl;
  if (found.length > 0 || publicUrl === undefined) throw new BootError(found);
  return publicUrl;
};

const problemsOf = (
  { servers, audience }: AuthorizationOption,
  authenticate: Authentication | undefined,
  http: HttpService | undefined,
): readonly BootProblem[] => {
  const problem = (cause: string, remedy: string): BootProblem => ({ place: "mcp()", plugin: "mcp", cause, remedy });
  const wrong = servers.filter((server) => !isIssuer(server));
  const found = wrong.map((server) =>
    problem(
      `The authorization server ${JSON.stringify(server)} is not an https URL`,
      'Write the issuer of the tokens: "https://login.shop.example"',
    ),
  );
  const publicUrl = http?.publicUrl;
  if (publicUrl === undefined)
    return [
      ...found,
      problem(
        `mcp() has an authorization server, but ${http === undefined ? "http() is not configured" : "http() has no publicUrl"}, so clients cannot find it`,
        'Add http({ publicUrl: "https://shop.example" }) to plugins, or remove authorization from mcp()',
      ),
    ];
  const accepted = (authenticate === undefined ? undefined : asAuthenticator(authenticate).accepts) ?? [];
  const expected = audience ?? resourceOf(publicUrl);
  for (const server of accepted.length === 0 ? [] : servers) {
    const ofServer = accepted.filter(({ issuer }) => issuer === server);
    if (ofServer.length === 0) {
      const issuers = accepted.map(({ issuer }) => JSON.stringify(issuer)).join(", ");
      found.push(
        problem(
          `The authorization server ${JSON.stringify(server)} is not an issuer that the authenticator of mcp() accepts`,
          `Write the same issuer in both places. The authenticator accepts tokens of ${issuers}`,
        ),
      );
    } else if (!ofServer.some((one) => one.audience === expected)) {
      found.push(
        problem(
          `Tokens for this MCP server have the audience ${JSON.stringify(expected)}, but the authenticator of mcp() accepts only the audience ${JSON.stringify(ofServer[0]?.audience)}`,
          `Write jwt({ audience: ${JSON.stringify(expected)} }), or the audience of your authorization server in mcp({ authorization: { audience } })`,
        ),
      );
    }
  }
  return found;
};

const isIssuer = (server: string): boolean => {
  if (!URL.canParse(server)) return false;
  const url = new URL(server);
  return isPrivateUrl(url) && url.search === "" && url.hash === "";
};
