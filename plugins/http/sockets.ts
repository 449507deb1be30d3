// The sockets of one server. A client that takes nothing of its answers, and one that opens many connections, must leave room
// for the others, so connections per peer, unread answers and the time without progress are limited.

import type { ServerResponse } from "node:http";
import { isIPv6, type Server, type Socket } from "node:net";

/** How long a client may take nothing of an answer that waits for it, milliseconds (trust.md T13). */
export const defaultStallMs = 30_000;
/** Of one peer, of all 1,000. */
export const defaultConnectionsPerPeer = 250;

/** Answers of this size and more count as unread until their last byte has left, bytes. */
export const largeAnswer = 256 * 1024;
/** Bytes of large answers from which on further requests of a peer wait. */
const mostUnread = { ofPeer: 16 * 1024 * 1024, ofAll: 64 * 1024 * 1024 } as const;
/** While requests wait, a client must take something of its answer within this time, milliseconds. */
const patienceMs = 250;
const checkMs = { usually: 1_000, whileWaiting: 50 } as const;

export interface SocketLimits {
  readonly stallTimeoutMs?: number | undefined;
  readonly maxConnectionsPerPeer?: number | undefined;
  /** Peers that stand for many clients: trusted proxies. */
  readonly isExempt: (address: string) => boolean;
  readonly warn: (message: string, fields: Readonly<Record<string, unknown>>) => void;
}

/** An address, a network, a trusted proxy, or all clients of a Unix socket. */
interface Peer {
  readonly name: string;
  readonly isExempt: boolean;
  connections: number;
  /** Bytes of large answers that its clients have not taken yet. */
  unread: number;
  readonly waiting: Start[];
}

interface Start {
  readonly socket: Socket;
  readonly run: () => void;
}

interface Watched {
  readonly socket: Socket;
  readonly peer: Peer;
  /** Bytes that its system has taken. */
  left: number;
  /** When its client last took something, or nothing waited for it. */
  movedAt: number;
}

const ownerOf = new WeakMap<Socket, Sockets>();

/** Counts a large answer until it has left. To be called before it is written. */
export const countAnswer = (res: ServerResponse, bytes: number): void => {
  const { socket } = res;
  if (socket !== null) ownerOf.get(socket)?.count(socket, res, bytes);
};

export class Sockets {
  readonly #limits: SocketLimits;
  readonly #stallMs: number;
  readonly #mostPerPeer: number;
  readonly #watched = new Map<Socket, Watched>();
  readonly #peers = new Map<string, Peer>();
  #unread = 0;
  #lastWarning = Number.NEGATIVE_INFINITY;
  #timer: NodeJS.Timeout | undefined;
  #hurried: NodeJS.Timeout | undefined;

  constructor(server: Server, limits: SocketLimits) {
    this.#limits = limits;
    this.#stallMs = limits.stallTimeoutMs ?? defaultStallMs;
    this.#mostPerPeer = limits.maxConnectionsPerPeer ?? defaultConnectionsPerPeer;
    server.on("connection", (socket) => this.#add(socket));
    server.once("listening", () => {
      this.#timer = setInterval(() => this.#cutOffStalled(), Math.min(checkMs.usually, Math.max(20, this.#stallMs / 4)));
      this.#timer.unref();
    });
    server.once("close", () => {
      clearInterval(this.#timer);
      clearInterval(this.#hurried);
    });
  }

  /** Runs a request, at once unless its peer leaves too much unread. One whose connection ends before that never runs. */
  start(socket: Socket, run: () => void): void {
    const peer = this.#watched.get(socket)?.peer;
    if (peer === undefined) return;
    if (peer.waiting.length === 0 && !this.#leavesTooMuch(peer)) {
      run();
      return;
    }
    peer.waiting.push({ socket, run });
    this.#hurried ??= setInterval(() => this.#makeRoom(), checkMs.whileWaiting).unref();
  }

  count(socket: Socket, res: ServerResponse, bytes: number): void {
    const peer = this.#watched.get(socket)?.peer;
    if (peer === undefined) return;
    peer.unread += bytes;
    this.#unread += bytes;
    res.once("close", () => {
      peer.unread -= bytes;
      this.#unread -= bytes;
      this.#next(peer);
    });
  }

  /** Who leaves nothing unread never waits for others. */
  #leavesTooMuch({ unread, isExempt }: Peer): boolean {
    return (unread >= mostUnread.ofPeer && !isExempt) || (unread > 0 && this.#unread >= mostUnread.ofAll);
  }

  /** One request at a time: others' requests come in between. */
  #next(peer: Peer): void {
    if (peer.waiting.length === 0) return;
    setImmediate(() => {
      if (this.#leavesTooMuch(peer)) return;
      const start = peer.waiting.shift();
      if (start !== undefined && !start.socket.destroyed) start.run();
      this.#next(peer);
    });
  }

  /** While requests wait, one connection of each peer is closed whose client takes nothing, the longest first. */
  #makeRoom(): void {
    const now = performance.now();
    const waiting = new Set([...this.#peers.values()].filter((peer) => peer.waiting.length > 0));
    if (waiting.size === 0) {
      clearInterval(this.#hurried);
      this.#hurried = undefined;
      return;
    }
    const stalled: Watched[] = [];
    for (const one of this.#watched.values()) if (this.#look(one, now) > patienceMs) stalled.push(one);
    const hasMadeRoom = new Set<Peer>();
    for (const { socket, peer } of stalled.sort((a, b) => a.movedAt - b.movedAt)) {
      const isMeant = waiting.has(peer) || this.#unread >= mostUnread.ofAll;
      if (!isMeant || hasMadeRoom.has(peer)) continue;
      hasMadeRoom.add(peer);
      socket.destroy();
    }
    for (const peer of waiting) this.#next(peer);
  }

  #cutOffStalled(): void {
    const now = performance.now();
    for (const one of this.#watched.values()) if (this.#look(one, now) > this.#stallMs) one.socket.destroy();
  }

  /** @returns For how long its client has taken nothing of what waits for it. */
  #look(one: Watched, now: number): number {
    const left = leftOf(one.socket);
    if (one.socket.writableLength === 0 || left !== one.left) one.movedAt = now;
    one.left = left;
    return now - one.movedAt;
  }

  #add(socket: Socket): void {
    const peer = this.#peerOf(socket);
    if (peer.connections >= this.#mostPerPeer && !peer.isExempt) {
      socket.destroy();
      this.#warnOf(peer);
      return;
    }
    peer.connections++;
    ownerOf.set(socket, this);
    this.#watched.set(socket, { socket, peer, left: 0, movedAt: performance.now() });
    socket.once("close", () => {
      this.#watched.delete(socket);
      peer.connections--;
      if (peer.connections === 0) this.#peers.delete(peer.name);
    });
  }

  #peerOf({ remoteAddress }: Socket): Peer {
    const isExempt = remoteAddress === undefined || this.#limits.isExempt(remoteAddress);
    const name = remoteAddress === undefined ? "" : isExempt ? remoteAddress : networkOf(remoteAddress);
    const known = this.#peers.get(name);
    if (known !== undefined) return known;
    const peer: Peer = { name, isExempt, connections: 0, unread: 0, waiting: [] };
    this.#peers.set(name, peer);
    return peer;
  }

  #warnOf({ name }: Peer): void {
    const now = performance.now();
    if (now - this.#lastWarning < 60_000) return;
    this.#lastWarning = now;
    this.#limits.warn(`A peer has ${this.#mostPerPeer} connections, and its further ones are refused`, {
      peer: name,
      hint: "If it is your proxy, name it in http({ trustedProxies })",
    });
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
