// Bytes of large answers that clients have not read yet. They are in memory, so each peer and all peers together may have
// only so many of them. An answer that finds no room waits in memory, too; when too many wait, further ones are dropped.

import type { ServerResponse } from "node:http";
import type { Socket } from "node:net";
import type { Awaitable } from "../../core/plugin-api.ts";
import type { AnswerRoom } from "./service.ts";

/** Bytes of large answers that are being written. A peer that has none gets one answer of any size. */
export const mostUnread = { ofPeer: 16 * 1024 * 1024, ofAll: 48 * 1024 * 1024 } as const;
/** Bytes of large answers that are being made, or wait until they may be written. At this number further ones are dropped. */
const mostWaiting = { ofPeer: 16 * 1024 * 1024, ofAll: 24 * 1024 * 1024 } as const;

/** An address, a network, a trusted proxy, or all clients of a Unix socket. */
export interface Peer {
  readonly name: string;
  readonly isExempt: boolean;
  connections: number;
  /** Bytes of large answers that are being written. */
  unread: number;
  /** Bytes of large answers that are being made, or wait. */
  waiting: number;
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
  answers: [],
  starts: [],
});

/** One connection, as far as unread bytes are concerned. */
export interface Holder {
  readonly peer: Peer;
  /** Bytes of large answers that are being written to it. */
  unread: number;
}

export const isWaiting = ({ answers, starts }: Peer): boolean => answers.length > 0 || starts.length > 0;

export class Unread {
  #total = 0;
  #waiting = 0;
  readonly #onWait: () => void;

  /** @param onWait  Called when something waits, or too much is unread: room must be made. */
  constructor(onWait: () => void) {
    this.#onWait = onWait;
  }

  get total(): number {
    return this.#total;
  }

  /** Whether a request of the peer may run at once: it leaves not too much unread, and no other request of it waits. */
  mayStart(peer: Peer): boolean {
    return peer.starts.length === 0 && !this.#leavesTooMuch(peer);
  }

  /** Runs a request as soon as its peer has read enough. One whose connection ends before that never runs. */
  startLater(peer: Peer, socket: Socket, run: () => void): void {
    peer.starts.push({ socket, run });
    this.#onWait();
  }

  /** Counts an answer that is being made. @returns false when it must be dropped. */
  reserve(peer: Peer, bytes: number, before: number): boolean {
    const { waiting, isExempt } = peer;
    const isFull = (waiting >= mostWaiting.ofPeer && !isExempt) || this.#waiting >= mostWaiting.ofAll;
    if (isFull && waiting > before) return false; // one answer of any size is let through
    this.unreserve(peer, -bytes);
    return true;
  }

  unreserve(peer: Peer, bytes: number): void {
    peer.waiting -= bytes;
    this.#waiting -= bytes;
  }

  /** Counts an answer as unread, as soon as there is room for it. */
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

  /** Lets what waits go on: answers first, then requests. One at a time: others' requests come in between. */
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

  /** A peer that leaves nothing unread never waits for others. */
  #fits({ unread, isExempt }: Peer, bytes: number): boolean {
    if (unread === 0) return true;
    return (unread + bytes <= mostUnread.ofPeer || isExempt) && this.#total + bytes <= mostUnread.ofAll;
  }

  #leavesTooMuch({ unread, isExempt, answers }: Peer): boolean {
    if (answers.length > 0) return true;
    return (unread >= mostUnread.ofPeer && !isExempt) || (unread > 0 && this.#total >= mostUnread.ofAll);
  }
}

/** The room for one answer, or for what is sent before it. */
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
    if (hasLeft(this.#res)) return true; // nobody is there who could be told
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

/** Resolves when what was written has left, or never will. */
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
