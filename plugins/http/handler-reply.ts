// Adds the headers, the cookies and the redirect that a handler sets by `reply` to the HTTP response. A handler cannot change
// where the response ends, who may read the response, or what a page may do with the response. A handler cannot redirect a
// browser to an origin that the project did not declare.

import { createHmac, timingSafeEqual } from "node:crypto";
import { validateHeaderName, validateHeaderValue } from "node:http";
import type { CookieOptions, Reply } from "../../core/model/reply.ts";
import type { Reply as Answer } from "./reply.ts";
import type { ReplyRules } from "./reply-options.ts";

/**
 * Headers that a handler cannot set. Each of these headers defines where a response ends, who may read the response or what a
 * page may do with the response, or has an option of its own.
 */
const notForHandlers =
  /^(?:connection|content-(?:encoding|length|range|type|security-policy(?:-report-only)?)|cross-origin-.*|access-control-.*|cache-control|date|expect|host|keep-alive|location|proxy-.*|referrer-policy|set-cookie|strict-transport-security|te|timing-allow-origin|trailer|transfer-encoding|upgrade|www-authenticate|x-content-type-options|x-frame-options|x-request-id|quater-.*)$/;

const remedies: Readonly<Record<string, string>> = {
  location: "call reply.location or reply.redirect to set this header",
  "set-cookie": "call reply.cookie",
  "cache-control": "write cache in the exposure",
};

/** Matches the names of Quater's own cookies, such as the session cookie of the approvals page. */
const ownCookie = /^(?:__(?:host|secure)-)?quater-/i;

const redirects: ReadonlySet<number> = new Set([301, 302, 303, 307, 308]);
/**
 * The origin against which Quater resolves the path of a redirect. The host `own.invalid` cannot exist (RFC 6761). If the
 * resolved URL has another host, the path would lead a browser to another origin than the server's.
 */
const base = "http://own.invalid";

const quoted = (text: unknown): string => JSON.stringify(text);

/** Collects the headers that a handler sets, by lower-case names. Quater adds the handler's `vary` to the `vary` of the route. */
export class HandlerReply implements Reply {
  readonly #rules: ReplyRules;
  readonly #headers = new Map<string, string>();
  readonly #cookies = new Map<string, string>();
  #status: number | undefined;
  #hasBegun = false;

  constructor(rules: ReplyRules) {
    this.#rules = rules;
  }

  /** The functions of `reply` work without the object `reply`, because handlers destructure `{ header }`. */
  readonly header: Reply["header"] = (name, value) => {
    validateHeaderName(name);
    validateHeaderValue(name, value);
    const lower = name.toLowerCase();
    if (notForHandlers.test(lower))
      throw new TypeError(`reply.header cannot set ${quoted(name)}: ${remedies[lower] ?? "only the server sets this header"}`);
    this.#set(lower, String(value));
  };

  readonly location: Reply["location"] = (path) => this.#set("location", this.#target("location", path, false));

  readonly redirect: Reply["redirect"] = (path, status = 303) => {
    if (!redirects.has(status))
      throw new TypeError(`reply.redirect cannot send ${quoted(status)}: write 301, 302, 303, 307 or 308`);
    this.#set("location", this.#target("redirect", path, true));
    this.#status = status;
  };

  readonly cookie: Reply["cookie"] = (name, value, options = {}) => {
    const { signed = false, maxAgeSeconds, ...attributes } = options;
    const [key] = this.#rules.keys;
    if (signed && key === undefined)
      throw new TypeError(`reply.cookie cannot sign ${quoted(name)}: add http({ cookieKeys: ["..."] })`);
    if (maxAgeSeconds !== undefined && !Number.isSafeInteger(maxAgeSeconds))
      throw new TypeError(
        `reply.cookie got an invalid maxAgeSeconds ${String(maxAgeSeconds)} for ${quoted(name)}: write a whole number`,
      );
    const sent = encodeURIComponent(value);
    this.#setCookie(name, signed ? `${sent}.${signatureOf(key ?? "", name, sent)}` : sent, attributes, maxAgeSeconds);
  };

  readonly clearCookie: Reply["clearCookie"] = (name, options = {}) => this.#setCookie(name, "", options, 0);

