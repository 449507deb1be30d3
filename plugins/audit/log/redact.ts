// Removes secrets from arguments and results before they are stored. A `secret()` field is replaced by a keyed tag: equal secrets have
// equal tags, and nobody can guess a secret from its tag. Fields whose names sound like secrets are masked.

import { soundsSecret } from "../../../core/diagnostics/plugin-options.ts";
import { canonicalText } from "../../../core/schema/digest.ts";
import { masked } from "../../../core/schema/schema.ts";
import { Keyed } from "./chain.ts";
import type { TrailKeys } from "./keys.ts";

const maskedText = "[masked]";

export class Redactor {
  readonly #keys: () => TrailKeys;
  /** By key id. */
  readonly #keyed = new Map<string, Keyed>();

  constructor(keys: () => TrailKeys) {
    this.#keys = keys;
  }

  /** `hmac:<key id>:<64 hex>` over the RFC 8785 text. @throws {TypeError} when the value has none. */
  tagOf(value: unknown): string {
    return this.ofText(canonicalText(value));
  }

  /** The same value under every tag key of the key file, the current key first. @throws {TypeError} as `tagOf`. */
  tagsOf(value: unknown): readonly string[] {
    const text = canonicalText(value);
    return this.#keys().tags.map((key) => this.#tag(key, text));
  }

  ofText(text: string): string {
    return this.#tag(this.#keys().tag, text);
  }

  #tag({ id, secret }: TrailKeys["tag"], text: string): string {
    let keyed = this.#keyed.get(id);
    if (keyed === undefined) {
      keyed = new Keyed(secret);
      this.#keyed.set(id, keyed);
    }
    return `hmac:${id}:${keyed.ofText(text)}`;
  }

  /** A copy that may be stored: `secret()` fields as `hmac:<key id>:<16 hex>`, fields with telling names masked. */
  storable(schema: unknown, value: unknown): unknown {
    const made = new Set<string>();
    const shown = masked(schema, value, (secret) => {
      // Two parts of a schema may both call a field secret; what the second sees is the tag already.
      if (typeof secret === "string" && made.has(secret)) return secret;
      const tag = this.#short(secret);
      made.add(tag);
      return tag;
    });
    return this.#withoutSounding(shown, made);
  }

  #short(secret: unknown): string {
    const text = typeof secret === "string" ? secret : (JSON.stringify(secret) ?? "");
    return this.ofText(text).slice(0, -48);
  }

  #withoutSounding(value: unknown, made: ReadonlySet<string>): unknown {
    if (Array.isArray(value)) return value.map((item) => this.#withoutSounding(item, made));
    if (value === null || typeof value !== "object") return value;
    return Object.fromEntries(
      Object.entries(value).map(([name, item]) => {
        const isTag = typeof item === "string" && made.has(item);
        return [name, soundsSecret(name) && item !== null && !isTag ? maskedText : this.#withoutSounding(item, made)];
      }),
    );
  }
}
