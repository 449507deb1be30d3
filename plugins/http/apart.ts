// Opens a separate listener for the routes of one plugin. The listener has another origin than the exposed routes, so the
// browser's same-origin policy separates the plugin's pages from the exposed routes. The separate listener uses the same checks,
// limits and refusals as the main HTTP server.

import { chmodSync, lstatSync, rmSync } from "node:fs";
import { connect } from "node:net";
import { resolve } from "node:path";
import { BootError, type PluginContext } from "../../core/plugin-api.ts";
import { type AccessOptions, unreadableIn } from "./access.ts";
import { mountedListener } from "./app.ts";
import { type GuardOptions, guardOf } from "./guard.ts";
import { Load, type LoadLimits } from "./overload.ts";
import { securityHeaders } from "./security.ts";
import { type ListenOptions, listen } from "./server.ts";
import type { Listener, ListenerPlace, Mounting } from "./service.ts";

type Timeouts = Pick<
  ListenOptions,
  "headersTimeoutMs" | "requestTimeoutMs" | "keepAliveTimeoutMs" | "stallTimeoutMs" | "maxConnectionsPerPeer"
>;

interface Apart {
  readonly what: string;
  readonly place: ListenerPlace;
  readonly mounting: Mounting;
  readonly context: PluginContext;
  readonly options: GuardOptions & Timeouts & LoadLimits;
  readonly access: AccessOptions;
  readonly publicUrl: string | undefined;
}

const graceMs = 1_000;

export const listenApart = async ({ what, place, mounting, context, options, access, publicUrl }: Apart): Promise<Listener> => {
  const { allowedHosts, trustedProxies, ...timeouts } = options;
  const guard = guardOf({
    ...(allowedHosts === undefined ? {} : { allowedHosts }),
    ...(trustedProxies === undefined ? {} : { trustedProxies }),
  });
  const load = new Load(options, (message) => context.log.warn(message, { listener: what }));
  const listener = mountedListener(context, guard, mounting, { access, security: securityHeaders(publicUrl), load });
  const limits: Omit<ListenOptions, "host" | "port"> = {
    headersTimeoutMs: timeouts.headersTimeoutMs,
    requestTimeoutMs: timeouts.requestTimeoutMs,
    keepAliveTimeoutMs: timeouts.keepAliveTimeoutMs,
    stallTimeoutMs: timeouts.stallTimeoutMs,
    maxConnectionsPerPeer: timeouts.maxConnectionsPerPeer,
    isExempt: guard.isTrusted,
    publicUrl,
    unreadable: unreadableIn(access),
    warn: (message, fields) => context.log.warn(message, fields),
  };
  if (!("path" in place)) {
    const { port, host = "127.0.0.1" } = place;
    const { baseUrl, stop } = await listen(listener, { host, port, ...limits });
    return { baseUrl, stop: () => stop(graceMs) };
  }
  const socketPath = resolve(context.project.root, place.path);
  await removeStale(socketPath, what);
  const { stop } = await listen(listener, { host: "", port: 0, socketPath, ...limits });
  chmodSync(socketPath, 0o660);
  return { baseUrl: undefined, stop: () => stop(graceMs) };
};

/**
 * Removes the socket file of a killed process. While the socket file exists, no process can listen on the path of the socket
 * file.
 */
const removeStale = async (path: string, what: string): Promise<void> => {
  const stats = lstatSync(path, { throwIfNoEntry: false });
  if (stats === undefined) return;
  if (stats.isSocket() && !(await isAnswered(path))) return rmSync(path, { force: true });
  const cause = `${what} cannot listen on ${path}: ${stats.isSocket() ? "another process already listens on this path" : "a file with this path exists"}`;
  throw new BootError([
    {
      place: "listen",
      plugin: "http",
      cause,
      remedy: "Stop the other process, remove the file, or choose another path for the Unix socket",
    },
  ]);
};

const isAnswered = (path: string): Promise<boolean> =>
  new Promise((resolve) => {
    const socket = connect(path);
    socket.once("connect", () => {
      socket.destroy();
      resolve(true);
    });
    // For any error other than a refused connection, assume that another process listens on the socket.
    socket.once("error", ({ code }: NodeJS.ErrnoException) => resolve(code !== "ECONNREFUSED"));
  });
