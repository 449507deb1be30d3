// Turns the progress that a handler reports into notifications that follow the rules of MCP.

import { visibleLines } from "../../../core/diagnostics/text.ts";
import type { Awaitable } from "../../../core/plugin-api.ts";
import { type MessageId, notificationMessage } from "../protocol/messages.ts";

/** Sends messages to a client while a call of the client runs. */
export interface Notifier {
  /** Whether the client has left. */
  readonly isGone: boolean;
  /** Whether the client accepts messages before the answer to its call. */
  readonly canSend: boolean;
  /** Whether the client reads more slowly than Quater sends messages. */
  readonly isBehind: boolean;
  /**
   * Sends a message to the client. Waits while the memory for large messages is full, and drops the message if too many messages
   * wait.
   */
  send(message: string): Awaitable<void>;
  /** Resolves when the client has read all messages or has left. */
  caughtUp(): Promise<void>;
}

/** The increase of the progress value if a handler reports a value that is not larger than the previous value. */
const nudge = 1e-9;

export class Progress {
  readonly #notifier: Notifier;
  /** The progress token of the caller as JSON text. */
  readonly #token: string;
  #last = Number.NEGATIVE_INFINITY;
  #isOver = false;

  constructor(notifier: Notifier, token: MessageId) {
    this.#notifier = notifier;
    this.#token = JSON.stringify(token);
  }

  /**
   * The function `progress` that handlers call. This function drops reports while the client has not read earlier messages,
   * because the handler cannot wait and the next report of the handler is newer.
   */
  readonly report = (fraction: number, message?: string): void => {
    if (this.#isOver || this.#notifier.isBehind || !Number.isFinite(fraction)) return;
    void this.#notify(
      Math.min(1, Math.max(0, fraction)),
      `,"total":1`,
      message === undefined ? undefined : visibleLines(message),
    );
  };

  /** Sends an item of a stream, given as JSON text, to the client. */
  async item(count: number, json: string): Promise<void> {
    await this.#notify(count, "", json);
    if (this.#notifier.isBehind) await this.#notifier.caughtUp();
  }

  /**
   * Stops all progress notifications of the call, because no progress notification may follow the answer to the call. Code that a
   * handler started may still report progress after the handler has returned.
   */
  end(): void {
    this.#isOver = true;
  }

  #notify(value: number, total: string, message: string | undefined): Awaitable<void> {
    // MCP 2025-11-25, basic/utilities/progress: the progress value must increase with each notification.
    if (value <= this.#last && message === undefined) return;
    this.#last = value > this.#last ? value : this.#last + nudge;
    const words = message === undefined ? "" : `,"message":${JSON.stringify(message)}`;
    const params = `{"progressToken":${this.#token},"progress":${this.#last}${total}${words}}`;
    return this.#notifier.send(notificationMessage("notifications/progress", params));
  }
}
