// Which parts of a request hold credentials. A refusal tells them to the caller.

/** A cookie by its name, or with the attributes it was set with, which a browser needs to remove it. */
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

/** What a refusal tells the caller: which parts the door reads, and which cookies the client should delete. */
export interface Asks extends Reading {
  readonly forget: Reading["cookies"];
}
