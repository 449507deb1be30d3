// Writes MCP messages to stdout in order, one at a time, as fast as the client reads. Answers that the client has not read stay
// in memory, so this file limits the bytes of unread answers.

import type { Readable, Writable } from "node:stream";
import type { AnswerRoom } from "../../../core/plugin-api.ts";
import type { Notifier } from "../answering/progress.ts";
import { onOneLine } from "../protocol/messages.ts";

/**
 * The most bytes of answers that Quater is making, that wait, or that Quater is writing. Above this limit, Quater drops large
 * answers.
 */
const mostUnsent = 16 * 1024 * 1024;
/** Quater always sends messages before an answer that are smaller than this size, bytes. */
const smallNotice = 4 * 1024;

export class Line {
  isGone = false;
  readonly #output: Writable;
  readonly #gone: () => void;
  readonly #waiting: Buffer[] = [];
  /** How many bytes of messages wait to be written to the stream. */
  #queued = 0;
  /** How many bytes are reserved for answers that Quater is making. */
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

  /** Sends a message to the client after all earlier messages. */
  send(message: string): void {
    if (this.isGone) return;
    const line = `${onOneLine(message)}\n`;
    if (!this.isBehind) {
      this.#output.write(line);
      return;
    }
    const bytes = Buffer.from(line);
    this.#waiting.push(bytes);
    this.#queued += bytes.length;
  }

  async caughtUp(): Promise<void> {
    while (this.isBehind) await caughtUp(this.#output);
  }

  /**
   * Returns a sender for messages before an answer. While the memory for answers is full, this sender drops messages of
   * `smallNotice` bytes and more.
   */
  notices(): Notifier {
    const line = this;
    return {
      canSend: true,
      get isGone() {
        return line.isGone;
      },
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

  /** Whether the memory for answers is full. If no other answer uses memory, Quater accepts an answer of any size. */
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

  /**
   * Removes the listener for `close` from the stream. An error listener stays on the stream, because a pipe may break while
   * Quater writes the last answer.
   */
  release(): void {
    this.#output.off("close", this.#gone);
  }
}

/** The memory account for the answer to one request. */
export interface LineRoom extends AnswerRoom {
  /** Releases the reserved memory when Quater has sent the answer, or when the answer needs no memory. */
  readonly release: () => void;
}

/** Resolves when `output` accepts more bytes, or when `output` is closed. */
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
