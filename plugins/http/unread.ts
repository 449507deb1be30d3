// Counts the bytes of large answers that clients have not read yet. Unread bytes are in memory, so each address has a limit, and
// all addresses together have a limit. A large answer above the limit also waits in memory. If too many large answers wait,
// Quater drops further large answers.

import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Awaitable } from "../../core/plugin-api.ts";
import type { AnswerRoom } from "./service.ts";

/**
 * The largest number of bytes of large answers that the server is writing. An address without unread bytes may get one answer of
 * any size.
 */
export const mostUnread = { ofPeer: 16 * 1024 * 1024, ofAll: 48 * 1024 * 1024 } as const;
/**
 * The largest number of bytes of large answers that handlers are making, or that wait for the server. Above this limit, Quater
 * drops further large answers.
 */
const mostWaiting = { ofPeer: 16 * 1024 * 1024, ofAll: 24 * 1024 * 1024 } as const;

/**
 * A client as the limits count clients. Such a client is an address, a network, a trusted proxy, or all clients of a Unix socket.
 */
export interface Peer {
  readonly name: string;
  readonly isExempt: boolean;
  connections: number;
  /** The number of bytes of large answers that the server is writing to the client. */
  unread: number;
  /** The number of bytes of large answers to the client that handlers are making, or that wait for the server. */
  waiting: number;
  /** The number of bytes of the client's request bodies in memory. */
  bodies: number;
  readonly answers: WaitingAnswer[];
  readonly starts: WaitingStart[];
}

interface WaitingAnswer {
  readonly bytes: number;
  readonly write: () => void;
}

interface WaitingStart {
  readonly socket: Socket;
  readonly run: () => void;
}

export const newPeer = (name: string, isExempt: boolean): Peer => ({
  name,
  isExempt,
  connections: 0,
  unread: 0,
  waiting: 0,
  bodies: 0,
  answers: [],
  starts: [],
});

/** One connection with the number of its unread bytes. */
export interface Holder {
  readonly peer: Peer;
  /** The number of bytes of large answers that the server is writing to the connection. */
  unread: number;
}

export const isWaiting = ({ answers, starts }: Peer): boolean => answers.length > 0 || starts.length > 0;

export class Unread {
  #total = 0;
  #waiting = 0;
  readonly #onWait: () => void;

  /**
   * @param onWait  `Unread` calls this function when an answer waits or too many bytes are unread, so that the server frees
   *   memory.
   */
  constructor(onWait: () => void) {
    this.#onWait = onWait;
  }

  get total(): number {
    return this.#total;
  }

  /**
   * Whether an HTTP request of a client may run now. The client then has neither too many unread bytes nor a waiting HTTP
   * request.
   */
  mayStart(peer: Peer): boolean {
    return peer.starts.length === 0 && !this.#leavesTooMuch(peer);
  }

  /**
   * Runs an HTTP request as soon as its client's address has read enough. If the connection ends earlier, the HTTP request never
   * runs.
   */
  startLater(peer: Peer, socket: Socket, run: () => void): void {
    peer.starts.push({ socket, run });
    this.#onWait();
  }

  /** Counts the bytes of an answer that a handler is making. @returns false when Quater must drop the answer. */
  reserve(peer: Peer, bytes: number, before: number): boolean {
    const { waiting, isExempt } = peer;
    const isFull = (waiting >= mostWaiting.ofPeer && !isExempt) || this.#waiting >= mostWaiting.ofAll;
    if (isFull && waiting > before) return false; // Without other waiting bytes, an answer of any size may wait.
    this.unreserve(peer, -bytes);
    return true;
  }

  unreserve(peer: Peer, bytes: number): void {
    peer.waiting -= bytes;
    this.#waiting -= bytes;
  }

