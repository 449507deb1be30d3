// Authenticates tokens of an authorization server, or of this app, by the rules of RFC 8725. Algorithms, issuer and audience come
// from the options of `jwt()`, never from the token. `jwt()` fetches the keys of the authorization server over https, with a
// timeout and a size limit. Without an authorization server, `jwt()` checks tokens with one secret of the app.

import { randomUUID } from "node:crypto";
import type { JWTPayload, JWTVerifyGetKey } from "jose";
import { authenticator, type Principal, Type } from "../../core/index.ts";
import { isPrivateUrl } from "../../core/model/loopback.ts";
import { type Authenticator, type BootProblem, defineAuthenticator, opaque } from "../../core/plugin-api.ts";
import type { GivenOptions, OptionValues } from "../../core/schema/options.ts";
import { withDefault } from "../../core/schema/with-default.ts";

const asymmetric = ["RS256", "RS384", "RS512", "PS256", "PS384", "PS512", "ES256", "ES384", "ES512", "EdDSA"] as const;

const keyFetch = { timeoutMs: 5_000, maxBytes: 256 * 1024, cooldownMs: 30_000 } as const;
/**
 * The accepted difference between the clocks of two machines, seconds. If the accepted difference were larger, `jwt()` would
 * accept expired tokens.
 */
const clockToleranceSeconds = 5;

const isSafeAddress = (value: unknown): boolean => {
  const url = typeof value === "string" && URL.canParse(value) ? new URL(value) : undefined;
  return url !== undefined && isPrivateUrl(url);
};

/**
 * A string option that must not be empty. An environment variable that is not set gives an empty string, and with an empty
 * string, the library jose would skip the check.
 */
const fixed = Type.String({
  minLength: 1,
  remedy: "Write a string that is not empty. With an empty string, jwt() would accept tokens of other services",
});
const claim = Type.String({ minLength: 1 });

/** Whether a secret is long enough. A secret for HS256 has at least 256 bits (RFC 7518 3.2). */
const isLongEnough = (value: unknown): boolean => typeof value === "string" && Buffer.byteLength(value) >= 32;
const mac = "HS256";

const jwtOptions = {
  /** The issuer of the tokens. The `iss` of each token must equal this issuer. */
  issuer: fixed,
  /** The name of this service. The `aud` of each token must contain this name, so `jwt()` refuses tokens for other services. */
  audience: fixed,
  /** The URL where the issuer publishes its keys (RFC 7517): an https URL, or a loopback URL. Required without `secret`. */
  jwks: Type.Optional(opaque<string>("the issuer's https address, because keys fetched over http can be forged", isSafeAddress)),
  /** The key for tokens that this app signs itself with HS256, instead of `jwks`. */
  secret: Type.Optional(opaque<string>("a string of at least 32 bytes, such as `openssl rand -base64 32` prints", isLongEnough)),
  /**
   * The accepted algorithms of signatures, only with `jwks`. Default: RS256, PS256, ES256 and EdDSA. `jwt()` refuses symmetric
   * algorithms, because a service that verifies tokens with a symmetric algorithm could also sign tokens.
   */
  algorithms: withDefault(
    Type.Array(Type.Enum([...asymmetric]), {
      minItems: 1,
      remedy: `With a symmetric algorithm, everybody who checks tokens could also sign them. Write a list of ${asymmetric.join(", ")}`,
    }),
    ["RS256", "PS256", "ES256", "EdDSA"],
  ),
  /** The kind of the principals that `jwt()` returns. Default "user". */
  kind: withDefault(Type.Enum(["user", "service", "agent", "operator"]), "user"),
  /** The claim that contains the person's name in the app. Default "sub". */
  personClaim: withDefault(claim, "sub"),
  /** The claim that contains the list of roles. Default "roles". */
  rolesClaim: withDefault(claim, "roles"),
  /** The scheme in the header Authorization. Default "Bearer". */
  scheme: withDefault(claim, "Bearer"),
};

type Given = GivenOptions<typeof jwtOptions>;

/**
 * The claims of a new token: `scope`, the claim of roles and the claim of the person. `sign` adds the issuer, the audience and
 * the times of the token.
 */
export interface TokenClaims {
  /** The subject of the principal that the token identifies. */
  readonly sub: string;
  readonly [claim: string]: unknown;
}

/** The authenticator that `jwt({ secret })` makes. This authenticator can also sign tokens. */
export interface SigningAuthenticator extends Authenticator {
  /**
   * Returns a token that this authenticator accepts.
   *
   * @param seconds  The life time of the token, seconds. The app cannot revoke the token earlier.
   * @throws {TypeError} for a subject that is empty, a claim that `sign` sets itself, or seconds that are not a whole number from
   *   1 to 31,536,000.
   */
  readonly sign: (claims: TokenClaims, seconds: number) => Promise<string>;
}

