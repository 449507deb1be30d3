// The credentials of a caller. An authenticator declares the headers, schemes and cookies that the authenticator reads, and
// receives no others. So Quater knows whether a request contains a credential before Quater calls the authenticator.

import { invalidToken, type QuaterError, unauthenticated } from "../diagnostics/errors.ts";
import type { CookieRead, Reading } from "../diagnostics/reading.ts";

/**
 * The parts of a request that an authenticator reads. Without any of these fields, the authenticator receives only bearer
 * tokens.
 */
export interface Reads {
  /** The names of the headers that the authenticator reads: `["x-session"]`. */
  readonly headers?: readonly string[];
  /** The schemes of the header Authorization that the authenticator reads: `["Bearer"]`. */
  readonly schemes?: readonly string[];
  /**
   * The names of the cookies that the authenticator reads: `["sid"]`. A write with a cookie must come from a page of an allowed
   * origin.
   */
  readonly cookies?: readonly CookieRead[];
}

/**
 * The credentials that a surface received from a caller. An authenticator gets a part of these credentials: see `Credentials`.
 */
export interface Presented {
  readonly surface: string;
  /**
   * A key or token from an environment variable or a terminal, and not from a header. If `token` is set, Quater reads no header.
   */
  readonly token?: string | undefined;
  /**
   * Returns a header of the request by the lower-case name of the header; `undefined` when the request lacks the header.
   *
   * @throws {QuaterError} `invalid_token` for a header that the request contains more than once.
   */
  readonly header?: (name: string) => string | undefined;
  /** True when the caller is the operating system's user who started this process. */
  readonly isLocal: boolean;
  /** The network address of the caller or of the last proxy, if the surface has a network address. */
  readonly peer?: string | undefined;
  /**
   * True when the request came over a Unix socket. Only local processes with access to the file of the socket can use a Unix
   * socket.
   */
  readonly isOverUnixSocket?: boolean;
  /**
   * Quater calls `assertSameSite` before an authenticator receives a cookie, because browsers also send cookies with requests of
   * other sites' pages.
   *
   * @throws {QuaterError} for a write that does not come from a page of an allowed origin.
   */
  readonly assertSameSite?: () => void;
  /** Returns the value of a signed cookie; `undefined` for a cookie whose signature this server did not make. */
  readonly unsign?: (name: string, sent: string) => string | undefined;
}

/**
 * The values that `reads` of an authenticator declares. The authenticator receives these values before the surface reads the
 * request body.
 */
export interface Credentials extends Omit<Presented, "header" | "assertSameSite" | "unsign"> {
  /** The credential after the scheme in the header Authorization, or a token that did not come in a header. */
  readonly token?: string | undefined;
  /** The scheme of the header Authorization in the spelling of `reads`; `undefined` for a token that did not come in a header. */
  readonly scheme?: string | undefined;
  /**
   * Returns a header of the request. `undefined` if the request does not have the header, or `reads` does not declare the
   * header.
   */
  readonly header: (name: string) => string | undefined;
  /**
   * Returns a cookie of the request. `undefined` if the request does not have the cookie, or if `reads` does not declare the
   * cookie. Also `undefined` if the request has a token or a declared header, because Quater ignores cookies in this case.
   *
   * @param options  `{ signed: true }` for a cookie that `reply.cookie` signed. For a cookie with a wrong signature, the function
   * returns `undefined`.
   * @throws {QuaterError} for a write that does not come from a page of an allowed origin.
   */
  readonly cookie: (name: string, options?: { readonly signed?: boolean }) => string | undefined;
  /**
   * True when Quater accepted the credential before and checks the credential again. Use no cache for this check, because an
   * operator may have revoked the credential.
   */
  readonly isCheckedAgain?: boolean;
}

const bearerAlone: Reading = { headers: [], schemes: ["Bearer"], cookies: [] };

export const readingOf = (reads: Reads | undefined): Reading => {
  if (reads === undefined) return bearerAlone;
  const { headers = [], schemes = [], cookies = [] } = reads;
  return {
    headers: headers.map((name) => name.toLowerCase()),
    schemes,
    cookies: cookies.map((cookie) => (typeof cookie === "string" ? { name: cookie } : cookie)),
  };
};

/** Returns all headers, schemes and cookies that several authenticators read, as one declaration. */
export const allReads = (given: readonly (Reads | undefined)[]): Reads => {
  const readings = given.map(readingOf);
  const once = (names: readonly string[]) => [...new Map(names.map((name) => [name.toLowerCase(), name])).values()];
  return {
    headers: once(readings.flatMap(({ headers }) => headers)),
    schemes: once(readings.flatMap(({ schemes }) => schemes)),
    cookies: [...new Map(readings.flatMap(({ cookies }) => cookies).map((cookie) => [cookie.name, cookie])).values()],
  };
};

