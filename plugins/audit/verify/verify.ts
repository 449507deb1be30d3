// Verifies the trail from its beginning, row by row, and reports damage. The memory that a verification needs grows with the
// damage and with the erased bodies whose record the verification has not read yet. The memory does not grow with the length of
// the trail.

import { cut, visible } from "../../../core/diagnostics/text.ts";
import { genesisHash, headMac, noBody, type SignedCheckpoint } from "../log/chain.ts";
import { checkpointing } from "../log/checkpoints.ts";
import { type EventLink, type EventMeta, type EventRow, isLinked } from "../log/event.ts";
import type { TrailKeys } from "../log/keys.ts";
import type { ReadRow } from "../log/rows.ts";
import { type HeadRow, newestLinked } from "../log/tables.ts";
import { acknowledged, type RestoredDetail } from "../restore/acknowledged.ts";
import type { Claim } from "../restore/attestation.ts";
import { Findings, type Gap, type Report } from "./damage.ts";
import { metaOf } from "./meta.ts";
import type { Stray } from "./source.ts";
import { Bodies } from "./verify-bodies.ts";
import { Calls } from "./verify-calls.ts";
import { Hashes } from "./verify-hashes.ts";
import { HeldLines } from "./verify-held.ts";
import { VerifyKeys } from "./verify-keys.ts";
import { Uses } from "./verify-uses.ts";

export interface Verification {
  readonly keys: TrailKeys;
  /**
   * The fingerprint of the checkpoint key whose signatures the verification accepts. The verification also accepts older
   * checkpoint keys that the key file contains.
   */
  readonly fingerprint: string;
  readonly head: HeadRow;
  /** The event after which the verification begins. The verification assumes that this event is right. */
  readonly after?: { readonly seq: number; readonly hash: string };
  /** Signed lines from outside the store, nearly in the order of their event numbers. */
  readonly held: Iterator<Claim>;
}

const isSameLink = (one: EventLink, other: EventLink): boolean => one.seq === other.seq && one.hash === other.hash;

export class Verifier {
  readonly #given: Verification;
  readonly #findings = new Findings();
  readonly #keys: VerifyKeys;
  readonly #held: HeldLines;
  readonly #hashes: Hashes;
  readonly #bodies: Bodies;
  readonly #uses: Uses;
  readonly #calls: Calls;
  readonly #genesis: string;
  #head: HeadRow;
  #first: number | undefined;
  #seq: number;
  #events = 0;
  #checkpoints = 0;
  #signedAt: number;
  #isFloorAttested = false;
  /** The events that acknowledged restores lost. */
  readonly #gaps: Gap[] = [];
  /**
   * The newest linked event that this Verifier has read; `undefined` after missing events, and if the verification did not begin
   * at event 1.
   */
  #linked: EventLink | undefined;

