// The SDK's own OAuth client with a person who agrees to everything: the browser is a fetch.

import type { OAuthClientProvider } from "@modelcontextprotocol/sdk/client/auth.js";
import { Client } from "@modelcontextprotocol/sdk/client/index.js";
import { StreamableHTTPClientTransport } from "@modelcontextprotocol/sdk/client/streamableHttp.js";

type Saved<Name extends "clientInformation" | "tokens"> = Awaited<ReturnType<OAuthClientProvider[Name]>>;

export interface Person {
  readonly provider: OAuthClientProvider;
  /** The code from the last authorization, once. */
  readonly code: () => string;
  /** The answer that the browser got at the last visit. */
  readonly page: () => { readonly status: number; readonly text: string } | undefined;
}

const redirectUrl = "http://127.0.0.1:9/callback";

/** @param registered  The client id that the person got from the operator. Without a client id, the client registers itself. */
export const person = (registered?: string): Person => {
  let client: Saved<"clientInformation"> = registered === undefined ? undefined : { client_id: registered };
  let tokens: Saved<"tokens">;
  let verifier = "";
  let code: string | undefined;
  let page: { readonly status: number; readonly text: string } | undefined;
  const provider: OAuthClientProvider = {
    redirectUrl,
    clientMetadata: { redirect_uris: [redirectUrl], client_name: "test", token_endpoint_auth_method: "none" },
    clientInformation: () => client,
    saveClientInformation: (information) => {
      client = information;
    },
    tokens: () => tokens,
    saveTokens: (given) => {
      tokens = given;
    },
    saveCodeVerifier: (given) => {
      verifier = given;
    },
    codeVerifier: () => verifier,
    redirectToAuthorization: async (url) => {
      const response = await fetch(url, { redirect: "manual" });
      const location = response.headers.get("location");
      page = { status: response.status, text: await response.text() };
      code = location === null ? undefined : (new URL(location).searchParams.get("code") ?? undefined);
    },
  };
  return {
    provider,
    page: () => page,
    code: () => {
      const given = code;
      code = undefined;
      if (given === undefined) throw new Error("The person did not get a code");
      return given;
    },
  };
};

export const connectionOf = (url: string, { provider }: Person) => {
  const client = new Client({ name: "test", version: "1" });
  const transport = new StreamableHTTPClientTransport(new URL(url), { authProvider: provider });
  return { client, transport, connect: () => client.connect(transport as never) };
};
