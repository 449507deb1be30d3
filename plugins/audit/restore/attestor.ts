// Writes the sink lines of one process to the sinks, and compares the store with the lines in the sinks.

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

/**
 * How many sink lines of this process stay in memory until this process reads the lines back from a sink. This limit is larger
 * than the number of lines that calls can write at the same time.
 */
const remembered = 1_000;

export class Attestor {
  /** The genesis hash of the trail; empty before the trail is open. */
  genesis = "";
  readonly #parts: AttestorParts;
  readonly #uses: Uses;
  readonly #watches: readonly SinkWatch[];
  /**
   * The sink lines that this process wrote. This process does not compare these lines with the store, because the ledger knows
   * the events of these lines.
   */
  readonly #own = new Set<string>();

  constructor(parts: AttestorParts) {
    this.#parts = parts;
    this.#uses = new Uses(parts.sinks);
    this.#watches = parts.sinks.flatMap(({ path }) => (path === undefined ? [] : [new SinkWatch(path)]));
  }

  /**
   * Reads every sink completely and compares the store with the newest lines of each sink.
   *
   * @throws {StoreDisagrees} when a sink attests an event that the store lacks, or when this process cannot read a sink although
   * the trail has events.
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
      log.warn(
        "A sink has lines that no key of this project signed. The lines are damaged, or another program wrote them",
        about,
      );
    }
    await this.#assertNewest(store, ledger);
  }

  /**
   * Compares the store with the lines that this process has read from the sinks, and with lines that were added to the sinks
   * later. After a reconnect, the store may be on another database server.
   *
   * @throws {StoreDisagrees} when a sink attests an event that the store lacks. If this process cannot read a sink, this function
   * only logs the error, because an unreadable sink proves nothing about the store.
   */
  async assertStillAgreed(store: OpenStore, ledger: Ledger): Promise<void> {
    await this.#assertNewest(store, ledger);
    await this.assertAdded(store, ledger).catch((error: unknown) => {
      if ((error as NodeJS.ErrnoException).syscall === undefined) throw error;
      this.#parts.log.warn("Quater cannot read a sink, so it cannot compare the trail of the store with the sink", {
        error: String(error),
      });
    });
  }

  /**
   * Compares the store with the lines that were added to the sinks since the last comparison. Without new lines, a comparison
   * needs only one `stat` per sink.
   *
   * @throws {StoreDisagrees} when a line attests an event that the store lacks.
   * @throws {Error} when this process cannot read a sink.
   */
  async assertAdded(store: OpenStore, ledger: Ledger): Promise<void> {
    for (const watch of this.#watches) await watch.look((lines) => this.#assertLines(store, ledger, watch, lines));
  }

  async #assertLines(store: OpenStore, ledger: Ledger, watch: SinkWatch, lines: readonly string[]): Promise<void> {
    const others = [...new Set(lines)].filter((line) => line !== "" && !this.#own.has(`${line}\n`));
    if (others.length === 0) return;
    const { keys } = this.#parts;
    keys.reload(); // Another instance may already sign with new keys, so read the key file again.
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

  /**
   * Compares sink lines with the store and reads the head of the trail. The ledger keeps this head in memory, so the ledger
   * notices if the store is set back after this comparison.
   */
  #assertHeld(store: OpenStore, ledger: Ledger, lines: Parameters<typeof assertHeld>[2]): Promise<void> {
    return assertHeld({ store, keys: this.#parts.keys.current, genesis: this.genesis }, () => ledger.look(), lines);
  }

  /**
   * Creates the sink files when the trail begins, so that a missing sink file always means that the operator has lost the sink
   * file.
   */
  makeSinks(): void {
    for (const sink of this.#parts.sinks)
      if (sink.path !== undefined) this.#sentTo(sink, "", "Quater could not create the file of a sink");
  }

  signed({ seq, hash, at }: Position): SignedCheckpoint {
    const { app, keys } = this.#parts;
    const { checkpoint } = keys.current;
    return signed({ app, chain, genesis: this.genesis, size: seq, head: hash, at, key: checkpoint.id }, checkpoint.privateKey);
  }

  /** Writes a checkpoint to all sinks. @returns The names of the sinks that accepted the checkpoint. */
  send(checkpoint: SignedCheckpoint): readonly string[] {
    const line = lineOf(checkpoint);
    this.#isOwn(line);
    return this.#parts.sinks
      .filter((sink) => this.#sentTo(sink, line, "Quater could not write a checkpoint to a sink"))
      .map(({ name }) => name);
  }

  /** Rejects if the sinks did not accept earlier uses of approvals. Call this function before an approval is used. */
  assertUsesTaken(): Promise<void> {
    return this.#uses.assertWritable();
  }

  /**
   * Writes the use of an approval to every sink.
   *
   * @param place  The number and hash of the event `approval.used`.
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
