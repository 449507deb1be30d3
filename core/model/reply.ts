// What a handler may say about its answer beside the value. A surface that has no such thing ignores it.

/** How long a cookie is kept and where it is sent. */
export interface CookieOptions {
  /** Seconds until the browser drops it. Default: it goes with the browser's session. */
  readonly maxAgeSeconds?: number;
  /** Default "/". */
  readonly path?: string;
  /** Default: the host alone that set it. */
  readonly domain?: string;
  /** Default "Lax". "None" needs `secure`. */
  readonly sameSite?: "Strict" | "Lax" | "None";
  /** Default false: scripts of pages cannot read it. */
  readonly readableByScripts?: boolean;
  /** Sent over encrypted connections alone. Default: true where the server's public address has encryption. */
  readonly secure?: boolean;
  /** Signs the value with the first of the server's cookie keys. An authenticator reads it by `cookie(name, { signed: true })`. */
  readonly signed?: boolean;
}

/**
 * What goes with the answer of a call that succeeds; a refusal drops it. Surfaces without headers ignore it.
 *
 * Each function throws a TypeError for what a handler cannot set. The call then ends with `internal`, and the log names the reason.
 * So does a call after the first item of a stream: the answer has begun.
 */
export interface Reply {
  /** Sets a header. A second call for the same name replaces the value. */
  readonly header: (name: string, value: string) => void;
  /** Sets `Location` to a path on this origin: where the thing that was made can be read. */
  readonly location: (path: string) => void;
  /**
   * Sends the caller on to a path on this origin, or to a URL of a declared origin.
   *
   * @param status  Default 303: the caller reads the other place.
   */
  readonly redirect: (path: string, status?: 301 | 302 | 303 | 307 | 308) => void;
  /** Sets a cookie. See the options for the defaults. */
  readonly cookie: (name: string, value: string, options?: CookieOptions) => void;
  /** Removes a cookie. Give the path and the domain with which it was set. */
  readonly clearCookie: (name: string, options?: Pick<CookieOptions, "path" | "domain">) => void;
}

/** Where a call may leave its reply. It is made when a handler first asks for it. */
export interface Replying {
  readonly reply: Reply;
}

const ignore = (): void => {};
const ignored: Reply = Object.freeze({ header: ignore, location: ignore, redirect: ignore, cookie: ignore, clearCookie: ignore });

/** For surfaces that send values alone, and for previews. */
export const replyingNowhere: Replying = Object.freeze({ reply: ignored });
