// The headers, schemes and cookies of a request that hold credentials. A 401 lists them for the caller.

/** A cookie by its name, or with the attributes it was set with. A browser needs the attributes to remove the cookie. */
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
 * What a 401 tells the caller: the parts of a request that the authenticator reads, and the cookies that the client should
 * delete.
 */
export interface Asks extends Reading {
  readonly forget: Reading["cookies"];
}
