// Headers by which browsers keep other sites away from an API. They are lists that are made once.

/** Names and values in turn. */
export interface SecurityHeaders {
  readonly usual: readonly string[];
  /** Of a route that pages of all sites may call: they may also show its answers, such as images. */
  readonly open: readonly string[];
}

const year = 31_536_000;

/** @param publicUrl  With https, browsers are told to use nothing else for this host. */
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
  // Pages of listed origins read answers by CORS, which this header does not touch.
  return { usual: [...shared, "same-origin"], open: [...shared, "cross-origin"] };
};

/** For JSON: a browser that shows it as a page loads nothing, and no page can frame it. */
export const jsonPolicy = ["content-security-policy", "default-src 'none'; frame-ancestors 'none'"] as const;
