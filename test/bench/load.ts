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
}

export interface Measured {
  readonly answers: number;
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
  const latencies = loads.map((): number[] => []);
  const took = loads.map(() => 0);
  for (let round = 0; round < milliseconds / turn; round++) {
    const order = [...loads.keys()];
    for (const index of round % 2 === 0 ? order : order.reverse()) {
      const begin = performance.now();
      latencies[index]?.push(...(await answersOf(loads[index] as Load, turn)));
      took[index] = (took[index] ?? 0) + performance.now() - begin;
    }
  }
  return loads.map((_, index) => measured(latencies[index] ?? [], took[index] ?? 0));
};

export const run = async (load: Load, milliseconds: number): Promise<Measured> => {
  const begin = performance.now();
  const latencies = await answersOf(load, milliseconds);
  return measured(latencies, performance.now() - begin);
};

const measured = (latencies: readonly number[], milliseconds: number): Measured => ({
  answers: latencies.length,
  perSecond: latencies.length / (milliseconds / 1_000),
  p99Ms: [...latencies].sort((a, b) => a - b)[Math.floor(latencies.length * 0.99)] ?? 0,
});

/** @returns How long each answer took, milliseconds. */
const answersOf = async ({ port, bytes, connections, expected }: Load, milliseconds: number): Promise<readonly number[]> => {
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
      if (/\r\nconnection: close/i.test(buffered)) return; // "close" follows
      send();
    };
    open();
  });
