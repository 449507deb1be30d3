// Mounts the endpoints for remote callers on the HTTP server of http().

import { isServing } from "../../../core/model/run-mode.ts";
import { BootError, type PluginContext } from "../../../core/plugin-api.ts";
import { httpRef } from "../../offered.ts";
import { type RemoteOption, remoteWithoutHttp } from "./option.ts";
import { paths } from "./protocol.ts";

/**
 * The time between two empty lines in a silent answer, in milliseconds. Proxies close silent connections after about a minute.
 */
const heartbeatMs = 15_000;

/** @throws {BootError} for a project without http(). */
export const mountRemote = async ({ login }: RemoteOption, context: PluginContext): Promise<void> => {
  const { services, gate, catalog, project, mode } = context;
  const http = services.find(httpRef);
  if (http === undefined) throw new BootError([remoteWithoutHttp]);
  const mounts: readonly (readonly [method: string, path: string])[] = [
    ["GET", paths.document],
    ["POST", paths.call],
    ["POST", paths.read],
  ];
  // In other run modes, the endpoints are mounted only so that the exposure report lists their paths.
  if (!isServing(mode)) {
    for (const [method, path] of mounts) http.mount(`${method} ${path}`, () => {});
    return;
  }
  const [{ documentEndpoint }, { callEndpoint }, { readEndpoint }, { ownReads }] = await Promise.all([
    import("./document.ts"),
    import("./call.ts"),
    import("./read.ts"),
    import("./own-reads.ts"),
  ]);
  const parts = { http, gate, services, login, catalog, project, heartbeatMs, own: ownReads(context) };
  const endpoints = [documentEndpoint(parts), callEndpoint(parts), readEndpoint(parts)];
  for (const [at, [method, path]] of mounts.entries()) {
    const answer = endpoints[at];
    if (answer !== undefined) http.mount(`${method} ${path}`, ({ endpoint }) => endpoint(path, answer));
  }
};
