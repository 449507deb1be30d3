// Answers clients that try OAuth although no authorization server is configured. Such clients send their requests to fixed paths
// of the HTTP server, as MCP 2025-03-26 prescribed, and show the text of the answer to people.

import { howToAuthenticate, readingOf } from "../../../core/model/credentials.ts";
import { type Authentication, asAuthenticator } from "../../../core/plugin-api.ts";
import type { EndpointReply, Mounting } from "../../http/service.ts";

/**
 * Mounts the answers to OAuth requests. If the app has a route with the path of an OAuth request, this route handles the request.
 * The answers for programs are OAuth errors (RFC 6749 section 5.2) with the code `invalid_request`, because clients delete
 * credentials after `invalid_client` or `invalid_grant`.
 */
export const mountWithoutOAuth = (
  fallback: Parameters<Mounting>[0]["fallback"],
  authenticate: Authentication | undefined,
): void => {
  const reading = authenticate === undefined ? undefined : readingOf(asAuthenticator(authenticate).reads);
  const sentence = `This server does not support OAuth. To call its tools, ${howToAuthenticate(reading)}`;
  const error = JSON.stringify({ error_description: sentence, error: "invalid_request" });
  fallback("POST", "/register", () => answer("application/json", error));
  fallback("POST", "/token", () => answer("application/json", error));
  // A client opens `/authorize` in a browser, so the answer is a text for people.
  fallback("GET", "/authorize", () => answer("text/plain; charset=utf-8", `${sentence}\n`));
};

const answer = (type: string, body: string): EndpointReply => ({
  status: 404,
  headers: ["cache-control", "no-store", "content-type", type],
  body,
});
