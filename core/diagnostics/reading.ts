// Where credentials are read in a request: what a refusal tells the caller.

/** A cookie by its name, or with the attributes it was set with, which a browser needs to remove it. */
export type CookieRead = string | CookiePlace;

export interface CookiePlace {
  readonly name: string;
  readonly path?: string;
  readonly domain?: string;
}

/** What an authenticator reads of a request, in one form: lower-case headers, cookies with their attributes. */
export interface Reading {
  readonly headers: readonly string[];
  readonly schemes: readonly string[];
  readonly cookies: readonly CookiePlace[];
}

/** What a refusal at a door tells a surface: what the door reads, and which cookies the caller should forget. */
export interface Asks extends Reading {
  readonly forget: Reading["cookies"];
}
