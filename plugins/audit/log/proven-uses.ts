// Reads the uses of approvals from the events of the trail. An attacker who can write to the store can forge the rows of approval
// requests, but not the events about uses. Each process keeps the newest uses in memory, and later reads only new events.

import type { OpenStore } from "../../store/service.ts";
import type { LostUse } from "../restore/restored.ts";
import { type ReadEvent, readerOf, verifiedRows } from "../verify/find.ts";
import { erasedRequests } from "../verify/verified.ts";
import type { EndedAs, EventLink, EventMeta } from "./event.ts";
import { assertHonest, DamagedHead, MissingKey } from "./head.ts";
import type { KeyRing } from "./key-ring.ts";
import { type LikeTags, tagsIn } from "./like-tags.ts";
import { type LinkedPage, LinkedPages } from "./linked-pages.ts";
import { queriesOn } from "./queries.ts";
import { type HeadRow, newestLinked } from "./tables.ts";

/**
 * How many uses a process reads at first, and how many uses a process keeps in memory. docs/guides/approvals.md states the first
 * number.
 */
const [mostRead, mostKept] = [1_000, 10_000];
/** The most events of one call that Quater reads: the uses of approvals, the start and the end of the call. */
const mostOfCall = 100;
/**
 * How many linked events one call of `#isWhole` reads in all, and how many events each query reads. Each use of an approval
 * follows at least three other events: filed, voted, approved.
 */
const [mostLinked, linkedPage] = [10_000, 1_000];

/** One use of an approval. */
export interface ProvenUse {
  readonly approvalId: string;
  readonly callId: string;
  /** When the approval was used, milliseconds since the epoch by the store's clock. */
  readonly at: number;
  /**
   * Keyed digests of the call; `undefined` when the trail does not contain the digests, because an older version of Quater wrote
   * the event.
   */
  readonly tags: LikeTags | undefined;
  /** The digest of the request that people approved; `undefined` for a use that a restore lost. */
  readonly digest: string | undefined;
  /** Whether a restore lost the event of the use, and a sink attests the use. */
  readonly isLost: boolean;
}

export interface KnownUses {
  /** The uses of approvals, newest first, followed by the uses that a restore lost. */
  readonly uses: readonly ProvenUse[];
  /** Whether an event about approvals is missing or does not verify. The missing event may have recorded a use. */
  readonly isDamaged: boolean;
}

/** The facts that the trail proves about one call that used an approval. */
export interface UseProof {
  readonly use: ProvenUse;
  /** How the call ended; `undefined` while the trail has no event about the end of the call. */
  readonly outcome: EndedAs | undefined;
  /**
   * When the call ended, milliseconds since the epoch; `undefined` while the call runs, and when the end of the call is unknown.
   */
  readonly endedAt: number | undefined;
}

export class ProvenUses {
  readonly #open: () => Promise<OpenStore>;
  readonly #ring: KeyRing;
  /** The uses of approvals that this process has read from the trail, oldest first. */
  #uses: ProvenUse[] = [];
  #lost: ProvenUse[] = [];
  /** The number of the event up to which this process has read all events; `undefined` before the first reading. */
  #through: number | undefined;
  /** The linked event up to which no linked event is missing; `undefined` before the first reading. */
  #whole: EventLink | undefined;
  #reading: Promise<unknown> = Promise.resolve();

  constructor(open: () => Promise<OpenStore>, ring: KeyRing) {
    this.#open = open;
    this.#ring = ring;
  }

  /**
   * Returns the newest uses of approvals, and the uses that the store lost in a restore. At the first call, this function reads
   * the newest 1,000 uses. Later calls add newer uses, up to 10,000 uses in all.
   *
   * @throws {StoreFailure}
   */
  known(): Promise<KnownUses> {
    // Start each reading after the previous reading has ended, so that no event is read twice.
    const read = this.#reading.then(async () => {
      const store = await this.#open();
      const known = await this.#read(store);
      return known.isDamaged ? known : { ...known, isDamaged: !(await this.#isWhole(store)) };
    });
    this.#reading = read.catch(() => undefined);
    return read;
  }

