// The digest of a plugin's options, for the record of a start. The options themselves are not recorded.

import { tellable } from "../diagnostics/plugin-options.ts";
import { canonicalText, digestOfText } from "../schema/digest.ts";

/**
 * `sha256:` and 64 hexadecimal digits over the options as RFC 8785 text. Functions count as their presence, and so do
 * texts that sound like secrets: a digest of a short one would give it away.
 */
export const digestOfOptions = (given: readonly unknown[]): string =>
  digestOfText(canonicalText(given.map((option) => tellable(option, "", []))));
