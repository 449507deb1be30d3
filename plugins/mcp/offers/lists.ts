// The lists of MCP: tools, resources, resource templates and prompts. A caller gets pages with the entries that the caller's
// rights allow.

import { createHash } from "node:crypto";
import type { Principal } from "../../../core/index.ts";
import { isVisibleTo, type Operation } from "../../../core/plugin-api.ts";

/** An entry of a list. */
export interface Entry {
  readonly operation: Operation;
  /** The entry as JSON text. */
  readonly json: string;
}

/** Decides which entries a caller sees. */
export interface Listing {
  readonly isListed: (operation: Operation, principal: Principal) => boolean;
}

/** The most entries of a page. */
const mostEntries = 500;
/** The most characters of a page. A larger entry has a page of its own. */
const mostCharacters = 1_000_000;

/**
 * The number of pages in the cache. Principals with different rights get different lists, but apps use only a few sets of rights
 * at the same time.
 */
const keptPages = 32;

export class List {
  readonly #field: string;
  readonly #entries: readonly Entry[];
  /** A text that is different for each list of entries, so that a cursor of another list is refused. */
  readonly #version: string;
  /**
   * Serialised pages. A key contains the first entry of the page, and one character per entry that says whether the caller sees
   * the entry.
   */
  readonly #pages = new Map<string, string>();

  /** @param field  The field of the result with the entries: `tools`. */
  constructor(field: string, entries: readonly Entry[]) {
    this.#field = field;
    this.#entries = entries;
    const hash = createHash("sha256").update(field);
    for (const { json } of entries) hash.update("\n").update(json);
    this.#version = hash.digest("base64url").slice(0, 16);
  }

  get size(): number {
    return this.#entries.length;
  }

  /**
   * Returns a page as JSON text: the entries whose handlers the principal may call, and `nextCursor` if there are more.
   *
   * @param cursor  The `nextCursor` of the previous page. `undefined` for the first page.
   * @param listing  The authorization servers from which the caller can get more scopes.
   * @returns `undefined` if no page of this list has this cursor.
   */
  page(principal: Principal, cursor: unknown, listing?: Listing): string | undefined {
    const start = this.#startOf(cursor);
    if (start === undefined) return undefined;
    let seen = "";
    for (const { operation } of this.#entries)
      seen += (listing?.isListed(operation, principal) ?? isVisibleTo(operation, principal)) ? "1" : "0";
    const key = `${start}:${seen}`;
    const known = this.#pages.get(key);
    if (known !== undefined) return known;
    const page = this.#pageFrom(start, seen);
    if (this.#pages.size >= keptPages) this.#pages.delete(this.#pages.keys().next().value as string);
    this.#pages.set(key, page);
    return page;
  }

  #pageFrom(start: number, seen: string): string {
    const chosen: string[] = [];
    let characters = 0;
    let next: number | undefined;
    for (let at = start; at < this.#entries.length && next === undefined; at++) {
      if (seen[at] !== "1") continue;
      const { json } = this.#entries[at] as Entry;
      const isFull = chosen.length >= mostEntries || (chosen.length > 0 && characters + json.length > mostCharacters);
      if (isFull) next = at;
      else {
        chosen.push(json);
        characters += json.length;
      }
    }
    const more = next === undefined ? "" : `,"nextCursor":"${this.#cursorAt(next)}"`;
    return `{"${this.#field}":[${chosen.join(",")}]${more}}`;
  }

  #cursorAt(start: number): string {
    return Buffer.from(`${start}.${this.#version}`).toString("base64url");
  }

  /**
   * A cursor contains only the position of the next entry. Every page is filtered by the rights of its caller, so a cursor needs
   * no signature.
   */
  #startOf(cursor: unknown): number | undefined {
    if (cursor === undefined) return 0;
    if (typeof cursor !== "string" || cursor.length > 100) return undefined;
    const start = Number.parseInt(Buffer.from(cursor, "base64url").toString(), 10);
    const isKnown = start > 0 && start < this.#entries.length && this.#cursorAt(start) === cursor;
    return isKnown ? start : undefined;
  }
}
