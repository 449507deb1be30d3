// The authenticators of Quater, which identify callers by the credentials of a call.

import { userInfo } from "node:os";
import { authenticator, type Principal, Type } from "../../core/index.ts";
import { type Authenticator, authenticatorFactory, authenticatorOver, isUnknown } from "../../core/model/authenticator.ts";
import { partOf, readingOf } from "../../core/model/credentials.ts";
import type { KnownCredential, KnownCredentials } from "../../core/model/known-credentials.ts";
import {
  type Authentication,
  type Awaitable,
  asAuthenticator,
  type BootProblem,
  defineAuthenticator,
  opaque,
} from "../../core/plugin-api.ts";

import { isFunction } from "../../core/schema/options.ts";
import { withDefault } from "../../core/schema/with-default.ts";

export { apiKeys } from "./api-keys.ts";
export { jwt, type SigningAuthenticator, type TokenClaims } from "./jwt.ts";

const text = Type.String({ minLength: 1 });

const localUserOptions = {
  /** The name of the local user as a person in the app. Default: the system's user name. */
  person: Type.Optional(text),
  /** The scopes of the local user. Default: none. */
  scopes: withDefault(Type.Array(text), []),
  /** The roles of the local user. Default: none. */
  roles: withDefault(Type.Array(text), []),
};

/**
 * Authenticates the operating system's user who started this process, on surfaces that run in this process. The local user has
 * only the scopes and roles of these options. `localUser()` returns no principal for calls over a network and for calls with a
 * token.
 */
export const localUser = defineAuthenticator(localUserOptions, ({ person, scopes, roles }) =>
  authenticator({
    name: "localUser",
    isLocalOnly: true,
    // Declare tokens, so that a caller whose token was refused does not become the local user.
    reads: { schemes: ["Bearer"] },
    listed: () => ({ known: [], others: [localRights(scopes, roles)] }),
    authenticate: ({ isLocal, token }) => {
      if (!isLocal || token !== undefined) return undefined;
      const { username } = userInfo();
      return Object.freeze({
        issuer: "local",
        subject: username,
        kind: "operator",
        person: person ?? username,
        credential: `local:${username}`,
        scopes,
        roles,
        claims: {},
      });
    },
  }),
);

const localRights = (scopes: readonly string[], roles: readonly string[]): string => {
  const words = (names: readonly string[]) => (names.length === 0 ? "none" : names.join(", "));
  return `At the terminal without a key, the local user calls with these scopes: ${words(scopes)}. Roles: ${words(roles)}`;
};

const bearerOptions = {
  /** The scheme in the header Authorization. Default "Bearer". */
  scheme: withDefault(Type.String({ minLength: 1 }), "Bearer"),
  /**
   * Returns the principal of a token; `undefined` or `null` for an unknown token. The function `verify` must check the audience
   * and expiry of the token.
   */
  verify: opaque<(token: string) => Awaitable<Principal | null | undefined>>(
    "a function that returns the principal of a token, or undefined",
    isFunction,
  ),
};

/** Makes an authenticator that checks bearer tokens with a function of the app. */
export const bearer = defineAuthenticator(bearerOptions, ({ scheme, verify }) =>
  authenticator({
    name: "bearer",
    reads: { schemes: [scheme] },
    authenticate: ({ token }) => (token === undefined ? undefined : verify(token)),
  }),
);

/**
 * Calls authenticators in order, until one authenticator returns a principal. If an authenticator returns `undefined` or `null`,
 * `firstOf` calls the next authenticator. If an authenticator throws, Quater refuses the caller.
 *
 * Only one credential of a call counts, so that another credential never replaces a wrong credential. A token counts first. If
 * the call has no token, the first declared header that the call has counts. Cookies count only if the call has neither a token
 * nor a declared header. `firstOf` does not call authenticators that do not read the credential that counts.
 */
export const firstOf = authenticatorFactory((...given: Authentication[]) => {
  const authenticators = given.map(asAuthenticator);
  const asked = authenticators.map(({ authenticate, reads }) => ({ authenticate, reading: readingOf(reads) }));
  const headers = asked.flatMap(({ reading }) => reading.headers);
  return authenticatorOver(authenticators, {
    name: `firstOf(${authenticators.map(({ name }) => name).join(", ")})`,
    problems: given.length === 0 ? [nobodyToAsk] : [],
    listed: () => listedBy(authenticators),
    authenticate: async (credentials, resources) => {
      const hasToken = credentials.token !== undefined;
      const decisive = hasToken ? undefined : headers.find((name) => credentials.header(name) !== undefined);
      for (const { authenticate, reading } of asked) {
        if (decisive !== undefined && !reading.headers.includes(decisive)) continue;
        const part = partOf(credentials, reading);
        if (hasToken && part.token === undefined) continue;
        const found = await authenticate(part, resources);
        if (!isUnknown(found)) return found;
      }
      return undefined;
    },
  });
});

/**
 * Joins the lists of credentials of all authenticators. If an authenticator that reads keys has no list, Quater cannot say for
 * later authenticators whether they get a key.
 */
const listedBy = (authenticators: readonly Authenticator[]): KnownCredentials => {
  let unclear: string | undefined;
  const known: KnownCredential[] = [];
  const others: string[] = [];
  for (const { name, listed, reads } of authenticators) {
    const getsKeys = readingOf(reads).schemes.some((scheme) => /^bearer$/i.test(scheme));
    const list = listed?.();
    if (list === undefined) others.push(`Quater does not know the credentials that the authenticator ${name} accepts`);
    const before = unclear;
    known.push(...(list?.known ?? []).map((one) => ({ ...one, unclear: one.unclear ?? before })));
    others.push(...(list?.others ?? []));
    if (getsKeys) unclear ??= list === undefined ? name : list.unclear;
  }
  return { known, others, unclear };
};

const nobodyToAsk: BootProblem = {
  place: "firstOf()",
  cause: "firstOf() has no authenticators",
  remedy: "List authenticators in the order in which Quater tries them: firstOf(apiKeys(), localUser())",
};
