// Computes one digest over all exposures and plugins of a manifest. Quater records this digest on the trail at each start, so
// that readers of the trail know which handlers callers could call after the start.

import { isExposed } from "../model/exposure.ts";
import type { ConfiguredPlugin } from "../plugin/plugin.ts";
import { canonicalText, digestOfText } from "../schema/digest.ts";
import type { Manifest } from "./manifest.ts";

/**
 * Returns `sha256:` and 64 hexadecimal digits. `manifestDigest` computes the digest over the RFC 8785 text of
 * `{ name, version, exposures, plugins }`. `exposures` contains the exposure of each handler by the name of the handler.
 * `plugins` contains the plugins in boot order with the digests of their options. `manifestDigest` loads no module. For a
 * function in an exposure, the digest depends only on whether the function is present.
 */
export const manifestDigest = (manifest: Manifest, plugins: readonly ConfiguredPlugin[]): string => {
  const exposures = Object.fromEntries(
    manifest.handlers
      .filter(isExposed)
      .flatMap(({ table }) => Object.entries((table ?? {}) as Record<string, { readonly name?: unknown }>))
      .map(([key, exposure]) => [typeof exposure.name === "string" ? exposure.name : key, plain(exposure)]),
  );
  const given = plugins.map(({ name, optionsDigest }) => ({ name, options: optionsDigest?.() ?? null }));
  const said = { name: manifest.name, version: manifest.version ?? null, exposures, plugins: given };
  return digestOfText(canonicalText(said));
};

const plain = (value: unknown): unknown =>
  JSON.parse(JSON.stringify(value, (_, item: unknown) => (typeof item === "function" ? "[function]" : item))) as unknown;
