// A load generator small enough to share two cores with the server it measures: prepared bytes on keep-alive sockets, one
// request in flight on each, answers counted by their Content-Length.

import { connect, type Socket } from "node:net";

export interface Load {
  readonly port: number;
  /** The whole request, head and body. */
  readonly bytes: string;
  readonly connections: number;
  /** What every answer must contain: a server that refuses quickly is not fast. */
  readonly expected: string;
  /** CPU time that the server has used so far, microseconds. */
  readonly cpu?: (() => Promise<Cpu>) | undefined;
}

export interface Cpu {
  readonly user: number;
  readonly system: number;
}

export interface Measured {
  /** Per answer, the median of the turns: some of them fall into moments in which the machine does something else. */
  readonly cpu: Cpu;
  readonly perSecond: number;
  readonly p99Ms: number;
}

export const request = (method: string, path: string, headers: Readonly<Record<string, string>>, body = ""): string => {
  const all = { host: "127.0.0.1", ...headers, ...(body === "" ? {} : { "content-length": String(Buffer.byteLength(body)) }) };
  return `${method} ${path} HTTP/1.1\r\n${Object.entries(all)
    .map(([name, value]) => `${name}: ${value}\r\n`)
    .join("")}\r\n${body}`;
};

/** Milliseconds. */
const turn = 200;

/**
 * So many milliseconds of each load, in short turns: a shared machine is at half its speed for seconds, and that shall hit
 * all alike. Every other round goes backwards, because a process that runs after a heavy one starts slower.
 */
export const inTurns = async (loads: readonly Load[], milliseconds: number): Promise<readonly Measured[]> => {
  const seen = loads.map((): Seen => ({ latencies: [], took: 0, user: [], system: [] }));
  for (let round = 0; round < milliseconds / turn; round++) {
    const order = [...loads.keys()];
    for (const index of round % 2 === 0 ? order : order.reverse()) await oneTurn(loads[index] as Load, turn, seen[index] as Seen);
  }
  return seen.map(measured);
};

export const run = async (load: Load, milliseconds: number): Promise<Measured> => {
  const seen: Seen = { latencies: [], took: 0, user: [], system: [] };
  await oneTurn(load, milliseconds, seen);
  return measured(seen);
};

interface Seen {
  /** Milliseconds. */
  readonly latencies: number[];
  took: number;
  /** Microseconds per answer, by turn. */
  readonly user: number[];
  readonly system: number[];
}

const oneTurn = async (load: Load, milliseconds: number, seen: Seen): Promise<void> => {
  const before = await load.cpu?.();
  const begin = performance.now();
  const latencies = await answersOf(load, milliseconds);
  seen.took += performance.now() - begin;
  for (const latency of latencies) seen.latencies.push(latency);
  const after = await load.cpu?.();
  if (before === undefined || after === undefined) return;
  seen.user.push((after.user - before.user) / latencies.length);
  seen.system.push((after.system - before.system) / latencies.length);
};

export const median = (values: readonly number[]): number => [...values].sort((a, b) => a - b)[values.length >> 1] ?? Number.NaN;

const measured = ({ latencies, took, user, system }: Seen): Measured => ({
  cpu: { user: median(user), system: median(system) },
  perSecond: latencies.length / (took / 1_000),
  p99Ms: latencies.sort((a, b) => a - b)[Math.floor(latencies.length * 0.99)] ?? 0,
});

/** @returns How long each answer took, milliseconds. */
const answersOf = async ({ port, bytes, connections, expected }: Load, milliseconds: number): Promise<number[]> => {
  const end = performance.now() + milliseconds;
  const latencies: number[] = [];
  const message = Buffer.from(bytes);
  await Promise.all(Array.from({ length: connections }, () => oneConnection(port, message, end, expected, latencies)));
  return latencies;
};

const oneConnection = (port: number, message: Buffer, end: number, expected: string, latencies: number[]): Promise<void> =>
  new Promise((resolve, reject) => {
    let sentAt = 0;
    let buffered = "";
    let socket: Socket;
    const open = () => {
      socket = connect(port, "127.0.0.1", send);
      socket.setNoDelay(true);
      socket.on("data", received);
      socket.on("error", reject);
      // A server may close after so many requests on a socket; the next goes out on a new one.
      socket.on("close", () => (performance.now() < end ? open() : resolve()));
    };
    const send = () => {
      buffered = "";
      sentAt = performance.now();
      socket.write(message);
    };
    const received = (part: Buffer) => {
      buffered += part.toString("latin1");
      const headEnd = buffered.indexOf("\r\n\r\n");
      if (headEnd === -1) return;
      const length = /content-length: (\d+)/i.exec(buffered.slice(0, headEnd + 2))?.[1];
      if (length === undefined ? !buffered.endsWith("0\r\n\r\n") : buffered.length < headEnd + 4 + Number(length)) return;
      if (!buffered.includes(expected)) return reject(new Error(`Unexpected answer: ${buffered.slice(0, 400)}`));
      latencies.push(performance.now() - sentAt);
      if (performance.now() >= end) return void socket.end();
      // Node leaves the connection open for a while, and a client that waits for the end would wait for seconds.
      if (/\r\nconnection: close/i.test(buffered)) return void socket.end();
      send();
    };
    open();
  });