interface Jwt {
  (options: Given & { readonly secret: string; readonly jwks?: never }): SigningAuthenticator;
  (options: Given & { readonly jwks: string; readonly secret?: never }): Authenticator;
}

/** Accepts valid tokens of the issuer. The scopes of the principal come from the claim `scope` or `scp` of the token. */
export const jwt = defineAuthenticator(jwtOptions, (options, given): SigningAuthenticator => {
  const { issuer, audience, secret, jwks } = options;
  const key = secret === undefined ? undefined : new TextEncoder().encode(secret);
  let keys: Promise<JWTVerifyGetKey> | undefined;
  const verified = async (token: string): Promise<JWTPayload> => {
    const { jwtVerify } = await import("jose");
    const rules = { issuer, audience, requiredClaims: ["exp", "sub"], clockTolerance: clockToleranceSeconds };
    if (key !== undefined) return (await jwtVerify(token, key, { ...rules, algorithms: [mac] })).payload;
    keys ??= remoteKeys(jwks ?? "");
    return (await jwtVerify(token, await keys, { ...rules, algorithms: [...options.algorithms] })).payload;
  };
  const made = authenticator({
    name: "jwt",
    problems: keyProblems(given),
    reads: { schemes: [options.scheme] },
    accepts: [{ issuer, audience }],
    listed: () => ({ known: [], others: [`Quater sees the scopes and roles of tokens of ${issuer} only in a call`] }),
    authenticate: async ({ token }) => {
      // A JWT has three parts. Do not load the library jose for another token, such as an API key.
      if (token === undefined || token.split(".").length !== 3) return undefined;
      const { errors } = await import("jose");
      try {
        return principalOf(await verified(token), options);
      } catch (error) {
        // True if the error shows that the token is invalid, which is the caller's mistake. If `jwt()` could not fetch the keys
        // of the issuer, the caller made no mistake.
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
  return { ...made, sign: (claims, seconds) => signed(claims, seconds, { issuer, audience, key }) };
}) as unknown as Jwt;

const keyProblems = ({ jwks, secret, algorithms }: Partial<Given>): readonly BootProblem[] => {
  const problem = (cause: string, remedy: string): BootProblem => ({ place: "jwt()", cause, remedy });
  if (jwks === undefined && secret === undefined)
    return [
      problem(
        "jwt() has neither jwks nor secret",
        "Write jwks with the https URL of the issuer's key set, or secret for tokens that this app signs itself",
      ),
    ];
  if (secret === undefined) return [];
  if (jwks !== undefined)
    return [
      problem("jwt() has both jwks and secret", "Remove jwks or secret, because either the issuer or this app signs the tokens"),
    ];
  return algorithms === undefined
    ? []
    : [
        problem(
          "jwt() has both secret and algorithms",
          `Remove algorithms, because tokens with a secret are always signed with ${mac}`,
        ),
      ];
};

const ownClaims = ["iss", "aud", "iat", "nbf", "exp", "jti"] as const;
const longestSeconds = 31_536_000;

interface Signing {
  readonly issuer: string;
  readonly audience: string;
  readonly key: Uint8Array | undefined;
}

const signed = async (claims: TokenClaims, seconds: number, { issuer, audience, key }: Signing): Promise<string> => {
  if (key === undefined) throw new TypeError("jwt() has no secret, so it cannot sign tokens. Add jwt({ secret })");
  if (typeof claims.sub !== "string" || claims.sub === "")
    throw new TypeError("The claims of a token need sub, a string that is not empty");
  const own = ownClaims.find((name) => Object.hasOwn(claims, name));
  if (own !== undefined) throw new TypeError(`sign sets the claim ${own} itself. Remove ${own} from the claims`);
  if (!Number.isInteger(seconds) || seconds < 1 || seconds > longestSeconds)
    throw new TypeError(`The lifetime of a token must be from 1 to ${longestSeconds} seconds, but is ${String(seconds)}`);
  const { SignJWT } = await import("jose");
  return new SignJWT({ ...claims, iss: issuer, aud: audience, jti: randomUUID() })
    .setProtectedHeader({ alg: mac, typ: "JWT" })
    .setIssuedAt()
    .setExpirationTime(`${seconds} seconds`)
    .sign(key);
};

const remoteKeys = async (jwks: string): Promise<JWTVerifyGetKey> => {
  const { createRemoteJWKSet, customFetch } = await import("jose");
  return createRemoteJWKSet(new URL(jwks), {
    timeoutDuration: keyFetch.timeoutMs,
    cooldownDuration: keyFetch.cooldownMs, // How long after a fetch an unknown key id causes no new fetch, milliseconds.
    [customFetch]: limitedFetch,
  });
};

/** Fetches the keys of the issuer without redirects and with a size limit. */
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
