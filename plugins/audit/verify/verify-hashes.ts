// Verifies the hash chain: each event must be the event that Quater wrote, and must contain the hash of the event before.

import type { ReadRow } from "../log/rows.ts";
import { chain } from "../log/tables.ts";
import type { Findings } from "./damage.ts";
import { metaOf } from "./meta.ts";
import type { VerifyKeys } from "./verify-keys.ts";
import { formProblem, saysColumns, saysSeq } from "./verify-row.ts";

export class Hashes {
  readonly #keys: VerifyKeys;
  readonly #findings: Findings;
  /** The stored hash of the event before; `undefined` after missing events. */
  #previous: string | undefined;
  /**
   * The right hash of the event before, if somebody changed only the stored hash of this event. The next event still contains the
   * right hash.
   */
  #repaired: string | undefined;

  /** @param previous  The hash to which the first event must refer. */
  constructor(keys: VerifyKeys, findings: Findings, previous: string) {
    this.#keys = keys;
    this.#findings = findings;
    this.#previous = previous;
  }

  /** The stored hash of the last verified event. */
  get last(): string | undefined {
    return this.#previous;
  }

  /** The hashes of the event before to which the next event may refer. */
  get candidates(): readonly (string | undefined)[] {
    return [this.#previous, this.#repaired];
  }

  /**
   * Notes that events are missing. After missing events, `read` accepts the next event without a comparison with the event
   * before.
   */
  interrupted(): void {
    [this.#previous, this.#repaired] = [undefined, undefined];
  }

  /**
   * Verifies an event. Each call verifies the event after the event of the last call.
   *
   * @returns Whether the hash, the form and the columns of the event are right.
   */
  read(row: ReadRow): boolean {
    const isRight = this.#isRight(row);
    this.#previous = row.hash;
    return isRight;
  }

  #isRight(row: ReadRow): boolean {
    const { seq, meta, body_hash, hash } = row;
    const form = formProblem(row);
    if (form !== undefined) {
      this.#findings.say("altered", seq, `Event ${seq} ${form}`);
      this.#repaired = this.#expected(row);
      return false;
    }
    if (!saysSeq(meta, seq)) {
      const said = metaOf(meta)?.seq;
      if (Number.isInteger(said) && said !== seq)
        this.#findings.say("reordered", seq, `The row of event ${seq} contains event ${said}`);
      else this.#findings.say("altered", seq, `Event ${seq} cannot be read`);
      this.#repaired = undefined;
      return false;
    }
    const keyed = this.#keys.ofEvent(meta);
    if (keyed === undefined) {
      this.#findings.say("altered", seq, `Event ${seq} was written with a key that the key file does not have`);
      return false;
    }
    if (this.#previous !== undefined) {
      const computed = keyed.ofEvent(chain, seq, this.#previous, meta, body_hash);
      if (computed !== hash) {
        const other = this.#repaired === undefined ? undefined : keyed.ofEvent(chain, seq, this.#repaired, meta, body_hash);
        if (other !== hash) {
          this.#findings.say("altered", seq, `Event ${seq} was changed after it was written`);
          this.#repaired = computed;
          return false;
        }
      }
    }
    this.#repaired = undefined;
    const isSame = saysColumns(row);
    if (!isSame) this.#findings.say("altered", seq, `The columns of event ${seq} differ from the content of its meta column`);
    return isSame;
  }

  /** Returns the right hash of a malformed row, if an attacker changed only the stored hash of the row. */
  #expected({ seq, meta, body_hash }: ReadRow): string | undefined {
    if (this.#previous === undefined || !saysSeq(meta, seq) || metaOf(meta) === undefined) return undefined;
    return this.#keys.ofEvent(meta)?.ofEvent(chain, seq, this.#previous, meta, body_hash);
  }
}
