// Authenticators: who a caller is, from what was shown at the door.

import { userInfo } from "node:os";
import { authenticator, type Principal, Type } from "../../core/index.ts";
import { authenticatorFactory, authenticatorOver, isUnknown } from "../../core/model/authenticator.ts";
import { partOf, readingOf } from "../../core/model/credentials.ts";
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
  /** The app-wide name of the person; default: the system's user name. */
  person: Type.Optional(text),
  /** Default: none. */
  scopes: withDefault(Type.Array(text), []),
  /** Default: none. */
  roles: withDefault(Type.Array(text), []),
};

/**
 * The operating system's user who started this process, on surfaces that run in it. A principal, not a privilege: no
 * scope and no role unless given here. Never answers over a network, nor where another credential was shown.
 */
export const localUser = defineAuthenticator(localUserOptions, ({ person, scopes, roles }) =>
  authenticator({
    name: "localUser",
    // Reads the token to see that it is absent: a refused token must not fall back to the local user.
    reads: { schemes: ["Bearer"] },
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

const bearerOptions = {
  /** Scheme of the header Authorization. Default "Bearer". */
  scheme: withDefault(Type.String({ minLength: 1 }), "Bearer"),
  /** Whose token this is; `undefined` or `null` when you do not know it. Check audience and expiry here. */
  verify: opaque<(token: string) => Awaitable<Principal | null | undefined>>(
    "a function from the token to a principal, or to undefined",
    isFunction,
  ),
};

/** Tokens that your own code verifies. */
export const bearer = defineAuthenticator(bearerOptions, ({ scheme, verify }) =>
  authenticator({
    name: "bearer",
    reads: { schemes: [scheme] },
    authenticate: ({ token }) => (token === undefined ? undefined : verify(token)),
  }),
);

/**
 * Asks one after the other. The first that returns a principal decides; `undefined` and `null` go on to the next; a throw ends
 * the chain.
 *
 * One credential decides alone, so that a wrong one never falls back to another: the token where one is shown; otherwise the
 * first declared header that is shown; cookies only where neither is. Authenticators that do not read it are not asked.
 */
export const firstOf = authenticatorFactory((...given: Authentication[]) => {
  const authenticators = given.map(asAuthenticator);
  const asked = authenticators.map(({ authenticate, reads }) => ({ authenticate, reading: readingOf(reads) }));
  const headers = asked.flatMap(({ reading }) => reading.headers);
  return authenticatorOver(authenticators, {
    name: `firstOf(${authenticators.map(({ name }) => name).join(", ")})`,
    problems: given.length === 0 ? [nobodyToAsk] : [],
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

const nobodyToAsk: BootProblem = {
  place: "firstOf()",
  cause: "firstOf is given no authenticator",
  remedy: "Write those to ask, in order: firstOf(apiKeys(), localUser())",
};
