// Authenticators: who a caller is, from what was shown at the door.

import { userInfo } from "node:os";
import {
  type Authentication,
  type Awaitable,
  asAuthenticator,
  defineAuthenticator,
  type Principal,
  type Problem,
} from "../../core/index.ts";
import { optional, text, texts } from "./rules.ts";

export { type ApiKeysOptions, apiKeys } from "./api-keys.ts";
export { type JwtOptions, jwt } from "./jwt.ts";

export interface LocalUserOptions {
  /** The app-wide name of the person; default: the system's user name. */
  readonly person?: string;
  readonly scopes?: readonly string[];
  readonly roles?: readonly string[];
}

/**
 * The operating system's user who started this process, on surfaces that run in it. A principal, not a privilege: no
 * scope and no role unless given here. Never answers over a network, nor where another credential was shown.
 */
export const localUser = defineAuthenticator(
  "localUser",
  ({ person, scopes = [], roles = [] }: LocalUserOptions = {}) => ({
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
  { person: optional(text), scopes: optional(texts), roles: optional(texts) },
);

export interface BearerOptions {
  /** Whose token this is; `undefined` when it is none of yours. Check audience and expiry here. */
  readonly verify: (token: string) => Awaitable<Principal | undefined>;
}

/** Tokens that your own code verifies. */
export const bearer = defineAuthenticator(
  "bearer",
  ({ verify }: BearerOptions) => ({ authenticate: ({ token }) => (token === undefined ? undefined : verify(token)) }),
  {
    verify: (value) =>
      typeof value === "function" ? undefined : "Write a function from the token to a principal, or to undefined",
  },
);

/** Asks one after the other; the first that knows the credential decides. */
export const firstOf = defineAuthenticator("firstOf", (...given: Authentication[]) => {
  const authenticators = given.map(asAuthenticator);
  return {
    name: `firstOf(${authenticators.map(({ name }) => name).join(", ")})`,
    problems: given.length === 0 ? [nobodyToAsk] : authenticators.flatMap(({ problems = [] }) => problems),
    open: async (context) => {
      for (const { open } of authenticators) await open?.(context);
    },
    authenticate: async (credentials) => {
      for (const { authenticate } of authenticators) {
        const principal = await authenticate(credentials);
        if (principal !== undefined) return principal;
      }
      return undefined;
    },
    close: async () => {
      for (const { close } of authenticators) await close?.();
    },
  };
});

const nobodyToAsk: Problem = {
  place: "firstOf()",
  cause: "firstOf is given no authenticator",
  remedy: "Write those to ask, in order: firstOf(apiKeys(), localUser())",
};
