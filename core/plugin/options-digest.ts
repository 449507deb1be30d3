// Computes the digest of a plugin's options. Quater records the digest on the trail at each start, but not the options
// themselves.

import { tellable } from "../diagnostics/plugin-options.ts";
import { canonicalText, digestOfText } from "../schema/digest.ts";

/**
 * Returns `sha256:` and 64 hexadecimal digits. `digestOfOptions` computes the digest over the RFC 8785 text of the options. For
 * functions, and for options whose names sound like secrets, only the presence of the option counts, because people could guess a
 * short secret from its digest.
 */
export const digestOfOptions = (given: readonly unknown[]): string =>
  digestOfText(canonicalText(given.map((option) => tellable(option, "", []))));
