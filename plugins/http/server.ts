// Makes the listening server. It sets Node's own limits, serves the requests of one connection one after the other, answers
// requests that Node's parser refuses, and lets running requests finish when it stops.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { BootError } from "../../core/plugin-api.ts";
import { securityHeaders } from "./security.ts";
import { type SocketLimits, Sockets } from "./sockets.ts";
import { refuseUnparsed } from "./unparsed.ts";

/** Limits of a server (threat T13), in milliseconds and counts. */
const limits = {
  headersMs: 10_000,
  requestMs: 30_000,
  checkMs: 1_000,
  keepAliveMs: 5_000,
  connections: 1_000,
  requestsPerSocket: 1_000,
  /** How many HTTP requests a client may send on a connection before the client gets the answers to earlier requests. */
  requestsAhead: 32,
} as const;

export interface ListenOptions extends SocketLimits {
  readonly host: string;
  readonly port: number;
  /** The path of a Unix socket, instead of host and port. */
  readonly socketPath?: string | undefined;
  readonly headersTimeoutMs?: number | undefined;
  readonly requestTimeoutMs?: number | undefined;
  readonly keepAliveTimeoutMs?: number | undefined;
  /** With https, answers to unreadable requests also have `Strict-Transport-Security`. */
  readonly publicUrl?: string | undefined;
  /** Called for an HTTP request that could not be read, with the status and the number of bytes of the answer. */
  readonly unreadable?: ((status: number, bytes: number) => void) | undefined;
}

export interface Listening {
  readonly baseUrl: string;
  /** Stops accepting connections, waits for running requests, and closes the other connections after `graceMs`. */
  readonly stop: (graceMs: number) => Promise<void>;
}

export const listen = async (
  handle: (req: IncomingMessage, res: ServerResponse) => void,
  options: ListenOptions,
): Promise<Listening> => {
  const { host, port, socketPath } = options;
  const {
    headersTimeoutMs = limits.headersMs,
    requestTimeoutMs = limits.requestMs,
    keepAliveTimeoutMs = limits.keepAliveMs,
  } = options;
  const server = createServer(
    {
      headersTimeout: headersTimeoutMs,
      requestTimeout: requestTimeoutMs,
      connectionsCheckingInterval: limits.checkMs,
      keepAliveTimeout: keepAliveTimeoutMs,
      insecureHTTPParser: false,
      requireHostHeader: false, // The guard checks this, because Node's own answer has no code and no headers.
    },
    (req, res) => {
      closeAfterLast(res);
      serve(req, res);
    },
  );
  const sockets = new Sockets(server, options);
  const serve = inOrder((req, res) => sockets.start(req, res, handle));
  server.maxConnections = limits.connections;
  server.maxRequestsPerSocket = limits.requestsPerSocket;
  server.maxHeadersCount = 0; // The guard counts the headers, because Node would silently drop some of them.
  // `100 Continue` is sent when the body is read, after the caller was authenticated.
  server.on("checkContinue", serve);
  server.on("checkExpectation", serve); // The guard refuses other expectations.
  const security = securityHeaders(options.publicUrl);
  const refuse = (socket: Socket, code?: string) => refuseUnparsed(socket, code, security, options.unreadable);
  server.on("clientError", ({ code }: NodeJS.ErrnoException, socket: Socket) => refuse(socket, code));
  server.on("connect", (_req, socket: Socket) => refuse(socket.on("error", () => socket.destroy()).resume()));
  await new Promise<void>((resolve, reject) => {
    server.once("error", (error: NodeJS.ErrnoException) => reject(listenProblem(error, host, port)));
    if (socketPath === undefined) server.listen(port, host, resolve);
    else server.listen(socketPath, resolve);
  });
  if (socketPath !== undefined) return { baseUrl: `unix:${socketPath}`, stop: (graceMs) => stopServer(server, graceMs) };
  const { port: actual } = server.address() as AddressInfo;
  const shown = host.includes(":") ? `[${host}]` : host;
  return { baseUrl: `http://${shown}:${actual}`, stop: (graceMs) => stopServer(server, graceMs) };
};

/**
 * Serves the requests of one connection one after the other. Node emits all requests that arrived together at once, and their
 * answers would wait in memory for a client that may never read the first one.
 */
const inOrder = (handle: (req: IncomingMessage, res: ServerResponse) => void): typeof handle => {
  const ahead = new WeakMap<Socket, number>();
  return (req, res) => {
    if (res.socket !== null) return handle(req, res); // No earlier answer is waiting on this connection.
    const { socket } = req;
    const count = (ahead.get(socket) ?? 0) + 1;
    if (count > limits.requestsAhead) return void socket.destroy();
    ahead.set(socket, count);
    res.once("socket", () => {
      ahead.set(socket, (ahead.get(socket) ?? 1) - 1);
      queueMicrotask(() => handle(req, res)); // Node has not finished handing the socket over yet.
    });
  };
};

/**
 * Closes the connection after its last answer. With `maxRequestsPerSocket` Node sends `Connection: close` but leaves the
 * connection open for the keep-alive time, so a client that waits for the end would wait five seconds.
 */
const closeAfterLast = (res: ServerResponse & { readonly maxRequestsOnConnectionReached?: boolean }): void => {
  if (res.maxRequestsOnConnectionReached === true) res.shouldKeepAlive = false;
};

const listenProblem = (error: NodeJS.ErrnoException, host: string, port: number): Error => {
  const place = `http({ port: ${port} })`;
  if (error.code === "EADDRINUSE")
    return new BootError(
      [
        {
          place,
          plugin: "http",
          cause: `Port ${port} on ${host} is already in use`,
          remedy: "Stop the process that listens on this port, or choose another port with http({ port })",
        },
      ],
      error,
    );
  if (error.code === "EACCES")
    return new BootError([
      {
        place,
        plugin: "http",
        cause: `This user is not allowed to open port ${port}`,
        remedy: "Choose a port above 1023 with http({ port })",
      },
    ]);
  if (error.code === "EADDRNOTAVAIL" || error.code === "ENOTFOUND")
    return new BootError([
      {
        place,
        plugin: "http",
        cause: `This machine has no network address ${host}`,
        remedy: "Correct the option host of http()",
      },
    ]);
  return error;
};

const stopServer = (server: Server, graceMs: number): Promise<void> =>
  new Promise((resolve) => {
    const timer = setTimeout(() => server.closeAllConnections(), graceMs);
    server.close(() => {
      clearTimeout(timer);
      resolve();
    });
    server.closeIdleConnections();
  });