/** The credentials that one authenticator receives, and whether the caller sent any of these credentials. */
export class Shown implements Credentials {
  readonly #from: Presented & { readonly cookie?: Credentials["cookie"] };
  readonly #reading: Reading;
  readonly isCheckedAgain: boolean;
  readonly token: string | undefined;
  readonly scheme: string | undefined;

  /**
   * @throws {QuaterError} `invalid_token` for a malformed Authorization header, `unauthenticated` for a scheme that the
   * authenticator does not read.
   */
  constructor(
    from: Presented & { readonly scheme?: string | undefined; readonly cookie?: Credentials["cookie"] },
    reading: Reading,
    isAgain = false,
  ) {
    this.#from = from;
    this.#reading = reading;
    this.isCheckedAgain = isAgain;
    const { schemes } = reading;
    if (schemes.length === 0) return;
    if (from.token !== undefined) {
      if (from.scheme !== undefined && !schemes.some((scheme) => isScheme(scheme, from.scheme))) return;
      this.token = from.token;
      this.scheme = from.scheme;
      return;
    }
    const authorization = from.header?.("authorization");
    if (authorization === undefined) return;
    const [first = ""] = schemes;
    // Nearly every Authorization header has the first declared scheme and one word, so try the first declared scheme and one word
    // first.
    if (authorization.startsWith(first) && authorization[first.length] === " ") {
      const value = authorization.slice(first.length + 1);
      if (oneWord.test(value)) {
        this.token = value;
        this.scheme = first;
        return;
      }
    }
    const [, named = "", value = ""] = authorizationForm.exec(authorization) ?? [];
    if (named === "") throw invalidToken();
    const scheme = schemes.find((known) => isScheme(known, named));
    if (scheme === undefined) throw unauthenticated(from.surface);
    if (isScheme(scheme, "bearer") && value.includes(" ")) throw invalidToken();
    this.token = value;
    this.scheme = scheme;
  }

  get surface(): string {
    return this.#from.surface;
  }

  get isLocal(): boolean {
    return this.#from.isLocal;
  }

  get peer(): string | undefined {
    return this.#from.peer;
  }

  get isOverUnixSocket(): boolean {
    return this.#from.isOverUnixSocket === true;
  }

  /** Returns a function that works without the `Shown` object, because authenticators destructure `{ header }`. */
  get header(): Credentials["header"] {
    return (name) => {
      const lower = name.toLowerCase();
      return this.#reading.headers.includes(lower) ? this.#from.header?.(lower) : undefined;
    };
  }

