// The width of text on a terminal: wide characters need two columns, and combining marks need none.

import truncated from "fast-string-truncated-width";

const ellipsis = { ellipsis: "…", ellipsisWidth: 1 } as const;

/** Returns how many columns a text needs on a terminal. The text must be safe to print. */
export const widthOf = (text: string): number =>
  // Most texts are ASCII, and need as many columns as characters.
  /^[ -~]*$/.test(text) ? text.length : truncated(text).width;

/** Cuts a text to `most` columns. A cut text ends with `…`. */
export const cutTo = (text: string, most: number): string => {
  if (widthOf(text) <= most) return text;
  const { index } = truncated(text, { limit: most, ...ellipsis });
  return `${text.slice(0, index)}…`;
};

/** Adds spaces up to `width` columns. */
export const padded = (text: string, width: number): string => `${text}${" ".repeat(Math.max(0, width - widthOf(text)))}`;
