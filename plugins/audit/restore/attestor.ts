// What one process tells its sinks about the trail, and what it hears from them.

import type { Log } from "../../../core/index.ts";
import type { OpenStore } from "../../store/service.ts";
import { type SignedCheckpoint, signed } from "../chain.ts";
import type { KeyRing } from "../key-ring.ts";
import type { Position } from "../ledger.ts";
import { lineOf, type Sink } from "../sinks.ts";
import { chain } from "../tables.ts";
import { signedLine } from "./attestation.ts";
import { assertSinksAgree } from "./compare.ts";
import { Uses } from "./uses.ts";

export interface AttestorParts {
  readonly app: string;
  readonly keys: KeyRing;
  readonly sinks: readonly Sink[];
  readonly log: Log;
}

export class Attestor {
  /** The genesis hash of the trail; known once it is open. */
  genesis = "";
  readonly #parts: AttestorParts;
  readonly #uses: Uses;

  constructor(parts: AttestorParts) {
    this.#parts = parts;
    this.#uses = new Uses(parts.sinks);
  }

  /** @throws {StoreDisagrees} when a sink attests what the store lacks; at boot also when a sink cannot be read. */
  async assertAgreement(store: OpenStore, isBoot: boolean): Promise<void> {
    const { keys, sinks, log } = this.#parts;
    const files = sinks.flatMap(({ path }) => path ?? []);
    const warn = (message: string, about: Readonly<Record<string, unknown>>) => log.warn(message, about);
    await assertSinksAgree({ store, keys: keys.current, genesis: this.genesis, files, isBoot, warn });
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
  async sendUse(place: { readonly seq: number; readonly hash: string }, approvalId: string, callId: string): Promise<void> {
    if (!this.#uses.isNeeded) return;
    const { app, keys } = this.#parts;
    const { checkpoint } = keys.current;
    const about = { app, chain, genesis: this.genesis, at: Date.now(), key: checkpoint.id };
    await this.#uses.write(signedLine("approval.used", { ...about, ...place, approvalId, callId }, checkpoint.privateKey));
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