  /**
   * Returns the response with the headers that the handler set. After the call of `with`, the handler can set no more headers.
   */
  with(answer: Answer): Answer {
    this.#hasBegun = true;
    const headers = [...answer.headers];
    for (const [name, value] of this.#headers) headers.push(name, value);
    if (this.#cookies.size > 0) headers.push("set-cookie", [...this.#cookies.values()]);
    return { ...answer, headers, status: this.#status ?? answer.status, known: undefined };
  }

  #set(name: string, value: string): void {
    this.#check();
    this.#headers.set(name, value);
  }

  #check(): void {
    if (this.#hasBegun)
      throw new TypeError("The response has already started. Use reply before the handler yields the first item of the stream");
  }

  #setCookie(name: string, value: string, options: Omit<CookieOptions, "signed" | "maxAgeSeconds">, maxAge?: number): void {
    this.#check();
    if (ownCookie.test(name))
      throw new TypeError(
        `reply cannot set the cookie ${quoted(name)}, because this name begins like the names of Quater's own cookies. Choose another name`,
      );
    const { path = "/", domain, sameSite = "Lax", readableByScripts = false, secure = this.#rules.isHttps } = options;
    const isPrefixed = /^__(?:host|secure)-/i.test(name);
    const isSecure = secure || isPrefixed;
    if (!["Strict", "Lax", "None"].includes(sameSite))
      throw new TypeError(`reply.cookie got an invalid sameSite ${quoted(sameSite)}: write "Strict", "Lax" or "None"`);
    if (sameSite === "None" && !isSecure)
      throw new TypeError(`reply.cookie cannot send ${quoted(name)} with SameSite=None and without Secure. Add secure: true`);
    if (/^__host-/i.test(name) && (path !== "/" || domain !== undefined))
      throw new TypeError(
        `Browsers accept the cookie ${quoted(name)} only with the path "/" and without domain. Remove path and domain`,
      );
    for (const [what, text, form] of [
      ["name", name, cookieName],
      ["path", path, cookieAttribute],
      ["domain", domain ?? "a", cookieAttribute],
    ] as const)
      if (typeof text !== "string" || !form.test(text))
        throw new TypeError(`reply.cookie got an invalid ${what}: ${quoted(text)}`);
    const line = [
      `${name}=${value}`,
      `Path=${path}`,
      ...(domain === undefined ? [] : [`Domain=${domain}`]),
      ...(maxAge === undefined ? [] : [`Max-Age=${maxAge}`]),
      ...(readableByScripts ? [] : ["HttpOnly"]),
      ...(isSecure ? ["Secure"] : []),
      `SameSite=${sameSite}`,
    ];
    this.#cookies.set([name, domain, path].join(";"), line.join("; "));
  }

  /**
   * @returns The target of the redirect or of `location` in the form that Quater sends: a path with its query, or a URL of a
   *   declared origin.
   */
  #target(what: "location" | "redirect", target: string, mayLeave: boolean): string {
    const isUrl = /^https?:\/\//i.test(target);
    const refuse = (why: string): never => {
      throw new TypeError(`reply.${what} cannot lead to ${quoted(target)}: ${why}`);
    };
    if (typeof target !== "string" || (!isUrl && !target.startsWith("/"))) refuse('write a path: "/orders/7"');
    if (!URL.canParse(target, base)) refuse("browsers cannot parse this path");
    const { origin, pathname, search, hash, href } = new URL(target, base);
    if (isUrl) {
      if (!mayLeave) refuse('write a path: "/orders/7"');
      return this.#rules.redirectOrigins.has(origin) ? href : refuse(`add ${quoted(origin)} to http({ redirectOrigins })`);
    }
    // Browsers also read "/\\x" and "/.//x" as URLs of the host x.
    if (origin !== base || pathname.startsWith("//")) refuse("browsers would take this path for the URL of another host");
    return `${pathname}${search}${hash}`;
  }
}

/** The form of the name of a cookie (RFC 6265 4.1.1). */
const cookieName = /^[!#$%&'*+.^_`|~0-9A-Za-z-]{1,100}$/;
const cookieAttribute = /^[!-:<-~]{1,1000}$/;

/** Signs the name and value of a cookie, so that the signed value of one cookie is not valid for another cookie. */
const signatureOf = (key: string, name: string, sent: string): string =>
  createHmac("sha256", key).update(`quater.cookie.v1\n${name}\n${sent}`).digest("base64url");

/** Returns the value of a signed cookie; `undefined` if none of the keys made the signature. */
export const unsigned = (keys: readonly string[], name: string, sent: string): string | undefined => {
  const dot = sent.lastIndexOf(".");
  if (dot === -1) return undefined;
  const [text, given] = [sent.slice(0, dot), Buffer.from(sent.slice(dot + 1))];
  const isSigned = keys.some((key) => {
    const right = Buffer.from(signatureOf(key, name, text));
    return right.length === given.length && timingSafeEqual(right, given);
  });
  return isSigned ? decodeURIComponent(text) : undefined; // This file encoded the signed value, so decoding cannot fail.
};
