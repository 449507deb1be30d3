// Computes the digest of a plugin's options. Quater records the digest on the trail at each start, but not the options
// themselves.

import { tellable } from "../diagnostics/plugin-options.ts";
import { canonicalText, digestOfText } from "../schema/digest.ts";

/**
 * Returns `sha256:` and 64 hexadecimal digits over the options as RFC 8785 text. For functions, and for texts whose names sound
 * like secrets, only their presence counts, because a short secret could be guessed from its digest.
 */
export const digestOfOptions = (given: readonly unknown[]): string =>
  digestOfText(canonicalText(given.map((option) => tellable(option, "", []))));
