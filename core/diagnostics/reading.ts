// The headers, schemes and cookies of a request that contain credentials. An answer with the status 401 lists these
// headers, schemes and cookies for the caller.

/**
 * The name of a cookie, or the name of a cookie and the attributes with which the server set the cookie. Browsers need the
 * attributes to remove a cookie.
 */
export type CookieRead = string | CookiePlace;

export interface CookiePlace {
  readonly name: string;
  readonly path?: string;
  readonly domain?: string;
}

/** The parts of a request that an authenticator reads. Header names are in lower case. Cookies have their attributes. */
export interface Reading {
  readonly headers: readonly string[];
  readonly schemes: readonly string[];
  readonly cookies: readonly CookiePlace[];
}

/**
 * The facts for the answer with the status 401: the parts of a request that the authenticator reads, and the cookies that
 * the client should delete.
 */
export interface Asks extends Reading {
  readonly forget: Reading["cookies"];
}
