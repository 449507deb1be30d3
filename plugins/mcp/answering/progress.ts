// Turns the progress that a handler reports into notifications that follow the protocol's rules.

import { visibleLines } from "../../../core/diagnostics/text.ts";
import type { Awaitable } from "../../../core/plugin-api.ts";
import { type MessageId, notificationMessage } from "../protocol/messages.ts";

/** Sends messages to the client while a call runs. */
export interface Notifier {
  /** Whether the receiver has left. */
  readonly isGone: boolean;
  /** Whether the receiver accepts messages before the answer. */
  readonly canSend: boolean;
  /** Whether the receiver reads more slowly than Quater sends messages. */
  readonly isBehind: boolean;
  /** Sends a message. Waits while the memory for large messages is full, and drops the message if too many messages wait. */
  send(message: string): Awaitable<void>;
  /** Resolves when the receiver has read everything or left. */
  caughtUp(): Promise<void>;
}

/** The increase of the progress value for a report whose value is not larger than the previous value. */
const nudge = 1e-9;

export class Progress {
  readonly #notifier: Notifier;
  /** The caller's progress token as JSON text. */
  readonly #token: string;
  #last = Number.NEGATIVE_INFINITY;
  #isOver = false;

  constructor(notifier: Notifier, token: MessageId) {
    this.#notifier = notifier;
    this.#token = JSON.stringify(token);
  }

  /**
   * The function `progress` of handlers. While the receiver has not read earlier messages, reports are dropped, because the
   * handler cannot wait and the next report is newer.
   */
  readonly report = (fraction: number, message?: string): void => {
    if (this.#isOver || this.#notifier.isBehind || !Number.isFinite(fraction)) return;
    void this.#notify(
      Math.min(1, Math.max(0, fraction)),
      `,"total":1`,
      message === undefined ? undefined : visibleLines(message),
    );
  };

  /** Reports an item of a stream, given as JSON text. */
  async item(count: number, json: string): Promise<void> {
    await this.#notify(count, "", json);
    if (this.#notifier.isBehind) await this.#notifier.caughtUp();
  }

  /**
   * Stops all notifications, because no notification may follow the answer. Code that a handler started may still report progress
   * after the handler has returned.
   */
  end(): void {
    this.#isOver = true;
  }

  #notify(value: number, total: string, message: string | undefined): Awaitable<void> {
    // MCP 2025-11-25, basic/utilities/progress: the value must increase with each notification.
    if (value <= this.#last && message === undefined) return;
    this.#last = value > this.#last ? value : this.#last + nudge;
    const words = message === undefined ? "" : `,"message":${JSON.stringify(message)}`;
    const params = `{"progressToken":${this.#token},"progress":${this.#last}${total}${words}}`;
    return this.#notifier.send(notificationMessage("notifications/progress", params));
  }
}
