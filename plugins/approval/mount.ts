// Adds the approvals page and the approvals API to the server of http(), or serves the page and the API on a separate listener.
// With a separate listener, no other page has the origin of the approvals page.

import { loopbackHosts, loopbackUrl } from "../../core/model/loopback.ts";
import type { PluginContext } from "../../core/plugin-api.ts";
import type { Audit } from "../audit/service.ts";
import type { HttpService, Listener, Mounting } from "../http/service.ts";
import type { Store } from "../store/service.ts";
import { apiOn, apiPaths, ownStatusPath } from "./api/index.ts";
import type { ApprovalListen, ApprovalOptions } from "./options.ts";
import { pageOn } from "./page/index.ts";
import type { Approvals } from "./service.ts";
import { firstArgumentsOn, presentOn } from "./shown/index.ts";

export interface MountGiven {
  readonly options: Pick<ApprovalOptions, "publicUrl" | "listen" | "sso">;
  readonly context: Pick<PluginContext, "gate" | "catalog" | "project" | "mode" | "log">;
  readonly http: HttpService;
  readonly store: Store;
  readonly audit: Audit;
  readonly approvals: Approvals;
}

export interface Mounted {
  /**
   * Returns the URL of the approvals page without a slash at the end, from publicUrl or from the options of the listener;
   * `undefined` if the options do not contain the URL and no port is open.
   */
  readonly baseUrl: () => string | undefined;
  readonly start: () => Promise<void>;
  /** Closes the separate listener of the approvals page. Callers may call `stop` twice. */
  readonly stop: () => Promise<void>;
}

const mounted = "/approvals";

export const mount = ({ options, context, http, store, audit, approvals }: MountGiven): Mounted => {
  const { listen, sso } = options;
  // With a separate listener, the origin of the approvals page differs from the origin of http().
  const publicUrl = options.publicUrl ?? (listen === undefined ? http.publicUrl : undefined);
  const { gate, catalog, project, mode, log } = context;
  let listener: Listener | undefined;
  const baseUrl = (): string | undefined =>
    publicUrl?.replace(/\/$/, "") ??
    (listen === undefined ? (http.baseUrl ?? http.expectedUrl) : (listener?.baseUrl ?? loopbackUrl(listen)));
  const environment = () => [mode, baseUrl() ?? []].flat().join(", ");
  const sources = { approvals, catalog, tagOf: (value: unknown) => audit.tagOf(value), environment };
  const isOverUnixSocket = listen !== undefined && "path" in listen;
  const shared = { http, gate, approvals, present: presentOn(sources), presentFirst: firstArgumentsOn(sources) };
  const page = pageOn({ ...shared, store, audit, sso, app: project.name, publicUrl, isOverUnixSocket });
  const api = apiOn(shared);
  const mounting: Mounting = ({ under }) =>
    under(mounted, (ctx, next) => {
      if (ctx.path.startsWith(`${mounted}/api/`)) return api.serve(ctx);
      return ctx.path === mounted || ctx.path.startsWith(`${mounted}/`) ? page(ctx) : next();
    });
  http.describe(apiPaths(listen === undefined ? undefined : publicUrl));
  http.mount(`GET ${ownStatusPath}`, ({ under }) => {
    const prefix = ownStatusPath.slice(0, ownStatusPath.indexOf("{"));
    under(prefix, (ctx) => api.serveOwnStatus(ctx, ctx.path.slice(prefix.length)));
  });
  if (listen === undefined) http.mount(mounted, mounting);
  // List the approvals page in the exposure table, although another listener serves it.
  else http.mount(`${mounted} on ${placeOf(listen)}`, () => {});
  return {
    baseUrl,
    start: async () => {
      const expected = listen === undefined ? http.baseUrl : loopbackUrl(listen);
      if (expected !== undefined && publicUrl !== undefined && isOtherPort(publicUrl, expected))
        log.warn(
          `Links to approval requests begin with ${publicUrl}, but the approvals page is at ${expected}. Remove publicUrl from approval(), or correct its port`,
        );
      if (listen === undefined) return;
      const hosts = publicUrl === undefined ? [] : [new URL(publicUrl).hostname];
      listener = await http.listen("approval", listen, hosts, mounting);
    },
    stop: async () => {
      await listener?.stop();
      listener = undefined;
    },
  };
};

/**
 * Whether a public URL names this computer, but a port other than the port of the listener. A container may map ports, so Quater
 * only logs a warning.
 */
const isOtherPort = (publicUrl: string, expected: string): boolean => {
  const { hostname, port, protocol } = new URL(publicUrl);
  return protocol === "http:" && loopbackHosts.includes(hostname) && port !== new URL(expected).port;
};

const placeOf = (listen: ApprovalListen): string =>
  "path" in listen ? listen.path : `${listen.host ?? "127.0.0.1"}:${listen.port}`;
