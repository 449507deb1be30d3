// Tokens of an authorization server, by the rules of RFC 8725: algorithms, issuer and audience are fixed here and never
// taken from the token; keys come over https with a time-out and a size limit.

import type { JWTPayload, JWTVerifyGetKey } from "jose";
import { authenticator, type Principal, Type } from "../../core/index.ts";
import { isPrivateUrl } from "../../core/model/loopback.ts";
import { defineAuthenticator, opaque } from "../../core/plugin-api.ts";
import type { OptionValues } from "../../core/schema/options.ts";
import { withDefault } from "../../core/schema/with-default.ts";

const asymmetric = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"] as const;

const keyFetch = { timeoutMs: 5_000, maxBytes: 256 * 1024, cooldownMs: 30_000 } as const;
/** Clocks differ; more would let expired tokens live. */
const clockToleranceSeconds = 5;

const isSafeAddress = (value: unknown): boolean => {
  const url = typeof value === "string" && URL.canParse(value) ? new URL(value) : undefined;
  return url !== undefined && isPrivateUrl(url);
};

/** From JavaScript, or an environment variable that is not set: without it the check of the token is skipped. */
const fixed = Type.String({
  minLength: 1,
  remedy: "Write a text that is not empty: without it tokens for any other service are let in",
});
const claim = Type.String({ minLength: 1 });

const jwtOptions = {
  /** Must equal the token's `iss`. */
  issuer: fixed,
  /** This service; must be among the token's `aud`. A token for another service is no credential here. */
  audience: fixed,
  /** Where the issuer publishes its keys (RFC 7517). https, or loopback. */
  jwks: opaque<string>("the issuer's https address: keys fetched over http could be anybody's", isSafeAddress),
  /** Default: RS256, PS256, ES256 and EdDSA. Never a symmetric one, because a service that can verify could also sign. */
  algorithms: withDefault(
    Type.Array(Type.Enum([...asymmetric]), {
      minItems: 1,
      remedy: `With a symmetric algorithm every verifier could sign tokens. Write a list of ${asymmetric.join(", ")}`,
    }),
    ["RS256", "PS256", "ES256", "EdDSA"],
  ),
  /** Default "user". */
  kind: withDefault(Type.Enum(["user", "service", "agent", "operator"]), "user"),
  /** Claim with the app-wide name of the human. Default "sub". */
  personClaim: withDefault(claim, "sub"),
  /** Claim with a list of roles. Default "roles". */
  rolesClaim: withDefault(claim, "roles"),
};

/** Accepts valid tokens of the issuer. Scopes come from `scope` or `scp`. */
export const jwt = defineAuthenticator(jwtOptions, (options) => {
  let keys: Promise<JWTVerifyGetKey> | undefined;
  return authenticator({
    name: "jwt",
    reads: { schemes: ["Bearer"] },
    authenticate: async ({ token }) => {
      // A JWT has three parts. For another token, such as an API key, the library is not loaded.
      if (token === undefined || token.split(".").length !== 3) return undefined;
      const { errors, jwtVerify } = await import("jose");
      keys ??= remoteKeys(options.jwks);
      try {
        const { payload } = await jwtVerify(token, await keys, {
          issuer: options.issuer,
          audience: options.audience,
          algorithms: [...options.algorithms],
          requiredClaims: ["exp", "sub"],
          clockTolerance: clockToleranceSeconds,
        });
        return principalOf(payload, options);
      } catch (error) {
        // What is wrong with the token is the caller's; keys that cannot be had are not.
        const isOfToken =
          error instanceof errors.JOSEError &&
          !(error instanceof errors.JWKSTimeout) &&
          error.code !== "ERR_JOSE_GENERIC" &&
          error.code !== "ERR_JWKS_INVALID";
        if (isOfToken) return undefined;
        throw error;
      }
    },
  });
});

const remoteKeys = async (jwks: string): Promise<JWTVerifyGetKey> => {
  const { createRemoteJWKSet, customFetch } = await import("jose");
  return createRemoteJWKSet(new URL(jwks), {
    timeoutDuration: keyFetch.timeoutMs,
    cooldownDuration: keyFetch.cooldownMs, // an unknown key id asks again this often at most
    [customFetch]: limitedFetch,
  });
};

/** As fetch, without following redirects, and with an end to what it reads. */
const limitedFetch = async (url: string, init: RequestInit): Promise<Response> => {
  const response = await fetch(url, { ...init, redirect: "error" });
  const parts: Uint8Array[] = [];
  let size = 0;
  for await (const part of response.body ?? []) {
    size += part.length;
    if (size > keyFetch.maxBytes) throw new Error(`The key set is larger than ${keyFetch.maxBytes} bytes`);
    parts.push(part);
  }
  return new Response(Buffer.concat(parts), { status: response.status, headers: response.headers });
};

const principalOf = (claims: JWTPayload, options: OptionValues<typeof jwtOptions>): Principal => {
  const { kind, personClaim, rolesClaim } = options;
  const subject = String(claims.sub);
  const person = claims[personClaim];
  const scope = claims["scope"] ?? claims["scp"];
  return Object.freeze({
    issuer: options.issuer,
    subject,
    kind,
    ...(typeof person === "string" ? { person } : {}),
    credential: `jwt:${typeof claims.jti === "string" ? claims.jti : subject}`,
    scopes: texts(typeof scope === "string" ? scope.split(" ").filter(Boolean) : scope),
    roles: texts(claims[rolesClaim]),
    claims,
  });
};

const texts = (value: unknown): readonly string[] =>
  Array.isArray(value) ? value.filter((item): item is string => typeof item === "string") : [];
