// Computes the width of text on a terminal. Wide characters need two columns, and combining marks need no column.

import truncated from "fast-string-truncated-width";

const ellipsis = { ellipsis: "…", ellipsisWidth: 1 } as const;

/** Returns the number of columns that a text needs on a terminal. The text must be safe to print. */
export const widthOf = (text: string): number =>
  // Most texts are ASCII. An ASCII text needs one column for each character.
  /^[ -~]*$/.test(text) ? text.length : truncated(text).width;

/** Cuts a text to `most` columns. A text that was cut ends with `…`. */
export const cutTo = (text: string, most: number): string => {
  if (widthOf(text) <= most) return text;
  const { index } = truncated(text, { limit: most, ...ellipsis });
  return `${text.slice(0, index)}…`;
};

/** Adds spaces to a text until the text is `width` columns wide. */
export const padded = (text: string, width: number): string => `${text}${" ".repeat(Math.max(0, width - widthOf(text)))}`;
