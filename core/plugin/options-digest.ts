// Computes the digest of a plugin's options, which the trail records at each start. The options themselves are not recorded.

import { tellable } from "../diagnostics/plugin-options.ts";
import { canonicalText, digestOfText } from "../schema/digest.ts";

/**
 * Returns `sha256:` and 64 hexadecimal digits over the options as RFC 8785 text. Functions, and texts whose names sound like
 * secrets, count only as present: a short secret could be guessed from its digest.
 */
export const digestOfOptions = (given: readonly unknown[]): string =>
  digestOfText(canonicalText(given.map((option) => tellable(option, "", []))));
