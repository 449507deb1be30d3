// Reads pages of linked events backward, by their links. Each event is verified, and contains the number and hash of the linked
// event before it. So this file notices a deleted event, and an event that a changed column hides from the query.

import { metaOf } from "../verify/meta.ts";
import { VerifyKeys } from "../verify/verify-keys.ts";
import { rowProblem } from "../verify/verify-row.ts";
import type { EventLink, EventMeta } from "./event.ts";
import { MissingKey } from "./head.ts";
import type { KeyRing } from "./key-ring.ts";
import type { TrailKeys } from "./keys.ts";
import type { TrailQueries } from "./queries.ts";
import { type ReadRow, type RowSource, readRows } from "./rows.ts";
import type { HeadRow } from "./tables.ts";

export interface LinkedPage {
  /** The events of the page, newest first. */
  readonly metas: readonly EventMeta[];
  /** The linked event with which the next page begins. Pages go back in the trail. */
  readonly next: EventLink;
  /** Whether the event `next` is missing or does not verify. */
  readonly isBroken: boolean;
}

export class LinkedPages {
  readonly #queries: TrailQueries;
  readonly #ring: Pick<KeyRing, "current" | "reload">;
  #keys: { readonly of: TrailKeys; readonly verify: VerifyKeys } | undefined;

  constructor(queries: TrailQueries, ring: Pick<KeyRing, "current" | "reload">) {
    this.#queries = queries;
    this.#ring = ring;
  }

  /**
   * @param from  The newest event of the page.
   * @param above  Events up to this number are left out.
   * @throws {MissingKey} when the next event contains the id of a key that the key file does not have. The event may still be
   * genuine.
   * @throws {StoreFailure}
   */
  async before(rows: RowSource, head: HeadRow, from: EventLink, above: number, limit: number): Promise<LinkedPage> {
    const found = await readRows(rows, this.#queries.linked(from.seq, above, limit), true);
    const metas: EventMeta[] = [];
    let next = from;
    for (const row of [...found].reverse()) {
      const meta = this.#verified(row, next, head);
      if (meta?.link === undefined) return { metas, next, isBroken: true };
      metas.push(meta);
      next = meta.link;
      // Stop here: no request from before a restore can be used, because the restore voided all earlier requests.
      if (meta.type === "store.restored") break;
    }
    return { metas, next, isBroken: false };
  }

  #verified(row: ReadRow, expected: EventLink, head: HeadRow): EventMeta | undefined {
    if (row.seq !== expected.seq || row.hash !== expected.hash) return undefined;
    // Numbers skip the events that a restore lost, so the first row after the beginning may have any number.
    const isFirst = row.seq - 1 === head.floor_seq || typeof row.previous !== "string";
    const previous = isFirst ? head.floor_hash : (row.previous ?? undefined);
    const isSound = () => rowProblem(row, previous, this.#keysNow()) === undefined;
    return isSound() || (this.#hasNewKey(row) && isSound()) ? metaOf(row.meta) : undefined;
  }

  /**
   * Whether the key file now has the key of an event. An instance with an older key file must not report events of other
   * instances as damage.
   */
  #hasNewKey({ seq, meta }: ReadRow): boolean {
    const id = metaOf(meta)?.key;
    if (typeof id !== "string" || this.#ring.current.chainSecrets.has(id)) return false;
    this.#ring.reload();
    if (this.#ring.current.chainSecrets.has(id)) return true;
    throw new MissingKey(`Event ${seq} of the trail names the key ${id}, which the key file does not have`);
  }

  #keysNow(): VerifyKeys {
    const keys = this.#ring.current;
    if (this.#keys?.of !== keys) this.#keys = { of: keys, verify: new VerifyKeys(keys, keys.checkpoint.fingerprint) };
    return this.#keys.verify;
  }
}
