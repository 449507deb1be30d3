// What one process tells its sinks about the trail, and what it hears from them.

import type { Log } from "../../../core/plugin-api.ts";
import type { OpenStore } from "../../store/service.ts";
import { type SignedCheckpoint, signed } from "../log/chain.ts";
import type { Position } from "../log/entry.ts";
import type { KeyRing } from "../log/key-ring.ts";
import { chain } from "../log/tables.ts";
import { lineOf, type Sink } from "../sinks/sinks.ts";
import { type AttestedUse, signedLine } from "./attestation.ts";
import { assertHeld, assertSinksAgree } from "./compare.ts";
import { Uses } from "./uses.ts";
import { SinkWatch } from "./watch.ts";

export interface AttestorParts {
  readonly app: string;
  readonly keys: KeyRing;
  readonly sinks: readonly Sink[];
  readonly log: Log;
  /** Whether the process stays, as a server does. */
  readonly stays: boolean;
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

  /** @throws {StoreDisagrees} when a sink attests what the store lacks; at boot also when a sink cannot be read. */
  async assertAgreement(store: OpenStore, isBoot: boolean): Promise<void> {
    const { keys, sinks, log, stays } = this.#parts;
    const files = sinks.flatMap(({ path }) => path ?? []);
    const warn = (message: string, about: Readonly<Record<string, unknown>>) => log.warn(message, about);
    // Before the files are read, so that no line falls between the two.
    if (isBoot) for (const watch of this.#watches) watch.begin();
    await assertSinksAgree({ store, keys: keys.current, genesis: this.genesis, files, isBoot, stays, warn });
  }

  /**
   * Compares the store with the lines that were added to the sinks since the last time. One `stat` for each sink if there are none.
   *
   * @throws {StoreDisagrees} when a line attests what the store lacks.
   * @throws {Error} when a sink cannot be read.
   */
  async assertAdded(store: OpenStore): Promise<void> {
    for (const watch of this.#watches) await watch.look((lines) => this.#assertHeld(store, watch.path, lines));
  }

  async #assertHeld(store: OpenStore, file: string, lines: readonly string[]): Promise<void> {
    const { keys } = this.#parts;
    const others = lines.filter((line) => !this.#own.has(`${line}\n`));
    if (others.length === 0) return;
    keys.reload(); // another instance may sign with new keys already
    await assertHeld({ store, keys: keys.current, genesis: this.genesis }, file, others);
  }

  /** A sink begins with its trail, so that a missing file is known to be lost. */
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
