// Sends notifications about changed resources to one client. A change marks its resource, and one notification is sent for all
// changes since the last notification, so a client that reads slowly does not fill the memory.

import type { Notifier } from "./progress.ts";

export interface ListenerParts<Watched> {
  readonly notifier: Notifier;
  /** Returns the notification for a change, or `undefined` if the client may no longer read the resource. Never rejects. */
  readonly notification: (uri: string, watched: Watched) => Promise<string | undefined>;
}

/** @typeParam Watched  The data about each watched resource. */
export class Listener<Watched> {
  readonly #parts: ListenerParts<Watched>;
  readonly #watched = new Map<string, Watched>();
  /** The watched resources that have changed since their last notification. */
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

  /** Stops all notifications. */
  end(): void {
    this.#watched.clear();
    this.#changed.clear();
  }

  /** Reports that a resource has changed. */
  changed(uri: string): void {
    if (!this.#watched.has(uri)) return;
    this.#changed.add(uri);
    if (!this.#isSending) void this.#send();
  }

  async #send(): Promise<void> {
    const { notifier, notification } = this.#parts;
    this.#isSending = true;
    for (const uri of this.#changed) {
      // Changes during the wait belong to the same notification.
      if (notifier.isBehind) await notifier.caughtUp();
      this.#changed.delete(uri);
      const watched = this.#watched.get(uri);
      if (watched === undefined) continue;
      const message = await notification(uri, watched);
      // The client may have unsubscribed while its rights were checked.
      if (message !== undefined && this.#watched.get(uri) === watched) await notifier.send(message);
    }
    this.#isSending = false;
  }
}
