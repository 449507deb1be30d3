// Limits the connections of one HTTP server. Without these limits, a client that reads no responses or opens many connections
// could use up the memory and the connections for other clients. This file limits the connections per address, the unread bytes
// of large answers, and the time in which a client reads nothing.

import type { IncomingMessage, RequestListener, ServerResponse } from "node:http";
import { isIPv6, type Server, type Socket } from "node:net";
import { largeAnswer } from "../../core/pipeline/answer-size.ts";
import { HeldBodies } from "./held-bodies.ts";
import type { AnswerRoom } from "./service.ts";
import { type Holder, isWaiting, mostUnread, newPeer, type Peer, Room, Unread } from "./unread.ts";

/** How long a client may read nothing of an available response, milliseconds (threat T13). */
export const defaultStallMs = 30_000;
/** How many connections one address may have. An HTTP server has at most 1,000 connections. */
export const defaultConnectionsPerPeer = 250;

/**
 * How fast a client must read while other answers need memory. A socket accepts waiting bytes in portions of about 1.4 MB, when a
 * third of the operating system's buffer of 4 MB is free. With a shorter period, a client that reads steadily would appear to
 * read nothing.
 */
const pace = { bytesPerSecond: 256 * 1024, periodMs: 2_000 } as const;
const checkMs = { usually: 1_000, whileWaiting: 50 } as const;

export interface SocketLimits {
  readonly stallTimeoutMs?: number | undefined;
  readonly maxConnectionsPerPeer?: number | undefined;
  /** Whether many clients share an address, such as the address of a trusted proxy. */
  readonly isExempt: (address: string) => boolean;
  readonly warn: (message: string, fields: Readonly<Record<string, unknown>>) => void;
}

interface Watched extends Holder {
  readonly socket: Socket;
  /** How many bytes of the connection this process has passed to the operating system. */
  left: number;
  /** When the client last read something, or when no bytes waited for the client. */
  movedAt: number;
  /** The period in which Quater measures the client's speed: the start of the period, and the bytes sent until its start. */
  periodAt: number;
  periodLeft: number;
  /** Whether the client read too slowly in the last whole period. */
  isSlow: boolean;
}

const ownerOf = new WeakMap<Socket, Sockets>();

/**
 * The property of a socket that contains the client's `Peer`. Reading a property of the socket is faster than reading a map, and
 * each HTTP request reads this property.
 */
const peerKey = Symbol("peer");
type Known = Socket & { [peerKey]?: Peer | undefined };

const rooms = new WeakMap<ServerResponse, AnswerRoom>();
const noRoom: AnswerRoom = { reserve: () => true, take: () => undefined };

/** Makes the memory account for messages to a client. If the socket of the response is closed, the client has left. */
export const newRoom = (res: ServerResponse): AnswerRoom =>
  (res.socket === null ? undefined : ownerOf.get(res.socket)?.room(res.socket, res)) ?? noRoom;

/** Counts bytes of the body of an HTTP request until the response closes. @returns false when the server must refuse the body. */
export const holdBody = (res: ServerResponse, bytes: number): boolean =>
  (res.socket === null ? undefined : ownerOf.get(res.socket)?.holdBody(res.socket, res, bytes)) ?? true;

/**
 * Returns the memory account of a response. Quater makes the inner account only when a large answer needs memory, because an
 * entry in a WeakMap for each response made garbage collection several times as slow.
 */
export const roomOf = (res: ServerResponse): RoomOfAnswer => new RoomOfAnswer(res);

export class RoomOfAnswer implements AnswerRoom {
  readonly #res: ServerResponse;
  /** The largest number of bytes that `reserve` has reserved for the answer. */
  largest = 0;

  constructor(res: ServerResponse) {
    this.#res = res;
  }

  reserve(bytes: number): boolean {
    this.largest = Math.max(this.largest, bytes);
    return this.#made().reserve(bytes);
  }

  take(bytes: number): ReturnType<AnswerRoom["take"]> {
    return this.#made().take(bytes);
  }

  #made(): AnswerRoom {
    const known = rooms.get(this.#res);
    if (known !== undefined) return known;
    const room = newRoom(this.#res);
    rooms.set(this.#res, room);
    return room;
  }
}

export class Sockets {
  readonly #limits: SocketLimits;
  readonly #stallMs: number;
  readonly #mostPerPeer: number;
  readonly #watched = new Map<Socket, Watched>();
  readonly #peers = new Map<string, Peer>();
  readonly #unread = new Unread(() => {
    this.#hurried ??= setInterval(() => this.#makeRoom(), checkMs.whileWaiting).unref();
  });
  readonly #bodies = new HeldBodies();
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