  /** Counts the bytes of an answer as unread, as soon as the limits allow these bytes. */
  take(holder: Holder, res: ServerResponse, bytes: number): Awaitable<(() => void) | undefined> {
    const { peer } = holder;
    if (peer.answers.length === 0 && this.#fits(peer, bytes)) return this.#count(holder, res, bytes);
    return new Promise((resolve) => {
      const stopWaiting = () => {
        peer.answers.splice(peer.answers.indexOf(answer), 1);
        this.unreserve(peer, bytes);
        res.off("close", leave);
      };
      const leave = () => {
        stopWaiting();
        resolve(undefined);
        this.next(peer);
      };
      const answer: WaitingAnswer = {
        bytes,
        write: () => {
          stopWaiting();
          resolve(this.#count(holder, res, bytes));
        },
      };
      peer.answers.push(answer);
      this.unreserve(peer, -bytes);
      res.once("close", leave);
      this.#onWait();
    });
  }

  /**
   * Continues the waiting work of a client. The waiting answers come first, then the waiting HTTP requests. The server continues
   * one at a time, so that other clients get their turn.
   */
  next(peer: Peer): void {
    if (!isWaiting(peer)) return;
    setImmediate(() => {
      const [answer] = peer.answers;
      if (answer !== undefined) {
        if (!this.#fits(peer, answer.bytes)) return;
        answer.write();
      } else {
        if (this.#leavesTooMuch(peer)) return;
        const start = peer.starts.shift();
        if (start !== undefined && !start.socket.destroyed) start.run();
      }
      this.next(peer);
    });
  }

  #count(holder: Holder, res: ServerResponse, bytes: number): () => void {
    const { peer } = holder;
    holder.unread += bytes;
    peer.unread += bytes;
    this.#total += bytes;
    if (this.#total > mostUnread.ofAll) this.#onWait();
    let isCounted = true;
    const release = () => {
      if (!isCounted) return;
      isCounted = false;
      res.off("close", release);
      holder.unread -= bytes;
      peer.unread -= bytes;
      this.#total -= bytes;
      this.next(peer);
    };
    res.once("close", release);
    return release;
  }

  /**
   * Whether the limits allow `bytes` more unread bytes for a client. A client without unread bytes never waits for other clients.
   */
  #fits({ unread, isExempt }: Peer, bytes: number): boolean {
    if (unread === 0) return true;
    return (unread + bytes <= mostUnread.ofPeer || isExempt) && this.#total + bytes <= mostUnread.ofAll;
  }

  #leavesTooMuch({ unread, isExempt, answers }: Peer): boolean {
    if (answers.length > 0) return true;
    return (unread >= mostUnread.ofPeer && !isExempt) || (unread > 0 && this.#total >= mostUnread.ofAll);
  }
}

/** The memory account of one answer, or of messages before the answer. */
export class Room implements AnswerRoom {
  readonly #unread: Unread;
  readonly #holder: Holder;
  readonly #res: ServerResponse;
  #reserved = 0;

  constructor(unread: Unread, holder: Holder, res: ServerResponse) {
    this.#unread = unread;
    this.#holder = holder;
    this.#res = res;
  }

  reserve(bytes: number): boolean {
    if (hasLeft(this.#res)) return true; // The client has left, so the client needs no answer.
    if (!this.#unread.reserve(this.#holder.peer, bytes, this.#reserved)) return false;
    if (this.#reserved === 0) this.#res.once("close", this.#release);
    this.#reserved += bytes;
    return true;
  }

  take(bytes: number): Awaitable<(() => void) | undefined> {
    if (hasLeft(this.#res) || (this.#reserved === 0 && !this.reserve(bytes))) return undefined;
    this.#release();
    return this.#unread.take(this.#holder, this.#res, bytes);
  }

  readonly #release = (): void => {
    this.#res.off("close", this.#release);
    this.#unread.unreserve(this.#holder.peer, this.#reserved);
    this.#reserved = 0;
  };
}

const hasLeft = (res: ServerResponse): boolean => res.destroyed || res.closed;

/** Resolves when the server has sent the written bytes of a response, or when the server can no longer send these bytes. */
export const drained = (res: ServerResponse): Promise<void> =>
  new Promise((resolve) => {
    if (res.closed || !res.writableNeedDrain) return resolve();
    const done = () => {
      res.off("drain", done);
      res.off("close", done);
      resolve();
    };
    res.on("drain", done);
    res.on("close", done);
  });
