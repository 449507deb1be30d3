// Writes the lines of one process to the sinks, and compares the store with the lines that it reads there.

import type { Log } from "../../../core/plugin-api.ts";
import type { OpenStore } from "../../store/service.ts";
import { type SignedCheckpoint, signed } from "../log/chain.ts";
import type { Position } from "../log/entry.ts";
import type { KeyRing } from "../log/key-ring.ts";
import type { Ledger } from "../log/ledger.ts";
import { chain } from "../log/tables.ts";
import { lineOf, type Sink } from "../sinks/sinks.ts";
import { type AttestedUse, claimIn, signedLine } from "./attestation.ts";
import { assertHeld, unreadable } from "./compare.ts";
import { Uses } from "./uses.ts";
import { SinkWatch } from "./watch.ts";

export interface AttestorParts {
  readonly app: string;
  readonly keys: KeyRing;
  readonly sinks: readonly Sink[];
  readonly log: Log;
}

/** Own lines that are not read back from a sink yet: more than calls can write at the same time. */
const remembered = 1_000;

export class Attestor {
  /** The genesis hash of the trail; known once it is open. */
  genesis = "";
  readonly #parts: AttestorParts;
  readonly #uses: Uses;
  readonly #watches: readonly SinkWatch[];
  /** Lines that this process wrote. The ledger knows what they attest. */
  readonly #own = new Set<string>();

  constructor(parts: AttestorParts) {
    this.#parts = parts;
    this.#uses = new Uses(parts.sinks);
    this.#watches = parts.sinks.flatMap(({ path }) => (path === undefined ? [] : [new SinkWatch(path)]));
  }

  /**
   * Reads every sink whole and compares the store with the newest lines.
   *
   * @throws {StoreDisagrees} when a sink attests what the store lacks, or cannot be read although the trail has events.
   */
  async assertAgreement(store: OpenStore, ledger: Ledger): Promise<void> {
    const { keys, log } = this.#parts;
    for (const watch of this.#watches) {
      try {
        await watch.begin(keys.current.publicKeys);
      } catch (error) {
        if ((await ledger.look()).seq > 0) throw unreadable(watch.path, error);
      }
      const { unsigned } = watch.newest;
      if (unsigned === 0) continue;
      const about = { sink: watch.path, lines: unsigned };
      log.warn("A sink holds lines that no key of this project signed. They are damaged, or somebody else wrote them", about);
    }
    await this.#assertNewest(store, ledger);
  }

  /**
   * Compares a store that may be another one with what this process has read from the sinks, and with what was added to them.
   *
   * @throws {StoreDisagrees} when a sink attests what the store lacks. A sink that cannot be read is only reported: it says
   *   nothing about the store.
   */
  async assertStillAgreed(store: OpenStore, ledger: Ledger): Promise<void> {
    await this.#assertNewest(store, ledger);
    await this.assertAdded(store, ledger).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
      this.#parts.log.warn("A sink cannot be read, so the store's trail cannot be compared with it", { error: String(error) });
    });
  }

  /**
   * Compares the store with the lines that were added to the sinks since the last time. One `stat` for each sink if there are none.
   *
   * @throws {StoreDisagrees} when a line attests what the store lacks.
   * @throws {Error} when a sink cannot be read.
   */
  async assertAdded(store: OpenStore, ledger: Ledger): Promise<void> {
    for (const watch of this.#watches) await watch.look((lines) => this.#assertLines(store, ledger, watch, lines));
  }

  async #assertLines(store: OpenStore, ledger: Ledger, watch: SinkWatch, lines: readonly string[]): Promise<void> {
    const others = [...new Set(lines)].filter((line) => line !== "" && !this.#own.has(`${line}\n`));
    if (others.length === 0) return;
    const { keys } = this.#parts;
    keys.reload(); // another instance may sign with new keys already
    const claims = others.map((line) => claimIn(line, keys.current.publicKeys)).filter((claim) => typeof claim !== "string");
    await this.#assertHeld(
      store,
      ledger,
      claims.map((line) => ({ file: watch.path, line })),
    );
    for (const claim of claims) watch.newest.add(claim);
  }

  #assertNewest(store: OpenStore, ledger: Ledger): Promise<void> {
    return this.#assertHeld(
      store,
      ledger,
      this.#watches.flatMap(({ path: file, newest }) => newest.all.map((line) => ({ file, line }))),
    );
  }

  /** Reads the head too. The ledger keeps it as seen, so it notices when the store is set back after this. */
  #assertHeld(store: OpenStore, ledger: Ledger, lines: Parameters<typeof assertHeld>[2]): Promise<void> {
    return assertHeld({ store, keys: this.#parts.keys.current, genesis: this.genesis }, () => ledger.look(), lines);
  }

  /** Creates the sink files when the trail begins. So a file that is missing later is known to be lost. */
  makeSinks(): void {
    for (const sink of this.#parts.sinks) if (sink.path !== undefined) this.#sentTo(sink, "", "The sink cannot be made");
  }

  signed({ seq, hash, at }: Position): SignedCheckpoint {
    const { app, keys } = this.#parts;
    const { checkpoint } = keys.current;
    return signed({ app, chain, genesis: this.genesis, size: seq, head: hash, at, key: checkpoint.id }, checkpoint.privateKey);
  }

  /** Returns the names of the sinks that took it. */
  send(checkpoint: SignedCheckpoint): readonly string[] {
    const line = lineOf(checkpoint);
    this.#isOwn(line);
    return this.#parts.sinks
      .filter((sink) => this.#sentTo(sink, line, "The checkpoint did not reach a sink"))
      .map(({ name }) => name);
  }

  /** Rejects when the sinks did not take the uses before. Call it before an approval is used up. */
  assertUsesTaken(): Promise<void> {
    return this.#uses.assertWritable();
  }

  /**
   * Writes the use of an approval to every sink.
   *
   * @param place  Of the event `approval.used`.
   */
  async sendUse(place: { readonly seq: number; readonly hash: string }, use: AttestedUse): Promise<void> {
    const { app, keys } = this.#parts;
    const { checkpoint } = keys.current;
    const about = { app, chain, genesis: this.genesis, at: Date.now(), key: checkpoint.id };
    const line = signedLine("approval.used", { ...about, ...place, ...use }, checkpoint.privateKey);
    this.#isOwn(line);
    await this.#uses.write(line);
  }

  #isOwn(line: string): void {
    this.#own.add(line);
    for (const oldest of this.#own) {
      if (this.#own.size <= remembered) break;
      this.#own.delete(oldest);
    }
  }

  #sentTo(sink: Sink, line: string, otherwise: string): boolean {
    try {
      sink.send(line);
      return true;
    } catch (error) {
      this.#parts.log.error(otherwise, { sink: sink.name, error: String(error) });
      return false;
    }
  }
}