  constructor(given: Verification) {
    this.#given = given;
    this.#head = given.head;
    this.#keys = new VerifyKeys(given.keys, given.fingerprint);
    this.#genesis = this.#checkHead(given.head);
    const { floor_seq, floor_hash } = given.head;
    this.#seq = given.after?.seq ?? floor_seq;
    const before = given.after?.hash ?? (floor_seq === 0 ? this.#genesis : floor_hash);
    this.#hashes = new Hashes(this.#keys, this.#findings, before);
    this.#bodies = new Bodies(this.#findings);
    this.#signedAt = this.#seq;
    if (this.#seq === 0) this.#linked = { hash: noBody, seq: 0 };
    this.#uses = new Uses(this.#findings, this.#seq === 0);
    this.#calls = new Calls(this.#findings);
    this.#held = new HeldLines(given.held, this.#genesis, this.#findings, this.#seq);
  }

  get seq(): number {
    return this.#seq;
  }

  /** Whether this Verifier has read the event that the head names. */
  get isComplete(): boolean {
    return this.#seq >= this.#head.seq;
  }

  /** Sets a newer head, because other processes have added events during the verification. */
  moveHead(head: HeadRow): void {
    this.#checkHead(head);
    this.#head = head;
  }

  read(row: ReadRow): void {
    const { seq, hash } = row;
    if (!Number.isSafeInteger(seq)) {
      this.#findings.say(
        "orphan",
        undefined,
        `A row after event ${this.#seq} is not an event: it ${row.malformed ?? "has no number"}`,
      );
      return;
    }
    if (seq > this.#head.seq) {
      this.#findings.say("orphan", seq, `Event ${seq} has a higher number than the end of the trail, event ${this.#head.seq}`);
      return;
    }
    if (seq <= this.#seq) {
      const kind = seq === this.#seq ? "forked" : "reordered";
      this.#findings.say(kind, seq, `The store has a second event ${seq} after event ${this.#seq}`);
      return;
    }
    const skipped = seq - this.#seq - 1;
    if (skipped > 0 && this.#continues(row)) this.#signedAt += skipped;
    else if (skipped > 0) {
      const last = seq - 1;
      const which = last === this.#seq + 1 ? `Event ${last} is` : `Events ${this.#seq + 1} to ${last} are`;
      this.#findings.say("missing", this.#seq + 1, `${which} missing`);
      this.#hashes.interrupted();
      this.#interrupted();
    }
    this.#first ??= seq;
    this.#seq = seq;
    this.#events++;
    const before = this.#hashes.candidates;
    if (this.#hashes.read(row)) this.#readRight(row, before);
    else this.#interrupted();
    if (seq - this.#signedAt > 2 * checkpointing.events + 64) {
      this.#findings.say(
        "unsigned",
        this.#signedAt + 1,
        `The ${seq - this.#signedAt} events after event ${this.#signedAt} have no checkpoint`,
      );
      this.#signedAt = seq;
    }
    this.#held.reached(seq, hash);
  }

  /** Reads an event whose row verifies. @param before  The hashes to which the event may refer. */
  #readRight(row: ReadRow, before: readonly (string | undefined)[]): void {
    const { type } = row;
    this.#bodies.read(row);
    this.#calls.read(row);
    if (type === "audit.checkpoint") this.#checkpoint(row, before);
    else if (type === "audit.erased") this.#erasure(row);
    else if (type === "store.restored") this.#restore(row);
    if (isLinked(type)) this.#linkage(row);
  }

  /** Reports rows at places where the trail cannot have an event. */
  stray(strays: readonly Stray[]): void {
    for (const { chain: other, seq } of strays)
      this.#findings.say(
        "orphan",
        undefined,
        `A row with the number ${cut(visible(seq), 40)} in the chain ${cut(visible(other), 40)} does not belong to the trail`,
      );
  }

