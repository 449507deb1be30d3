// Sends notifications about changed MCP resources to one client. A listener sends one notification for all changes of a resource
// since the last notification, so a client that reads slowly does not fill the memory.

import type { Notifier } from "./progress.ts";

export interface ListenerParts<Watched> {
  readonly notifier: Notifier;
  /**
   * Returns the notification about a changed resource, or `undefined` if the client may no longer read the resource. Never
   * rejects.
   */
  readonly notification: (uri: string, watched: Watched) => Promise<string | undefined>;
}

/** @typeParam Watched  The data that the listener stores about each watched resource. */
export class Listener<Watched> {
  readonly #parts: ListenerParts<Watched>;
  readonly #watched = new Map<string, Watched>();
  /** The watched resources that have changed since the last notification about the resource. */
  readonly #changed = new Set<string>();
  #isSending = false;

  constructor(parts: ListenerParts<Watched>) {
    this.#parts = parts;
  }

  get size(): number {
    return this.#watched.size;
  }

  get uris(): Iterable<string> {
    return this.#watched.keys();
  }

  has(uri: string): boolean {
    return this.#watched.has(uri);
  }

  watch(uri: string, watched: Watched): void {
    this.#watched.set(uri, watched);
  }

  unwatch(uri: string): void {
    this.#watched.delete(uri);
    this.#changed.delete(uri);
  }

  /** Stops all notifications of this listener. */
  end(): void {
    this.#watched.clear();
    this.#changed.clear();
  }

  /** Notes that a resource has changed, and starts to send the notification about this resource. */
  changed(uri: string): void {
    if (!this.#watched.has(uri)) return;
    this.#changed.add(uri);
    if (!this.#isSending) void this.#send();
  }

  async #send(): Promise<void> {
    const { notifier, notification } = this.#parts;
    this.#isSending = true;
    for (const uri of this.#changed) {
      // While the client reads slowly, wait with the notification. One notification then covers all changes of the resource until
      // this time.
      if (notifier.isBehind) await notifier.caughtUp();
      this.#changed.delete(uri);
      const watched = this.#watched.get(uri);
      if (watched === undefined) continue;
      const message = await notification(uri, watched);
      // The client may have unsubscribed while Quater checked the rights of the client.
      if (message !== undefined && this.#watched.get(uri) === watched) await notifier.send(message);
    }
    this.#isSending = false;
  }
}
