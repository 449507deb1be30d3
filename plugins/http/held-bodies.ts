// Limits the memory for bodies of HTTP requests. A request body stays in memory until the server has sent the response. So each
// client has a memory limit, and all clients together have a memory limit.

import type { ServerResponse } from "node:http";
import type { Peer } from "./unread.ts";

const mebibyte = 1024 * 1024;
/** The largest number of bytes of bodies in memory. A client without another body in memory may send one body of any size. */
const most = { ofPeer: 32 * mebibyte, ofAll: 96 * mebibyte } as const;

export class HeldBodies {
  #total = 0;
  readonly #held = new WeakMap<ServerResponse, number>();

  /** Counts bytes of the body of an HTTP request until the response closes. @returns false if the server must refuse the body. */
  hold(peer: Peer, res: ServerResponse, bytes: number): boolean {
    const before = this.#held.get(res) ?? 0;
    const isFull = this.#total + bytes > most.ofAll || (peer.bodies + bytes > most.ofPeer && !peer.isExempt);
    if (isFull && peer.bodies > before) return false;
    if (before === 0) res.once("close", () => this.#release(peer, res));
    this.#count(peer, res, before, bytes);
    return true;
  }

  #release(peer: Peer, res: ServerResponse): void {
    const held = this.#held.get(res) ?? 0;
    this.#count(peer, res, held, -held);
  }

  #count(peer: Peer, res: ServerResponse, before: number, bytes: number): void {
    this.#held.set(res, before + bytes);
    peer.bodies += bytes;
    this.#total += bytes;
  }
}
