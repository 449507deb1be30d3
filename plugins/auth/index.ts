// Authenticators: who a caller is, from what was shown at the door.

import { userInfo } from "node:os";
import {
  type Authentication,
  type Authenticator,
  type Awaitable,
  asAuthenticator,
  authenticator,
  type Principal,
} from "../../core/index.ts";

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
export const localUser = ({ person, scopes = [], roles = [] }: LocalUserOptions = {}): Authenticator =>
  authenticator({
    name: "localUser",
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
  });

export interface BearerOptions {
  /** Whose token this is; `undefined` when it is none of yours. Check audience and expiry here. */
  readonly verify: (token: string) => Awaitable<Principal | undefined>;
}

/** Tokens that your own code verifies. */
export const bearer = ({ verify }: BearerOptions): Authenticator =>
  authenticator({ name: "bearer", authenticate: ({ token }) => (token === undefined ? undefined : verify(token)) });

/** Asks one after the other; the first that knows the credential decides. */
export const firstOf = (...given: readonly Authentication[]): Authenticator => {
  const authenticators = given.map(asAuthenticator);
  return authenticator({
    name: `firstOf(${authenticators.map(({ name }) => name).join(", ")})`,
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
  });
};
