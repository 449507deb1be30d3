// Writes messages in order, one at a time, as fast as the client reads. Answers that the client has not read stay in memory, so their bytes
// are limited.

import type { Readable, Writable } from "node:stream";
import type { AnswerRoom } from "../../core/plugin-api.ts";
import type { Notifier } from "./progress.ts";

/** Bytes that are being made, wait or are being written. At this number further large answers are dropped. */
const mostUnsent = 16 * 1024 * 1024;
/** Notices below this size are always sent, bytes. */
const smallNotice = 4 * 1024;

export class Line {
  isGone = false;
  readonly #output: Writable;
  readonly #gone: () => void;
  readonly #waiting: Buffer[] = [];
  /** Bytes that wait. */
  #queued = 0;
  /** Bytes of answers that are being made. */
  #reserved = 0;

  constructor(output: Writable, input: Readable) {
    this.#output = output;
    this.#gone = () => {
      this.isGone = true;
      this.#waiting.length = 0;
      input.destroy();
    };
    output.on("error", this.#gone);
    output.on("close", this.#gone);
    output.on("drain", this.#next);
  }

  get isBehind(): boolean {
    return !this.isGone && (this.#waiting.length > 0 || this.#output.writableNeedDrain);
  }

  /** Sends a message as soon as those before it were taken. */
  send(message: string): void {
    if (this.isGone) return;
    if (!this.isBehind) {
      this.#output.write(`${message}\n`);
      return;
    }
    const bytes = Buffer.from(`${message}\n`);
    this.#waiting.push(bytes);
    this.#queued += bytes.length;
  }

  async caughtUp(): Promise<void> {
    while (this.isBehind) await caughtUp(this.#output);
  }

  /** For what is sent before an answer. A message that is not small is left out while there is no room for it. */
  notices(): Notifier {
    const line = this;
    return {
      get isBehind() {
        return line.isBehind;
      },
      send: (message) => {
        if (message.length < smallNotice || !line.#isFull(0)) line.send(message);
      },
      caughtUp: () => line.caughtUp(),
    };
  }

  room(): LineRoom {
    let reserved = 0;
    const reserve = (bytes: number): void => {
      reserved += bytes;
      this.#reserved += bytes;
    };
    return {
      reserve: (bytes) => {
        if (this.#isFull(reserved)) return false;
        reserve(bytes);
        return true;
      },
      release: () => reserve(-reserved),
    };
  }

  /** One answer of any size is let through. */
  #isFull(own: number): boolean {
    const unsent = this.#reserved + this.#queued + this.#output.writableLength;
    return unsent >= mostUnsent && unsent > own;
  }

  readonly #next = (): void => {
    while (!this.isGone && !this.#output.writableNeedDrain) {
      const bytes = this.#waiting.shift();
      if (bytes === undefined) return;
      this.#queued -= bytes.length;
      this.#output.write(bytes);
    }
  };

  /** An error listener stays: a pipe may break while the last answer is on its way. */
  release(): void {
    this.#output.off("close", this.#gone);
  }
}

/** Room for the answer to one request. */
export interface LineRoom extends AnswerRoom {
  /** The answer is sent, or needs no room. */
  readonly release: () => void;
}

/** Resolves when `output` takes more, or never will. */
export const caughtUp = (output: Writable): Promise<void> =>
  new Promise((resolve) => {
    if (output.destroyed || !output.writableNeedDrain) return resolve();
    const done = () => {
      output.off("drain", done);
      output.off("close", done);
      resolve();
    };
    output.on("drain", done);
    output.on("close", done);
  });
