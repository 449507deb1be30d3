// Runs `quater audit tail`, and with `--follow` continues to print new events, also after the database has failed for some time.

import { visible } from "../../../core/diagnostics/text.ts";
import type { Static } from "../../../core/index.ts";
import type { CommandIo } from "../../../core/plugin-api.ts";
import { isPassing, type Reading, type StoreFailure } from "../../store/service.ts";
import { headOf } from "../log/head.ts";
import { newest, pageOf, type ReadEvent, trailIn } from "../verify/find.ts";
import type { tailInput } from "./inputs.ts";
import { type CommandParts, filterOf, line, noTrail, storeOf } from "./parts.ts";

const followMs = 300;
/** The longest time between two attempts to read from a database that does not answer, milliseconds. */
const longestPauseMs = 5_000;

export const tail = async (parts: CommandParts, input: Static<typeof tailInput>, io: CommandIo): Promise<number> => {
  const printed = new Printed(parts, input, io);
  if (!input.follow) return printed.first();
  const { signal } = io;
  let code: number | undefined;
  for (let pauseMs = followMs, isAway = false; !signal.aborted; await pause(pauseMs, signal)) {
    try {
      code = code === 0 ? await printed.more() : await printed.first();
      if (code !== 0) return code;
      if (isAway) io.say(`The store answers again. The list continues after event ${printed.last}\n`);
      [isAway, pauseMs] = [false, followMs];
    } catch (error) {
      if (!isPassing(error)) throw error;
      const { code, message } = error as StoreFailure;
      if (!isAway)
        io.say(`The store does not answer: ${visible(`${message} (${code})`)}. The command tries again until it answers\n`);
      [isAway, pauseMs] = [true, Math.min(2 * pauseMs, longestPauseMs)];
    }
  }
  return 0;
};

/**
 * The events that `quater audit tail` has printed. With this record, `quater audit tail` prints each event once, even if a read
 * of the store fails between two events.
 */
class Printed {
  readonly #parts: CommandParts;
  readonly #input: Static<typeof tailInput>;
  readonly #io: CommandIo;
  /**
   * The numbers of printed rows behind the end of the trail, which an attacker has added. `quater audit tail` prints such a row
   * once, and continues to look for new events before the row.
   */
  readonly #behindEnd = new Set<number>();
  /** The number of the last event that `quater audit tail` has printed or that the filter has left out. */
  last = 0;

  constructor(parts: CommandParts, input: Static<typeof tailInput>, io: CommandIo) {
    this.#parts = parts;
    this.#input = input;
    this.#io = io;
  }

  /** Prints the newest events of the trail. @returns The exit code of `quater audit tail`. */
  async first(): Promise<number> {
    const store = await storeOf(this.#parts, this.#io);
    if (store === undefined) return noTrail;
    // All queries read one snapshot of the store, because another process may prune or erase events between two queries.
    const { found, end } = await store.snapshot(async (at) => ({
      found: await newest(trailIn(at, this.#parts.keyFile), filterOf(this.#input), this.#input.lines),
      end: await headSeq(at),
    }));
    this.last = end;
    for (const event of found) {
      if (event.row.seq > end) this.#behindEnd.add(event.row.seq);
      await this.#io.write(line(event, this.#io));
    }
    return 0;
  }

  /** Prints the events after the last printed event. @returns The exit code of `quater audit tail`. */
  async more(): Promise<number> {
    const store = await this.#parts.store.open();
    let firstEnd: number | undefined;
    for (let next: number | undefined = this.last; next !== undefined && !this.#io.signal.aborted; ) {
      const from: number = next;
      // Print a page of events after the transaction that read the page has ended. The database may end a transaction that waits
      // for a slow terminal.
      const read = async (at: Reading) => ({
        page: await pageOf(trailIn(at, this.#parts.keyFile), filterOf(this.#input), "after", from, from),
        end: await headSeq(at),
      });
      const { page, end }: Awaited<ReturnType<typeof read>> = await store.snapshot(read);
      firstEnd ??= end;
      for (const event of page.found) await this.#print(event, end);
      next = page.next;
    }
    // The filter left out the other events up to the end of the trail.
    this.last = Math.max(this.last, firstEnd ?? 0);
    return 0;
  }

  async #print(event: ReadEvent, end: number): Promise<void> {
    const { seq } = event.row;
    if (seq <= end) this.last = Math.max(this.last, seq);
    else if (this.#behindEnd.has(seq)) return;
    else this.#behindEnd.add(seq);
    await this.#io.write(line(event, this.#io));
  }
}

const headSeq = async (store: Reading): Promise<number> => (await headOf(store))?.seq ?? 0;

/** Waits for this time, or returns early when `signal` aborts because the process must end. */
const pause = (milliseconds: number, signal: AbortSignal): Promise<void> =>
  new Promise((done) => {
    const timer = setTimeout(end, milliseconds);
    function end(): void {
      clearTimeout(timer);
      signal.removeEventListener("abort", end);
      done();
    }
    signal.addEventListener("abort", end);
  });
