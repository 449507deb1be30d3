// The headers, schemes and cookies of a request that hold credentials. A 401 lists them for the caller.

/**
 * The name of a cookie, or its name and the attributes with which it was set. Browsers need the attributes to remove a cookie.
 */
export type CookieRead = string | CookiePlace;

export interface CookiePlace {
  readonly name: string;
  readonly path?: string;
  readonly domain?: string;
}

/** The parts of a request that an authenticator reads: header names in lower case, cookies with their attributes. */
export interface Reading {
  readonly headers: readonly string[];
  readonly schemes: readonly string[];
  readonly cookies: readonly CookiePlace[];
}

/**
 * The facts for the answer with the status 401: the parts of a request that the authenticator reads, and the cookies that the
 * client should delete.
 */
export interface Asks extends Reading {
  readonly forget: Reading["cookies"];
}
