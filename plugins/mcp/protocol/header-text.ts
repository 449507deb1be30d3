// The encoding of texts in headers (MCP 2026-07-28, SEP-2243).

const encodedText = /^=\?base64\?(.*)\?=$/;

/**
 * Decodes a header value. Clients send a value that is not printable ASCII as `=?base64?...?=`.
 *
 * @returns The decoded text; `undefined` if the Base64 is not valid.
 */
export const decoded = (value: string): string | undefined => {
  const base64 = encodedText.exec(value)?.[1];
  if (base64 === undefined) return value;
  const bytes = Buffer.from(base64, "base64");
  return bytes.toString("base64") === base64 ? bytes.toString("utf8") : undefined;
};
