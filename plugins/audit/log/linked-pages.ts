// Reads pages of linked events backward, by their links. Each event is verified, and the next event names its number and hash. So this
// file notices when an event was deleted, or when a changed column hides it from the query.

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
  /** Newest first. */
  readonly metas: readonly EventMeta[];
  /** The linked event to be read next, going back. */
  readonly next: EventLink;
  /** The event `next` is gone or does not verify. */
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
   * @throws {MissingKey} when the next event names a key that the key file does not have: it may be genuine.
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
      // Older than this, nothing is usable, and after a restore every earlier request is void.
      if (meta.type === "store.restored") break;
    }
    return { metas, next, isBroken: false };
  }

  #verified(row: ReadRow, expected: EventLink, head: HeadRow): EventMeta | undefined {
    if (row.seq !== expected.seq || row.hash !== expected.hash) return undefined;
    // Numbers skip what a restore lost, so the first row after the floor may have any number.
    const isFirst = row.seq - 1 === head.floor_seq || typeof row.previous !== "string";
    const previous = isFirst ? head.floor_hash : (row.previous ?? undefined);
    const isSound = () => rowProblem(row, previous, this.#keysNow()) === undefined;
    return isSound() || (this.#hasNewKey(row) && isSound()) ? metaOf(row.meta) : undefined;
  }

  /**
   * Whether the key file has gained the key of an event. An instance whose key file is older than that of other instances must
   * not take their events for damage.
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
