// The lists of tools, MCP resources, resource templates and prompts. A caller gets pages with the list entries that the caller's
// rights allow.

import { createHash } from "node:crypto";
import type { Principal } from "../../../core/index.ts";
import { isVisibleTo, type Operation } from "../../../core/plugin-api.ts";

/** An entry of an MCP list. */
export interface Entry {
  readonly operation: Operation;
  /** The entry of the list as JSON text. */
  readonly json: string;
}

/** Decides which entries of a list a caller sees. */
export interface Listing {
  readonly isListed: (operation: Operation, principal: Principal) => boolean;
}

/** The most entries on one page of a list. */
const mostEntries = 500;
/** The most characters on one page of a list. A larger entry has its own page. */
const mostCharacters = 1_000_000;

/**
 * The most pages in the cache of a list. Principals with different rights get different pages, but apps use only a few sets of
 * rights at the same time.
 */
const keptPages = 32;

export class List {
  readonly #field: string;
  readonly #entries: readonly Entry[];
  /** A text that is different for each list of entries, by which Quater refuses a cursor of another list. */
  readonly #version: string;
  /**
   * The cache of pages as JSON text. Each key contains the position of the first entry on the page, and one character per entry
   * that shows whether the caller sees the entry.
   */
  readonly #pages = new Map<string, string>();

  /** @param field  The field of the MCP result that contains the entries, such as `tools`. */
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
   * Returns a page of the list as JSON text: the entries whose handlers the principal may call, and `nextCursor` if the list has
   * more such entries.
   *
   * @param cursor  The `nextCursor` of the previous page; `undefined` for the first page.
   * @param listing  The authorization servers from which the caller can get more scopes.
   * @returns The page; `undefined` if `cursor` is not a cursor of this list.
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
   * Returns the position in a cursor. A cursor contains only the position of the next entry in the list. Quater filters every
   * page by the rights of the caller, so a cursor needs no signature.
   */
  #startOf(cursor: unknown): number | undefined {
    if (cursor === undefined) return 0;
    if (typeof cursor !== "string" || cursor.length > 100) return undefined;
    const start = Number.parseInt(Buffer.from(cursor, "base64url").toString(), 10);
    const isKnown = start > 0 && start < this.#entries.length && this.#cursorAt(start) === cursor;
    return isKnown ? start : undefined;
  }
}