  /**
   * Returns the function that reads cookies. When the request has a declared header or a token, the function that reads
   * cookies returns no cookies, so that a cookie never replaces a wrong header or token. Before the function that reads cookies
   * returns a cookie, the function checks that the request comes from an allowed page.
   */
  get cookie(): Credentials["cookie"] {
    return (name, options) => {
      if (this.hasExplicit || !this.#reading.cookies.some((cookie) => cookie.name === name)) return undefined;
      if (this.#from.cookie !== undefined) return this.#from.cookie(name, options);
      const value = this.#cookieNamed(name);
      if (value === undefined) return undefined;
      this.#from.assertSameSite?.();
      return options?.signed === true ? this.#from.unsign?.(name, value) : value;
    };
  }

  #cookieNamed(name: string): string | undefined {
    // If a request has two cookies with the same name, this app did not set one of them.
    return cookieIn(this.#from.header?.("cookie"), name, invalidToken);
  }

  /**
   * Whether the request has a header or token that the authenticator reads. Pages of other sites cannot send such a header
   * or token.
   */
  get hasExplicit(): boolean {
    return this.token !== undefined || this.#reading.headers.some((name) => this.#from.header?.(name) !== undefined);
  }

  get hasCookie(): boolean {
    return this.#reading.cookies.some(({ name }) => this.hasCookieNamed(name));
  }

  hasCookieNamed(name: string): boolean {
    return this.#cookieNamed(name) !== undefined;
  }
}

/** Returns the part of the credentials that an authenticator inside another authenticator reads. */
export const partOf = (credentials: Credentials, reading: Reading): Credentials =>
  new Shown(credentials, reading, credentials.isCheckedAgain);

/**
 * Matches an Authorization header (RFC 9110 11.6.2): a scheme, and one word without spaces or a list of `name=value`. Quater
 * refuses other forms, because the authenticator and a proxy in front of the server could read different parts of the header.
 */
const authorizationForm =
  /^([!#$%&'*+.^_`|~0-9A-Za-z-]+) +([^\s,]+|[\w!#$%&'*+.^`|~-]+ *= *(?:"[^"]*"|[^\s,"]+)(?: *, *[\w!#$%&'*+.^`|~-]+ *= *(?:"[^"]*"|[^\s,"]+))*)$/;

const oneWord = /^[^\s,]+$/;

const isScheme = (one: string, other: string | undefined): boolean => one === other || one.toLowerCase() === other?.toLowerCase();

/**
 * Returns the value of a cookie in the header Cookie (RFC 6265 4.2), without quotes around the value.
 *
 * @param repeated  Makes the error that `cookieIn` throws when two cookies have the same name.
 */
export const cookieIn = (line: string | undefined, name: string, repeated: () => QuaterError): string | undefined => {
  if (line === undefined || !line.includes(name)) return undefined;
  let found: string | undefined;
  for (const part of line.split(";")) {
    const equals = part.indexOf("=");
    if (equals === -1 || part.slice(0, equals).trim() !== name) continue;
    if (found !== undefined) throw repeated();
    found = part
      .slice(equals + 1)
      .replace(/^[ \t]+|[ \t]+$/g, "") // `trim` would also cut U+00A0, which is a byte of longer characters in UTF-8
      .replace(/^"(.*)"$/, "$1");
  }
  return found;
};

/**
 * The characters that a scope may have in the header WWW-Authenticate (RFC 6749 3.3). Quater leaves a scope with other characters
 * out of this header.
 */
const scopeToken = /^[\x21\x23-\x5b\x5d-\x7e]+$/;

/** The metadata document of an OAuth resource server (RFC 9728 5.1), and the scopes that the challenges of the server name. */
export interface ResourceMetadata {
  readonly url: string;
  readonly scopes: readonly string[];
}

/**
 * Returns the header value of `WWW-Authenticate` for a refusal (RFC 9110 11.6.1). Returns `undefined` when another credential
 * would not change the answer.
 */
export const challengeOf = ({ asks, code, details, kind }: QuaterError, resource?: ResourceMetadata): string | undefined => {
  const isWrong = code === "invalid_token";
  if (kind === "unauthenticated") {
    if (resource === undefined) return challengeFrom(asks, isWrong);
    return bearer({ error: isWrong ? code : "", resource_metadata: resource.url, scope: scopeList(resource.scopes) });
  }
  if (code !== "missing_scope") return undefined;
  // RFC 6750 3: the challenge names a missing scope.
  const scope = scopeList(resource?.scopes ?? missingScopesOf(details));
  return bearer({ error: "insufficient_scope", scope, resource_metadata: resource?.url ?? "" });
};

/** Returns a Bearer challenge with the parameters that are not empty. */
const bearer = (parameters: Readonly<Record<string, string>>): string => {
  const given = Object.entries(parameters).filter(([, value]) => value !== "");
  return `Bearer ${given.map(([name, value]) => `${name}="${value}"`).join(", ")}`;
};

export const missingScopesOf = (details: QuaterError["details"]): readonly string[] =>
  (details?.["scopes"] as readonly string[] | undefined) ?? [];

const scopeList = (scopes: readonly string[]): string => scopes.filter((scope) => scopeToken.test(scope)).join(" ");

const challengeFrom = (reading: Reading | undefined, isWrong: boolean): string => {
  const { schemes, headers, cookies } = reading ?? bearerAlone;
  const found = schemes.map((scheme) => {
    // RFC 6750 3: a challenge contains `error` only when the refused request had a token.
    if (isScheme(scheme, "bearer")) return isWrong ? `${scheme} error="invalid_token"` : scheme;
    // RFC 7617 2: a challenge of the scheme Basic has a realm and a charset.
    return isScheme(scheme, "basic") ? `${scheme} realm="restricted", charset="UTF-8"` : scheme;
  });
  if (found.length === 0)
    found.push(...headers.map((name) => `Header name="${name}"`), ...cookies.map(({ name }) => `Cookie name="${name}"`));
  return found.join(", ") || "Bearer";
};

/** Returns a text that says which credential a caller without a credential should send: `send Authorization: Bearer <key>`. */
export const howToAuthenticate = (reading: Reading | undefined): string => {
  const { schemes, headers, cookies } = reading ?? bearerAlone;
  const ways = [
    ...schemes.map((scheme) => `Authorization: ${scheme} ${isScheme(scheme, "bearer") ? "<key>" : "<credential>"}`),
    ...headers.map((name) => `the header ${name}`),
    ...cookies.map(({ name }) => `the cookie ${name}`),
  ];
  return `send ${ways.join(" or ") || "a credential"}`;
};