  /**
   * Runs an HTTP request. If the client's address has too many unread bytes, the HTTP request waits. If the connection ends
   * during the wait, the HTTP request never runs.
   */
  start(req: IncomingMessage, res: ServerResponse, handle: RequestListener): void {
    const { socket } = req;
    const peer = (socket as Known)[peerKey];
    if (peer === undefined) return;
    if (this.#unread.mayStart(peer)) handle(req, res);
    else this.#unread.startLater(peer, socket, () => handle(req, res));
  }

  room(socket: Socket, res: ServerResponse): AnswerRoom | undefined {
    const holder = this.#watched.get(socket);
    return holder && new Room(this.#unread, holder, res);
  }

  holdBody(socket: Socket, res: ServerResponse, bytes: number): boolean | undefined {
    const holder = this.#watched.get(socket);
    return holder && this.#bodies.hold(holder.peer, res, bytes);
  }

  /** Closes connections of slow clients while answers or HTTP requests wait, or while too many bytes are unread. */
  #makeRoom(): void {
    const now = performance.now();
    const peers = [...this.#peers.values()];
    const waiting = peers.filter(isWaiting);
    if (waiting.length === 0 && this.#unread.total <= mostUnread.ofAll) {
      clearInterval(this.#hurried);
      this.#hurried = undefined;
      return;
    }
    const slow = [...this.#watched.values()].filter((one) => {
      this.#look(one, now);
      return one.isSlow && one.unread > 0;
    });
    // First close connections of the addresses with the most unread bytes. If an address has several connections, first close the
    // connection whose client has read nothing for the longest time.
    slow.sort((a, b) => b.peer.unread - a.peer.unread || a.movedAt - b.movedAt);
    const share = mostUnread.ofAll / peers.filter(({ unread }) => unread > 0).length;
    const needed = Math.max(...waiting.map(({ answers: [first] }) => first?.bytes ?? largeAnswer), 0);
    let excess = this.#unread.total + needed - mostUnread.ofAll;
    const hasMadeRoom = new Set<Peer>();
    for (const { socket, peer, unread } of slow) {
      const isInOwnWay = isWaiting(peer) && !hasMadeRoom.has(peer);
      if (!isInOwnWay && (excess <= 0 || peer.unread < share)) continue;
      hasMadeRoom.add(peer);
      excess -= unread;
      socket.destroy();
    }
    for (const peer of waiting) this.#unread.next(peer);
  }

  #cutOffStalled(): void {
    const now = performance.now();
    for (const one of this.#watched.values()) if (this.#look(one, now) > this.#stallMs) one.socket.destroy();
  }

  /** @returns How long the client has read nothing of the waiting bytes, milliseconds. */
  #look(one: Watched, now: number): number {
    const left = leftOf(one.socket);
    const nothingWaits = one.socket.writableLength === 0;
    if (nothingWaits || left !== one.left) one.movedAt = now;
    one.left = left;
    const passed = now - one.periodAt;
    if (nothingWaits || passed >= pace.periodMs) {
      one.isSlow = !nothingWaits && (left - one.periodLeft) * 1_000 < pace.bytesPerSecond * passed;
      one.periodAt = now;
      one.periodLeft = left;
    }
    return now - one.movedAt;
  }

  #add(socket: Socket): void {
    const peer = this.#peerOf(socket);
    if (peer.connections >= this.#mostPerPeer && !peer.isExempt) {
      socket.destroy();
      this.#warnOf(peer);
      return;
    }
    const now = performance.now();
    peer.connections++;
    ownerOf.set(socket, this);
    (socket as Known)[peerKey] = peer;
    this.#watched.set(socket, {
      socket,
      peer,
      unread: 0,
      left: 0,
      movedAt: now,
      periodAt: now,
      periodLeft: 0,
      isSlow: false,
    });
    socket.once("close", () => {
      this.#watched.delete(socket);
      (socket as Known)[peerKey] = undefined;
      peer.connections--;
      if (peer.connections === 0) this.#peers.delete(peer.name);
    });
  }

  #peerOf({ remoteAddress }: Socket): Peer {
    const isExempt = remoteAddress === undefined || this.#limits.isExempt(remoteAddress);
    const name = remoteAddress === undefined ? "" : isExempt ? remoteAddress : networkOf(remoteAddress);
    const known = this.#peers.get(name);
    if (known !== undefined) return known;
    const peer = newPeer(name, isExempt);
    this.#peers.set(name, peer);
    return peer;
  }

  #warnOf({ name }: Peer): void {
    const now = performance.now();
    if (now - this.#lastWarning < 60_000) return;
    this.#lastWarning = now;
    this.#limits.warn(
      `A client address has ${this.#mostPerPeer} open connections. New connections from this address are refused`,
      {
        peer: name,
        hint: "If the address belongs to your proxy, add the address to http({ trustedProxies })",
      },
    );
  }
}

/**
 * Returns how many bytes of a socket have left this process. `bytesWritten` of a socket also counts waiting bytes, so this
 * function reads the handle of the socket, as Node's own timeouts do.
 */
const leftOf = (socket: Socket & { readonly _handle?: { bytesWritten: number; writeQueueSize: number } | null }): number => {
  const { bytesWritten, writeQueueSize } = socket._handle ?? { bytesWritten: 0, writeQueueSize: 0 };
  return bytesWritten - writeQueueSize;
};

/** Returns an IPv4 address, or the /64 network of an IPv6 address, because one owner has all addresses in this network. */
export const networkOf = (address: string): string => {
  if (!address.includes(":")) return address;
  const mapped = /^::ffff:(\d+\.\d+\.\d+\.\d+)$/i.exec(address)?.[1];
  if (mapped !== undefined || !isIPv6(address)) return mapped ?? address;
  const [head = "", tail] = (address.split("%", 1)[0] ?? "").toLowerCase().split("::");
  const groups = head === "" ? [] : head.split(":");
  const after = tail === undefined || tail === "" ? [] : tail.split(":");
  const zeros = tail === undefined ? [] : Array.from({ length: Math.max(0, 8 - groups.length - after.length) }, () => "0");
  const all = [...groups, ...zeros, ...after].slice(0, 4).map((group) => group.replace(/^0+(?=.)/, ""));
  return `${all.join(":")}::/64`;
};
