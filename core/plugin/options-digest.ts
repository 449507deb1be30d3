// The digest of a plugin's options, for the record of a start. The options themselves are not recorded.

import { tellable } from "../diagnostics/plugin-options.ts";
import { canonicalText, digestOfText } from "../schema/digest.ts";

/**
 * Returns `sha256:` and 64 hexadecimal digits over the options as RFC 8785 text. Of functions and of texts whose names sound like
 * secrets, only the presence counts: a short secret could be guessed from its digest.
 */
export const digestOfOptions = (given: readonly unknown[]): string =>
  digestOfText(canonicalText(given.map((option) => tellable(option, "", []))));
