// The sockets of one server. A client that takes nothing of its answers, and one that opens many connections, must leave room
// for the others, so connections per peer, unread answers and the time without progress are limited.

import { isIPv6, type Server, type Socket } from "node:net";

/** How long a client may take nothing of an answer that waits for it, milliseconds (trust.md T13). */
export const defaultStallMs = 30_000;
/** Of one peer, of all 1,000. */
export const defaultConnectionsPerPeer = 250;

/** Answers of this size and more are counted before they are written, bytes. */
export const largeAnswer = 256 * 1024;
/** Bytes that wait in memory for clients to read them. */
const mostUnread = { ofPeer: 24 * 1024 * 1024, ofAll: 64 * 1024 * 1024 } as const;
/** Once there is too much, a client must have taken something within this time, milliseconds. */
const patienceMs = 250;
const checkMs = 1_000;

export interface SocketLimits {
  readonly stallTimeoutMs?: number | undefined;
  readonly maxConnectionsPerPeer?: number | undefined;
  /** Peers that stand for many clients: trusted proxies. */
  readonly isExempt: (address: string) => boolean;
  readonly warn: (message: string, fields: Readonly<Record<string, unknown>>) => void;
}

interface Watched {
  readonly socket: Socket;
  /** `undefined` for a Unix socket and for peers that are exempt. */
  readonly peer: string | undefined;
  unread: number;
  /** Bytes that its system has taken. */
  left: number;
  /** When its client last took something, or nothing waited for it. */
  movedAt: number;
}

const ownerOf = new WeakMap<Socket, Sockets>();

/**
 * Makes room for a large answer. While too many bytes wait in memory, connections are closed whose clients take nothing: first
 * those of the same peer, then others.
 */
export const makeRoom = (socket: Socket, bytes: number): void => ownerOf.get(socket)?.makeRoom(socket, bytes);

export class Sockets {
  readonly #limits: SocketLimits;
  readonly #stallMs: number;
  readonly #mostPerPeer: number;
  readonly #watched = new Map<Socket, Watched>();
  readonly #perPeer = new Map<string, number>();
  #lastWarning = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;

  constructor(server: Server, limits: SocketLimits) {
    this.#limits = limits;
    this.#stallMs = limits.stallTimeoutMs ?? defaultStallMs;
    this.#mostPerPeer = limits.maxConnectionsPerPeer ?? defaultConnectionsPerPeer;
    server.on("connection", (socket) => this.#add(socket));
    server.once("listening", () => {
      this.#timer = setInterval(() => this.#check(), Math.min(checkMs, Math.max(20, this.#stallMs / 4)));
      this.#timer.unref();
    });
    server.once("close", () => clearInterval(this.#timer));
  }

  makeRoom(socket: Socket, bytes: number): void {
    const now = performance.now();
    const { peer } = this.#watched.get(socket) ?? {};
    for (const one of this.#watched.values()) this.#look(one, now);
    if (peer !== undefined) this.#shrink(socket, bytes, mostUnread.ofPeer, now, (one) => one.peer === peer);
    this.#shrink(socket, bytes, mostUnread.ofAll, now, () => true);
  }

  #shrink(except: Socket, bytes: number, most: number, now: number, isMeant: (one: Watched) => boolean): void {
    const meant = [...this.#watched.values()].filter((one) => one.unread > 0 && isMeant(one));
    let unread = bytes;
    for (const one of meant) unread += one.unread;
    if (unread <= most) return;
    for (const one of meant.sort((a, b) => a.movedAt - b.movedAt)) {
      if (unread <= most || now - one.movedAt < patienceMs) return;
      if (one.socket === except) continue;
      unread -= one.unread;
      one.socket.destroy();
    }
  }

  #add(socket: Socket): void {
    const address = socket.remoteAddress;
    const peer = address === undefined || this.#limits.isExempt(address) ? undefined : networkOf(address);
    if (peer !== undefined) {
      const count = this.#perPeer.get(peer) ?? 0;
      if (count >= this.#mostPerPeer) {
        this.#turnAway(socket, peer);
        return;
      }
      this.#perPeer.set(peer, count + 1);
    }
    ownerOf.set(socket, this);
    this.#watched.set(socket, { socket, peer, unread: 0, left: 0, movedAt: performance.now() });
    socket.once("close", () => this.#remove(socket, peer));
  }

  #turnAway(socket: Socket, peer: string): void {
    socket.destroy();
    const now = performance.now();
    if (now - this.#lastWarning < 60_000) return;
    this.#lastWarning = now;
    this.#limits.warn(`A peer has ${this.#mostPerPeer} connections, and its further ones are refused`, {
      peer,
      hint: "If it is your proxy, name it in http({ trustedProxies })",
    });
  }

  #remove(socket: Socket, peer: string | undefined): void {
    this.#watched.delete(socket);
    if (peer === undefined) return;
    const count = (this.#perPeer.get(peer) ?? 1) - 1;
    if (count === 0) this.#perPeer.delete(peer);
    else this.#perPeer.set(peer, count);
  }

  #check(): void {
    const now = performance.now();
    for (const one of this.#watched.values()) {
      this.#look(one, now);
      if (now - one.movedAt > this.#stallMs) one.socket.destroy();
    }
  }

  #look(one: Watched, now: number): void {
    const left = leftOf(one.socket);
    one.unread = one.socket.writableLength;
    if (one.unread === 0 || left !== one.left) one.movedAt = now;
    one.left = left;
  }
}

/**
 * Bytes that have left this process. `bytesWritten` of a socket counts what waits, too, and a long text leaves in parts, so
 * the handle is asked, as Node's own timeouts do.
 */
const leftOf = (socket: Socket & { readonly _handle?: { bytesWritten: number; writeQueueSize: number } | null }): number => {
  const { bytesWritten, writeQueueSize } = socket._handle ?? { bytesWritten: 0, writeQueueSize: 0 };
  return bytesWritten - writeQueueSize;
};

/** An IPv4 address, or the /64 network that an IPv6 address is in: its owner has all of them. */
export const networkOf = (address: string): string => {
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address;
  const [head = "", tail] = (address.split("%", 1)[0] ?? "").toLowerCase().split("::");
  const groups = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - groups.length - after.length) }, () => "0");
  const all = [...groups, ...zeros, ...after].slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ""));
  return `${all.join(":")}::/64`;
};
