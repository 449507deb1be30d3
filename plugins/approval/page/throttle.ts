// Limits the attempts to guess sign-in codes in this process, for each address and for all addresses together. An address with
// many failed attempts must wait. If an attacker guesses from very many addresses, everybody who types a sign-in code must wait.

export interface ThrottleOptions {
  /**
   * The most failed attempts per time window, from one address and from all addresses together. `windowMs` is the length of the
   * time window, milliseconds.
   */
  readonly perPeer: number;
  readonly altogether: number;
  readonly windowMs: number;
  readonly now?: () => number;
}

interface Attempts {
  readonly since: number;
  count: number;
}

/**
 * How many addresses of visitors the process keeps in memory. If there are more addresses, the process removes the address with
 * the oldest attempt. The limit for all addresses together does not depend on this number.
 */
const mostPeers = 10_000;

export class Throttle {
  readonly #options: ThrottleOptions;
  readonly #peers = new Map<string, Attempts>();
  #all: Attempts = { since: 0, count: 0 };

  constructor(options: ThrottleOptions) {
    this.#options = options;
  }

  /**
   * Counts an attempt before the result of the attempt is known, so that the throttle counts all attempts that run at the same
   * time.
   *
   * @returns How many seconds the address of the attempt has to wait; `undefined` if the address may try now.
   */
  attempt(peer: string): number | undefined {
    const { perPeer, altogether, windowMs } = this.#options;
    const now = (this.#options.now ?? Date.now)();
    const current = (attempts: Attempts | undefined): Attempts =>
      attempts === undefined || now - attempts.since >= windowMs ? { since: now, count: 0 } : attempts;
    const own = current(this.#peers.get(peer));
    this.#all = current(this.#all);
    const full = own.count >= perPeer ? own : this.#all.count >= altogether ? this.#all : undefined;
    if (full !== undefined) return Math.max(1, Math.ceil((full.since + windowMs - now) / 1000));
    own.count++;
    this.#all.count++;
    this.#peers.delete(peer); // After this deletion, `set` adds the address at the end of the map.
    this.#peers.set(peer, own);
    if (this.#peers.size > mostPeers) this.#peers.delete(this.#peers.keys().next().value as string);
    return undefined;
  }

  /** The number of addresses that the process has in memory. */
  get size(): number {
    return this.#peers.size;
  }

  /** Removes a successful attempt of an address from the count. */
  succeeded(peer: string): void {
    this.#all.count = Math.max(0, this.#all.count - 1);
    this.#peers.delete(peer);
  }
}