  /**
   * @returns The facts that the trail proves about the call; `undefined` when the trail does not prove that the call used this
   * approval. @throws {StoreFailure}
   */
  async proofOf(approvalId: string, callId: string): Promise<UseProof | undefined> {
    const store = await this.#open();
    const { page, previous } = queriesOn(store);
    const query = page("after", 0, mostOfCall).select(previous).where("call_id", "=", callId);
    const metas = (await verifiedRows(readerOf(store, this.#ring.current), query)).flatMap((found) => metaIn(found) ?? []);
    const own = metas.flatMap(usesIn).find((use) => use.approvalId === approvalId);
    const lost = this.#lost.find((use) => use.approvalId === approvalId && use.callId === callId);
    const use = own ?? lost;
    if (use === undefined) return undefined;
    const ends = metas.filter((meta) => meta.approvalId === approvalId);
    const end = ends.find(({ type }) => type === "call.ended");
    const outcome = (end ?? ends.find(({ type }) => type === "call.unknown"))?.outcome;
    return own === undefined ? { use, outcome: "unknown", endedAt: undefined } : { use, outcome, endedAt: end?.at };
  }

  /** @returns The ids of approval requests whose data were erased, according to the events. @throws {StoreFailure} */
  async erased(): Promise<ReadonlySet<string>> {
    return erasedRequests(readerOf(await this.#open(), this.#ring.current));
  }

  /**
   * Returns whether the trail has all linked events. `#read` finds uses by the column `type`, which an attacker could change to
   * hide a use. After such a change, the links of later events lead to an event that the query does not find.
   */
  async #isWhole(store: OpenStore): Promise<boolean> {
    const queries = queriesOn(store);
    const headNow = async () => (await store.read<HeadRow>(queries.head))[0];
    const head = await headNow();
    if (head === undefined) return true;
    const newest = newestLinked(head);
    const above = this.#whole?.seq ?? 0;
    const pages = new LinkedPages(queries, this.#ring);
    let next: EventLink = newest;
    try {
      assertHonest(this.#ring, head);
      for (let read = 0; read < mostLinked && next.seq > Math.max(above, head.floor_seq); ) {
        const page: LinkedPage = await pages.before(store, head, next, above, linkedPage);
        next = page.next;
        read += page.metas.length;
        if (!page.isBroken && page.metas.length > 0) continue;
        // Another process has pruned the event in the meantime, or the event is damaged.
        if (((await headNow())?.floor_seq ?? 0) < next.seq) return false;
        break;
      }
    } catch (error) {
      if (error instanceof DamagedHead || error instanceof MissingKey) return false;
      throw error;
    }
    const isPast = next.seq < above || (next.seq === above && next.hash !== this.#whole?.hash);
    if (isPast && above > head.floor_seq) return false;
    this.#whole = newest;
    return true;
  }

  async #read(store: OpenStore): Promise<KnownUses> {
    const reader = readerOf(store, this.#ring.current);
    const { uses, previous } = queriesOn(store);
    const page = (...given: Parameters<typeof uses>) => verifiedRows(reader, uses(...given).select(previous));
    if (this.#through === undefined) {
      const newest = [await page(["approval.used"], "newest", mostRead), await page(["approval.lost"], "newest", mostRead)];
      return this.#taken(newest.flat().sort((one, other) => one.row.seq - other.row.seq));
    }
    for (;;) {
      const found: readonly ReadEvent[] = await page(["approval.used", "approval.lost"], this.#through, mostRead);
      const known = this.#taken(found);
      if (known.isDamaged || found.length < mostRead) return known;
    }
  }

  #taken(found: readonly ReadEvent[]): KnownUses {
    const damaged = found.findIndex((each) => metaIn(each) === undefined);
    const [sound, rest] = damaged === -1 ? [found, []] : [found.slice(0, damaged), found.slice(damaged)];
    const uses = sound.flatMap(usesOf);
    this.#lost.push(...uses.filter(({ isLost }) => isLost));
    this.#uses = [...this.#uses, ...uses.filter(({ isLost }) => !isLost)].slice(-mostKept);
    // The key file may lack the key of an event for a short time, so the next reading reads an event that does not verify again.
    this.#through = sound.at(-1)?.row.seq ?? this.#through ?? (damaged === -1 ? 0 : undefined);
    return { uses: [...this.#lost, ...this.#uses, ...rest.flatMap(usesOf)].reverse(), isDamaged: damaged !== -1 };
  }
}

const metaIn = (found: ReadEvent): EventMeta | undefined => (found.unverified === undefined ? found.meta : undefined);

const usesOf = (found: ReadEvent): readonly ProvenUse[] => {
  const meta = metaIn(found);
  return meta === undefined ? [] : usesIn(meta);
};

const usesIn = ({ type, approvalId, callId, at, handler, schema, detail }: EventMeta): readonly ProvenUse[] => {
  const said = Object(detail) as { readonly digest?: unknown; readonly tags?: object; readonly uses?: readonly LostUse[] };
  if (type === "approval.lost")
    return (said.uses ?? []).map((use) => ({ ...use, tags: use.tags, digest: undefined, isLost: true }));
  if (type !== "approval.used" || approvalId === undefined || callId === undefined) return [];
  const digest = typeof said.digest === "string" ? said.digest : undefined;
  return [{ approvalId, callId, at, tags: tagsIn({ handler, schema, ...said.tags }), digest, isLost: false }];
};
