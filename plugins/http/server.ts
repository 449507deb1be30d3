// Makes the listening HTTP server. This file sets Node's own limits and serves the HTTP requests of one connection one after the
// other. This file also responds to HTTP requests that Node's parser refuses, and lets running HTTP requests finish when the
// server stops.

import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo, Socket } from "node:net";
import { BootError } from "../../core/plugin-api.ts";
import { securityHeaders } from "./security.ts";
import { type SocketLimits, Sockets } from "./sockets.ts";
import { refuseUnparsed } from "./unparsed.ts";

/** The limits of an HTTP server (threat T13), in milliseconds and counts. */
const limits = {
  headersMs: 10_000,
  requestMs: 30_000,
  checkMs: 1_000,
  keepAliveMs: 5_000,
  connections: 1_000,
  requestsPerSocket: 1_000,
  /** How many HTTP requests a client may send on a connection before the client gets the responses to earlier HTTP requests. */
  requestsAhead: 32,
} as const;

export interface ListenOptions extends SocketLimits {
  readonly host: string;
  readonly port: number;
  /** The path of a Unix socket on which the server listens, instead of a host and a port. */
  readonly socketPath?: string | undefined;
  readonly headersTimeoutMs?: number | undefined;
  readonly requestTimeoutMs?: number | undefined;
  readonly keepAliveTimeoutMs?: number | undefined;
  /** If this URL is an https URL, the responses to HTTP requests that Node cannot parse also have `Strict-Transport-Security`. */
  readonly publicUrl?: string | undefined;
  /**
   * The server calls this function for an HTTP request that Node cannot parse, with the status and the number of bytes of the
   * response.
   */
  readonly unreadable?: ((status: number, bytes: number) => void) | undefined;
}

export interface Listening {
  readonly baseUrl: string;
  /** Stops accepting connections, waits for running HTTP requests, and closes the other connections after `graceMs`. */
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
      requireHostHeader: false, // The guard checks Host, because Node's own response has no error code and no headers.
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
  server.maxHeadersCount = 0; // The guard counts the headers, because Node would silently drop some headers.
  // The server sends `100 Continue` when it reads the body, after the gate has authenticated the caller.
  server.on("checkContinue", serve);
  server.on("checkExpectation", serve); // The guard refuses expectations other than 100-continue.
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
 * Serves the HTTP requests of one connection one after the other. Node emits all HTTP requests that arrived together at once. The
 * responses to these HTTP requests would wait in memory for a client that may never read the first response.
 */
const inOrder = (handle: (req: IncomingMessage, res: ServerResponse) => void): typeof handle => {
  const ahead = new WeakMap<Socket, number>();
  return (req, res) => {
    if (res.socket !== null) return handle(req, res); // No earlier response waits on this connection.
    const { socket } = req;
    const count = (ahead.get(socket) ?? 0) + 1;
    if (count > limits.requestsAhead) return void socket.destroy();
    ahead.set(socket, count);
    res.once("socket", () => {
      ahead.set(socket, (ahead.get(socket) ?? 1) - 1);
      queueMicrotask(() => handle(req, res)); // Node has not yet passed the socket to this response.
    });
  };
};

/**
 * Closes the connection after the last response on the connection. With `maxRequestsPerSocket`, Node sends `Connection: close`,
 * but does not close the connection before the keep-alive time has passed. So a client that waits for the end of the connection
 * would wait five seconds.
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
