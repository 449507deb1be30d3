// A small authorization server for tests: metadata, client registration, authorization codes with PKCE, and signed tokens. Every
// person who comes agrees to every request.

import { createHash, randomUUID } from "node:crypto";
import { createServer, type IncomingMessage, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { type CryptoKey, exportJWK, generateKeyPair, type JWTPayload, SignJWT } from "jose";

export interface AuthorizationServer extends AsyncDisposable {
  readonly issuer: string;
  readonly jwks: string;
  /** The parameters of the authorization requests, oldest first. */
  readonly authorizations: readonly Readonly<Record<string, string>>[];
  /** The requests by method and path, oldest first. */
  readonly requests: readonly string[];
  /** Signs any claims, so that tests can make wrong tokens. `iss`, `sub`, `iat` and `exp` are right unless given. */
  /** Answers device logins with this error from now on (RFC 8628 3.5). */
  readonly refuseDevices: (error: string) => void;
  readonly sign: (claims: JWTPayload, key?: CryptoKey) => Promise<string>;
}

interface Code {
  readonly challenge: string;
  readonly scope: string;
  readonly resource: string;
  readonly clientId: string;
  readonly redirectUri: string;
}

export const authorizationServer = async (): Promise<AuthorizationServer> => {
  const { privateKey, publicKey } = await generateKeyPair("ES256", { extractable: true });
  const keys = JSON.stringify({ keys: [{ ...(await exportJWK(publicKey)), kid: "k1", alg: "ES256", use: "sig" }] });
  const codes = new Map<string, Code>();
  const devices = new Map<string, { polls: number; readonly scope: string; readonly resource: string }>();
  let deviceAnswer: string | undefined;
  const clients = new Set<string>();
  const authorizations: Record<string, string>[] = [];
  const requests: string[] = [];
  const now = () => Math.floor(Date.now() / 1_000);
  const sign = (claims: JWTPayload, key: CryptoKey = privateKey): Promise<string> =>
    new SignJWT({ iss: issuer, sub: "ana", iat: now(), exp: now() + 60, ...claims })
      .setProtectedHeader({ alg: "ES256", kid: "k1" })
      .sign(key);

  const routes: Readonly<Record<string, (url: URL, req: IncomingMessage, res: ServerResponse) => Promise<void> | void>> = {
    "GET /.well-known/oauth-authorization-server": (_url, _req, res) =>
      json(res, 200, {
        issuer,
        authorization_endpoint: `${issuer}/authorize`,
        token_endpoint: `${issuer}/token`,
        registration_endpoint: `${issuer}/register`,
        jwks_uri: `${issuer}/keys`,
        device_authorization_endpoint: `${issuer}/device`,
        response_types_supported: ["code"],
        grant_types_supported: ["authorization_code"],
        code_challenge_methods_supported: ["S256"],
        token_endpoint_auth_methods_supported: ["none"],
      }),
    "GET /keys": (_url, _req, res) => void res.setHeader("content-type", "application/json").end(keys),
    "POST /register": async (_url, req, res) => {
      const metadata = JSON.parse(await bodyOf(req)) as object;
      const id = randomUUID();
      clients.add(id);
      json(res, 201, { ...metadata, client_id: id });
    },
    "GET /authorize": ({ searchParams }, _req, res) => {
      const given = Object.fromEntries(searchParams);
      authorizations.push(given);
      const { code_challenge: challenge = "", scope = "", resource = "", client_id: clientId = "", redirect_uri = "" } = given;
      if (!clients.has(clientId)) return json(res, 400, { error: "invalid_client" });
      const code = randomUUID();
      codes.set(code, { challenge, scope, resource, clientId, redirectUri: redirect_uri });
      res.writeHead(302, { location: `${redirect_uri}?code=${code}` }).end();
    },
    "POST /device": async (_url, req, res) => {
      const given = Object.fromEntries(new URLSearchParams(await bodyOf(req)));
      authorizations.push(given);
      const code = randomUUID();
      devices.set(code, { polls: 0, scope: given["scope"] ?? "", resource: given["resource"] ?? "" });
      const address = { verification_uri: `${issuer}/confirm`, user_code: "WDJB-MJHT" };
      json(res, 200, { device_code: code, ...address, expires_in: 60, interval: 0 });
    },
    "POST /token": async (_url, req, res) => {
      const given = new URLSearchParams(await bodyOf(req));
      const device = devices.get(given.get("device_code") ?? "");
      if (device !== undefined) {
        // The person confirms the code after two questions.
        if (device.polls++ < 2) return json(res, 400, { error: "authorization_pending" });
        if (deviceAnswer !== undefined) return json(res, 400, { error: deviceAnswer });
        const token = await sign({ aud: device.resource, scope: device.scope, jti: randomUUID() });
        return json(res, 200, { access_token: token, token_type: "Bearer", expires_in: 60 });
      }
      const code = codes.get(given.get("code") ?? "");
      codes.delete(given.get("code") ?? "");
      const verifier = createHash("sha256")
        .update(given.get("code_verifier") ?? "")
        .digest("base64url");
      const isRight =
        code !== undefined &&
        code.challenge === verifier &&
        code.clientId === given.get("client_id") &&
        code.redirectUri === given.get("redirect_uri") &&
        code.resource === given.get("resource");
      if (!isRight) return json(res, 400, { error: "invalid_grant" });
      const token = await sign({ aud: code.resource, scope: code.scope, jti: randomUUID() });
      json(res, 200, { access_token: token, token_type: "Bearer", expires_in: 60, scope: code.scope });
    },
  };

  const server = createServer((req, res) => {
    const url = new URL(req.url ?? "/", issuer);
    requests.push(`${req.method} ${url.pathname}`);
    const route = routes[`${req.method} ${url.pathname}`];
    if (route === undefined) return json(res, 404, { error: "not_found" });
    Promise.resolve(route(url, req, res)).catch((error: unknown) => json(res, 500, { error: String(error) }));
  });
  await new Promise<void>((resolve) => server.listen(0, "127.0.0.1", resolve));
  const issuer = `http://127.0.0.1:${(server.address() as AddressInfo).port}`;
  return {
    issuer,
    jwks: `${issuer}/keys`,
    authorizations,
    requests,
    sign,
    refuseDevices: (error) => {
      deviceAnswer = error;
    },
    [Symbol.asyncDispose]: () =>
      new Promise((resolve) => {
        server.closeAllConnections();
        server.close(() => resolve());
      }),
  };
};

const json = (res: ServerResponse, status: number, body: object): void =>
  void res.writeHead(status, { "content-type": "application/json" }).end(JSON.stringify(body));

const bodyOf = async (req: IncomingMessage): Promise<string> => {
  const parts: Buffer[] = [];
  for await (const part of req) parts.push(part as Buffer);
  return Buffer.concat(parts).toString();
};

/** A port of this computer on which nothing listens, for a server that must know its own URL before it listens. */
export const freePort = (): Promise<number> =>
  new Promise((resolve, reject) => {
    const probe = createServer();
    probe.once("error", reject);
    probe.listen(0, "127.0.0.1", () => {
      const { port } = probe.address() as AddressInfo;
      probe.close(() => resolve(port));
    });
  });
