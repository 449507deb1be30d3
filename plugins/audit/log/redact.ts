// Removes secrets from arguments and results before Quater stores the arguments and results. Quater replaces the value of a
// `secret()` field by a keyed digest, the tag of the secret. Equal secrets have equal tags, and nobody can guess a secret from
// its tag. Quater masks fields whose names suggest secrets.

import { soundsSecret } from "../../../core/diagnostics/plugin-options.ts";
import { canonicalText } from "../../../core/schema/digest.ts";
import { masked } from "../../../core/schema/schema.ts";
import { Keyed } from "./chain.ts";
import type { TrailKeys } from "./keys.ts";

const maskedText = "[masked]";

export class Redactor {
  readonly #keys: () => TrailKeys;
  /** The keyed digest functions by the id of the tag key. */
  readonly #keyed = new Map<string, Keyed>();

  constructor(keys: () => TrailKeys) {
    this.#keys = keys;
  }

  /**
   * Returns the tag of a value, `hmac:<key id>:<64 hex>` over the RFC 8785 text of the value. @throws {TypeError} when the value
   * has no RFC 8785 text.
   */
  tagOf(value: unknown): string {
    return this.ofText(canonicalText(value));
  }

  /**
   * Returns the tags of a value with every tag key of the key file. The first tag is the tag of the current key.
   *
   * @throws {TypeError} as `tagOf`.
   */
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

  /**
   * Returns a copy of the value that Quater may store: `secret()` fields become `hmac:<key id>:<16 hex>`, and Quater masks fields
   * whose names suggest secrets.
   */
  storable(schema: unknown, value: unknown): unknown {
    const made = new Set<string>();
    const shown = masked(schema, value, (secret) => {
      // Two parts of a schema may both mark a field as secret. The second part then gets the tag instead of the secret, and must
      // not replace the tag again.
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
