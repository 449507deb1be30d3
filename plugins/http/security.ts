// Headers by which browsers keep other sites away from the answers of an API. The lists are made once.

/** Headers as names and values, one after the other. */
export interface SecurityHeaders {
  readonly usual: readonly string[];
  /**
   * The headers of a route that pages of all sites may call. These pages may also embed the answers of the route, such as images.
   */
  readonly open: readonly string[];
}

const year = 31_536_000;

/** Makes the headers. @param publicUrl  If the URL is https, a header makes browsers use only https for this host. */
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
  // Pages of allowed origins can still read answers, because CORS is independent of this header.
  return { usual: [...shared, "same-origin"], open: [...shared, "cross-origin"] };
};

/** The policy for JSON answers: a browser that shows the answer as a page loads nothing, and no page can frame it. */
export const jsonPolicy = ["content-security-policy", "default-src 'none'; frame-ancestors 'none'"] as const;

/** Headers that many answers have, names and values one after the other. */
export interface PreparedHeaders {
  readonly own: readonly string[];
  /** These headers and the headers that every answer has. The values of the first and the last header are filled in later. */
  readonly whole: readonly string[];
}

export const prepareHeaders = (own: readonly string[], { usual }: SecurityHeaders): PreparedHeaders => ({
  own,
  whole: ["x-request-id", "", ...usual, ...own, "content-length", ""],
});
