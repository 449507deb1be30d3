// Headers, cookies and redirects that a handler can add to its answer. A surface without headers ignores headers, cookies and
// redirects.

/** How long a browser keeps a cookie, and to which servers the browser sends the cookie. */
export interface CookieOptions {
  /**
   * The number of seconds until the browser deletes the cookie. Default: the browser deletes the cookie at the end of the
   * browser's session.
   */
  readonly maxAgeSeconds?: number;
  /** The URL path below which the browser sends the cookie. Default "/". */
  readonly path?: string;
  /** The domain to which the browser sends the cookie. Default: only the host that set the cookie. */
  readonly domain?: string;
  /** Which requests from pages of other sites include the cookie. Default "Lax". "None" needs `secure`. */
  readonly sameSite?: "Strict" | "Lax" | "None";
  /** Whether scripts of a web page can read the cookie. Default false. */
  readonly readableByScripts?: boolean;
  /**
   * Whether the browser sends the cookie only over encrypted connections. Default: true if the server's public URL is encrypted.
   */
  readonly secure?: boolean;
  /**
   * Whether to sign the value of the cookie with the first of the server's cookie keys. An authenticator reads the value of a
   * signed cookie by `cookie(name, { signed: true })`.
   */
  readonly signed?: boolean;
}

/**
 * Adds headers, cookies or a redirect to the answer of a call that succeeds. The answer of a failed call contains none of these
 * headers, cookies and redirects. Surfaces without headers ignore the headers, cookies and redirects.
 *
 * Each function throws a TypeError for a value that a handler cannot set. If a function of `Reply` throws, the call ends with
 * `internal`, and the log names the reason. Each function also throws after the first item of a stream, because the server has
 * already sent the headers of the answer.
 */
export interface Reply {
  /** Sets a header of the answer. A second `header()` with the same name replaces the value of the header. */
  readonly header: (name: string, value: string) => void;
  /** Sets the header `Location` to a path on this origin. The caller can read the created thing at the path in `Location`. */
  readonly location: (path: string) => void;
  /**
   * Redirects the caller to a path on this origin, or to a URL of a declared origin.
   *
   * @param status  The status code of the redirect. Default 303, with which the caller sends GET to the other URL.
   */
  readonly redirect: (path: string, status?: 301 | 302 | 303 | 307 | 308) => void;
  /** Sets a cookie in the browser of the caller. */
  readonly cookie: (name: string, value: string, options?: CookieOptions) => void;
  /** Removes a cookie from the browser of the caller. Pass the path and the domain with which the cookie was set. */
  readonly clearCookie: (name: string, options?: Pick<CookieOptions, "path" | "domain">) => void;
}

/** Creates the reply of a call when a handler first uses it. */
export interface Replying {
  readonly reply: Reply;
}

const ignore = (): void => {};
const ignored: Reply = Object.freeze({ header: ignore, location: ignore, redirect: ignore, cookie: ignore, clearCookie: ignore });

/**
 * The reply for previews and for surfaces that send only values. `replyingNowhere` ignores all headers, cookies and redirects.
 */
export const replyingNowhere: Replying = Object.freeze({ reply: ignored });
