// The headers with which browsers keep pages of other sites away from the responses of an API. Quater makes the lists of these
// headers once.

/** The security headers of responses, as names and values, one after the other. */
export interface SecurityHeaders {
  readonly usual: readonly string[];
  /**
   * The security headers of a route that pages of all sites may call. These pages may also embed the responses of the route, such
   * as images.
   */
  readonly open: readonly string[];
}

const year = 31_536_000;

/**
 * Makes the security headers of responses. @param publicUrl  If this URL is an https URL, one of the headers makes browsers use
 * only https for the host of this URL.
 */
export const securityHeaders = (publicUrl?: string): SecurityHeaders => {
  const isHttps = publicUrl?.startsWith("https:") === true;
  const shared = [
    "x-content-type-options",
    "nosniff",
    "referrer-policy",
    "no-referrer",
    ...(isHttps ? ["strict-transport-security", `max-age=${year}`] : []),
    "cross-origin-resource-policy",
  ];
  // Pages of allowed origins can still read responses, because CORS does not depend on the header Cross-Origin-Resource-Policy.
  return { usual: [...shared, "same-origin"], open: [...shared, "cross-origin"] };
};

/**
 * The content security policy of JSON responses. A browser that shows the response as a page loads nothing, and no page can frame
 * the response.
 */
export const jsonPolicy = ["content-security-policy", "default-src 'none'; frame-ancestors 'none'"] as const;

/** The headers that many responses have, as names and values, one after the other. */
export interface PreparedHeaders {
  readonly own: readonly string[];
  /**
   * The headers in `own` together with the headers that every response has. Quater fills in the values of the first and the last
   * of these headers later.
   */
  readonly whole: readonly string[];
}

export const prepareHeaders = (own: readonly string[], { usual }: SecurityHeaders): PreparedHeaders => ({
  own,
  whole: ["x-request-id", "", ...usual, ...own, "content-length", ""],
});