  /** @param rows  How many rows the store has in the range of event numbers that this Verifier has read. */
  counted(rows: number): void {
    if (rows > this.#events)
      this.#findings.say("orphan", undefined, `The store has ${rows} rows, but the trail has ${this.#events} events`);
  }

  /**
   * Reports the lines from outside the store about events behind the end of the trail. Call this function after the last row.
   *
   * @returns The late lines: this Verifier had read the event of a late line before the line.
   */
  ended(): readonly Claim[] {
    this.#held.ended(this.#seq);
    return this.#held.late;
  }

  /**
   * @param instances  The names of the processes that are registered in the store. A registered process is running, or is dead
   * and not swept yet.
   */
  registered(instances: ReadonlySet<string>): void {
    if (this.isComplete) this.#calls.ended(instances);
  }

  /** @param hashes  The hashes of the events that the lines from `ended` attest. */
  lookedUp(hashes: ReadonlyMap<number, string>): void {
    this.#held.lookedUp(hashes);
  }

  finish(): Report {
    const { floor_seq, seq, hash } = this.#head;
    if (this.#seq < seq)
      this.#findings.say("truncated", this.#seq + 1, `The trail ends at event ${this.#seq}, but ${seq} events were written`);
    else if (this.#seq === seq && this.#hashes.last !== hash)
      this.#findings.say("altered", seq, `The record of the trail's end (audit_head) has another hash for event ${seq}`);
    const newest = newestLinked(this.#head);
    if (this.#seq === seq && this.#head.format > 1 && this.#linked !== undefined && !isSameLink(this.#linked, newest))
      this.#findings.say(
        "altered",
        newest.seq,
        `The record of the trail's end (audit_head) does not name event ${this.#linked.seq} as the newest approval event`,
      );
    if (floor_seq > 0 && !this.#isFloorAttested && this.#given.after === undefined)
      this.#findings.say(
        "missing",
        1,
        `Events 1 to ${floor_seq} are missing, and no event records that they were removed for their age`,
      );
    this.#bodies.finish();
    this.#held.finish();
    return {
      isWhole: this.#findings.count === 0 && this.#gaps.length === 0,
      gaps: this.#gaps,
      events: this.#events,
      first: this.#first ?? 0,
      last: this.#seq,
      checkpoints: this.#checkpoints,
      compared: this.#held.compared,
      erasedBodies: this.#bodies.erased,
      prunedEvents: floor_seq,
      fingerprint: this.#given.fingerprint,
      damage: this.#findings.listed,
      damageCount: this.#findings.count,
      heldElsewhere: this.#findings.heldElsewhere,
    };
  }

  /**
   * Forgets the open requests and calls where events are missing or wrong, because their state is no longer known.
   */
  #interrupted(): void {
    this.#linked = undefined;
    this.#uses.interrupted();
    this.#calls.interrupted();
  }

  /** Checks the link of a linked event to the linked event before. Events of format 1 have no link. */
  #linkage({ seq, meta, hash }: EventRow): void {
    const read = metaOf(meta);
    const link = read?.link;
    if (read === undefined) return;
    if (link === undefined) {
      this.#uses.readFormat1();
      return;
    }
    this.#uses.read(read);
    if (this.#linked !== undefined && !isSameLink(this.#linked, link))
      this.#findings.say(
        "altered",
        seq,
        `Event ${seq} names event ${link.seq} as the previous approval event, but the previous one is event ${this.#linked.seq}`,
      );
    this.#linked = { hash, seq };
  }

  #checkpoint({ seq, meta }: EventRow, before: readonly (string | undefined)[]): void {
    const checkpoint = metaOf(meta)?.detail as SignedCheckpoint;
    if (!this.#keys.hasSigned(checkpoint)) {
      this.#findings.say("unsigned", seq, `The checkpoint in event ${seq} is not signed by a checkpoint key of the key file`);
      return;
    }
    const isOther = before[0] !== undefined && !before.includes(checkpoint.head);
    if (checkpoint.size !== seq - 1 || isOther || checkpoint.genesis !== this.#genesis) {
      this.#findings.say("forked", seq, `The checkpoint in event ${seq} belongs to another history of the trail`);
      return;
    }
    this.#checkpoints++;
    this.#signedAt = seq;
  }

  #erasure(row: EventRow): void {
    const pruned = this.#bodies.readErasure(row, this.#first ?? 0);
    const { floor_seq, floor_hash } = this.#head;
    if (pruned?.through === floor_seq && pruned.hash === floor_hash) this.#isFloorAttested = true;
  }

  /**
   * Whether a row begins a new segment after the event before. In this case, a restore lost the events with the numbers in
   * between, so the verification does not report these events as missing.
   */
  #continues({ type, meta }: EventRow): boolean {
    if (type !== "store.restored") return false;
    const { after } = (metaOf(meta)?.detail ?? {}) as Partial<RestoredDetail>;
    return after?.seq === this.#seq && this.#hashes.candidates.includes(after.hash);
  }

  #restore({ seq, meta }: EventRow): void {
    const { at, detail } = metaOf(meta) as EventMeta;
    const restored = detail as RestoredDetail;
    this.#held.acknowledged(acknowledged(seq, at, restored, this.#genesis));
    const { from, through } = restored.missing;
    this.#gaps.push({ from, through, at, reason: restored.reason });
  }

  /** Checks the head of the trail. @returns The genesis hash of the trail. */
  #checkHead(head: HeadRow): string {
    const [id = "", mac] = head.mac.split(":");
    const keyed = this.#keys.of(id);
    if (keyed === undefined)
      this.#findings.say(
        "altered",
        undefined,
        `The record of the trail's end (audit_head) was written with a key that the key file does not have`,
      );
    else if (headMac(keyed, head) !== mac)
      this.#findings.say("altered", undefined, "The record of the trail's end (audit_head) was changed after it was written");
    const { key } = (metaOf(head.genesis) ?? {}) as { key?: string };
    const first = key === undefined ? undefined : this.#keys.of(key);
    if (first !== undefined) return genesisHash(first, head.genesis);
    this.#findings.say("altered", undefined, "The first record of the trail cannot be read");
    return "";
  }
}
