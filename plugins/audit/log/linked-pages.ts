// Reads pages of linked events backward, by their links. Each linked event contains the number and hash of the linked event
// before, and this file verifies each event. So this file notices a deleted linked event, and a linked event that a changed
// column hides from the query.

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
  /** The linked events of the page, newest first. */
  readonly metas: readonly EventMeta[];
  /** The linked event with which the next page begins. The next page contains older events. */
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
   * @param from  The number and hash of the newest event of the page.
   * @param above  The number above which the numbers of all events on the page must be.
   * @throws {MissingKey} when the next event contains the id of a key that the key file does not have. This event may still be
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
      // Stop at a restore, because the restore voided all earlier approval requests.
      if (meta.type === "store.restored") break;
    }
    return { metas, next, isBroken: false };
  }

  #verified(row: ReadRow, expected: EventLink, head: HeadRow): EventMeta | undefined {
    if (row.seq !== expected.seq || row.hash !== expected.hash) return undefined;
    // After a restore, the numbers of new events skip the numbers of lost events. So the first row after the beginning of the
    // trail may have any number.
    const isFirst = row.seq - 1 === head.floor_seq || typeof row.previous !== "string";
    const previous = isFirst ? head.floor_hash : (row.previous ?? undefined);
    const isSound = () => rowProblem(row, previous, this.#keysNow()) === undefined;
    return isSound() || (this.#hasNewKey(row) && isSound()) ? metaOf(row.meta) : undefined;
  }

  /**
   * Returns whether the key file now has the key of an event that did not verify. An instance with an older key file must not
   * report events of other instances as damage.
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
