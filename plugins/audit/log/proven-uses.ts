// Uses of approvals as the trail tells them. Rows of approval requests can be forged, changed and deleted by a person who writes to
// the store; these events cannot be forged. Each process keeps the newest of them in memory and reads on from there.

import type { OpenStore } from "../../store/service.ts";
import type { LostUse } from "../restore/restored.ts";
import { type Found, readerOf, verifiedRows } from "../verify/find.ts";
import type { EndedAs, EventMeta } from "./event.ts";
import type { TrailKeys } from "./keys.ts";
import { type LikeTags, tagsIn } from "./like-tags.ts";
import { queriesOn } from "./tables.ts";

/** How many uses are read back, and how many are kept in memory. docs/guides/approvals.md names the first number. */
const [mostRead, mostKept] = [1_000, 10_000];
/** Events of one call: its uses, its start and its end. */
const mostOfCall = 100;

/** One use of an approval. */
export interface ProvenUse {
  readonly approvalId: string;
  readonly callId: string;
  /** Milliseconds, by the store's clock. */
  readonly at: number;
  /** `undefined` where the trail does not know which call it was: in events of older versions. */
  readonly tags: LikeTags | undefined;
  /** Of what people agreed to; `undefined` for a lost use. */
  readonly digest: string | undefined;
  /** A sink attests the use, and a restore lost its event. */
  readonly isLost: boolean;
}

export interface KnownUses {
  /** Newest first, and the lost ones last. */
  readonly uses: readonly ProvenUse[];
  /** An event about a use does not verify: what it said is not known. */
  readonly isDamaged: boolean;
}

/** What the trail proves about one call that used an approval. */
export interface UseProof {
  readonly use: ProvenUse;
  /** How the call ended; `undefined` while no event says so. */
  readonly outcome: EndedAs | undefined;
}

export class ProvenUses {
  readonly #open: () => Promise<OpenStore>;
  readonly #keys: () => TrailKeys;
  /** Oldest first. */
  #uses: ProvenUse[] = [];
  #lost: ProvenUse[] = [];
  /** All events up to this one were read; `undefined` before the first reading. */
  #through: number | undefined;
  #reading: Promise<unknown> = Promise.resolve();

  constructor(open: () => Promise<OpenStore>, keys: () => TrailKeys) {
    this.#open = open;
    this.#keys = keys;
  }

  /**
   * Returns the newest 1,000 uses of approvals at the time of the first call, those since then (at most 10,000), and those that a
   * restore lost.
   *
   * @throws {StoreFailure}
   */
  known(): Promise<KnownUses> {
    // One after the other, so that no event is read twice.
    const read = this.#reading.then(() => this.#read());
    this.#reading = read.catch(() => undefined);
    return read;
  }

  /** @returns `undefined` when the trail does not prove that the call used this approval. @throws {StoreFailure} */
  async proofOf(approvalId: string, callId: string): Promise<UseProof | undefined> {
    const store = await this.#open();
    const { page, previous } = queriesOn(store);
    const query = page("after", 0, mostOfCall).select(previous).where("call_id", "=", callId);
    const metas = (await verifiedRows(readerOf(store, this.#keys()), query)).flatMap((found) => metaIn(found) ?? []);
    const own = metas.flatMap(usesIn).find((use) => use.approvalId === approvalId);
    const lost = this.#lost.find((use) => use.approvalId === approvalId && use.callId === callId);
    const use = own ?? lost;
    if (use === undefined) return undefined;
    const ends = metas.filter((meta) => meta.approvalId === approvalId);
    const end = ends.find(({ type }) => type === "call.ended") ?? ends.find(({ type }) => type === "call.unknown");
    return { use, outcome: own === undefined ? "unknown" : end?.outcome };
  }

  async #read(): Promise<KnownUses> {
    const store = await this.#open();
    const reader = readerOf(store, this.#keys());
    const { uses, previous } = queriesOn(store);
    const page = (...given: Parameters<typeof uses>) => verifiedRows(reader, uses(...given).select(previous));
    if (this.#through === undefined) {
      const newest = [await page(["approval.used"], "newest", mostRead), await page(["approval.lost"], "newest", mostRead)];
      return this.#taken(newest.flat().sort((one, other) => one.row.seq - other.row.seq));
    }
    for (;;) {
      const found: readonly Found[] = await page(["approval.used", "approval.lost"], this.#through, mostRead);
      const known = this.#taken(found);
      if (known.isDamaged || found.length < mostRead) return known;
    }
  }

  #taken(found: readonly Found[]): KnownUses {
    const damaged = found.findIndex((each) => metaIn(each) === undefined);
    const [sound, rest] = damaged === -1 ? [found, []] : [found.slice(0, damaged), found.slice(damaged)];
    const uses = sound.flatMap(usesOf);
    this.#lost.push(...uses.filter(({ isLost }) => isLost));
    this.#uses = [...this.#uses, ...uses.filter(({ isLost }) => !isLost)].slice(-mostKept);
    // A key may be missing for a moment: what does not verify is read again the next time.
    this.#through = sound.at(-1)?.row.seq ?? this.#through ?? (damaged === -1 ? 0 : undefined);
    return { uses: [...this.#lost, ...this.#uses, ...rest.flatMap(usesOf)].reverse(), isDamaged: damaged !== -1 };
  }
}

const metaIn = (found: Found): EventMeta | undefined => (found.unverified === undefined ? found.meta : undefined);

const usesOf = (found: Found): readonly ProvenUse[] => {
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
