// Writes uses of approvals to the sinks before the handlers of the approved calls run. So `quater store restored` can find
// approvals that were used after the last checkpoint. Quater writes the lines that arrive during a write together in the next
// write, so a busy server syncs the disk once for many lines.

import type { Sink } from "../sinks/sinks.ts";

interface Waiting {
  readonly line: string;
  readonly resolve: () => void;
  readonly reject: (error: unknown) => void;
}

export class Uses {
  readonly #sinks: readonly Sink[];
  #waiting: Waiting[] = [];
  #isWriting = false;
  /**
   * For each sink, the lines that the sink did not accept. Quater must write these lines to the sink before another approval may
   * be used.
   */
  readonly #owed = new Map<Sink, string>();

  constructor(sinks: readonly Sink[]) {
    this.#sinks = sinks;
  }

  /** Writes the lines that a sink did not accept earlier. Rejects if a sink still does not accept these lines. */
  async assertWritable(): Promise<void> {
    for (const [sink, lines] of this.#owed) {
      await sink.append(lines);
      if (this.#owed.get(sink) === lines) this.#owed.delete(sink);
    }
  }

  /** Writes a line about the use of an approval to all sinks. Resolves when the line is on the disk of every sink. */
  write(line: string): Promise<void> {
    return new Promise((resolve, reject) => {
      this.#waiting.push({ line, resolve, reject });
      if (!this.#isWriting) void this.#run();
    });
  }

  async #run(): Promise<void> {
    this.#isWriting = true;
    while (this.#waiting.length > 0) {
      const batch = this.#waiting;
      this.#waiting = [];
      const lines = batch.map(({ line }) => line).join("");
      const failures = (await Promise.all(this.#sinks.map((sink) => this.#append(sink, lines)))).filter(
        (failure) => failure !== undefined,
      );
      for (const { resolve, reject } of batch) {
        if (failures.length === 0) resolve();
        else reject(failures[0]);
      }
    }
    this.#isWriting = false;
  }

  async #append(sink: Sink, lines: string): Promise<Error | undefined> {
    try {
      await sink.append(lines);
      return undefined;
    } catch (error) {
      this.#owed.set(sink, (this.#owed.get(sink) ?? "") + lines);
      return new Error(`Quater could not write the use of an approval to the sink ${sink.name}: ${String(error)}`, {
        cause: error,
      });
    }
  }
}
