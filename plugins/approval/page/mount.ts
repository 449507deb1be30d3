// Puts page and API where they belong: on http's server, or on a listener of their own, which makes them an origin that no
// other page shares.

import type { PluginContext } from "../../../core/plugin-api.ts";
import type { Audit } from "../../audit/service.ts";
import type { HttpService, KoaContext, Listener, Mounting } from "../../http/service.ts";
import type { Store } from "../../store/service.ts";
import { apiPaths, ownStatusPath } from "../api/document.ts";
import type { Approvals } from "../service.ts";
import { type ApprovalListen, type PageOptions, pageOrigin } from "./options.ts";
import type { PageParts } from "./parts.ts";
import { Sessions } from "./session.ts";
import { Throttle } from "./throttle.ts";

export interface PageSetup {
  readonly options: PageOptions;
  readonly context: Pick<PluginContext, "gate" | "catalog" | "project" | "mode">;
  readonly http: HttpService;
  readonly store: Store;
  readonly audit: Audit;
  readonly approvals: Approvals;
}

export interface Page {
  /** Where people open it, without a slash at the end; `undefined` while nothing listens and nothing was configured. */
  readonly baseUrl: () => string | undefined;
  readonly start: () => Promise<void>;
  readonly stop: () => Promise<void>;
}

/**
 * A code is one of 2 * 10^11, and lives for five minutes. At 600 attempts a minute, somebody who guesses all year while ten
 * codes are always waiting finds one with a chance of about 1 %.
 */
const attempts = { perPeer: 5, altogether: 600, windowMs: 60_000 } as const;
const mounted = "/approvals";

export const setUpPage = ({ options, context, http, store, audit, approvals }: PageSetup): Page => {
  const { publicUrl, listen, sso } = options;
  const { gate, catalog, project, mode } = context;
  let listener: Listener | undefined;
  const baseUrl = (): string | undefined =>
    publicUrl?.replace(/\/$/, "") ?? (listen === undefined ? http.baseUrl : listener?.baseUrl);
  const parts: PageParts = {
    http,
    gate,
    catalog,
    approvals,
    audit,
    codes: { store, audit },
    sessions: new Sessions({ secrets: (label) => audit.secretsFor(label), isHttps: publicUrl?.startsWith("https:") === true }),
    throttle: new Throttle(attempts),
    sso,
    app: project.name,
    environment: () => [mode, baseUrl() ?? []].flat().join(", "),
    publicOrigin: pageOrigin(publicUrl),
    isOverUnixSocket: listen !== undefined && "path" in listen,
  };
  const pages: Mounting = ({ app }) => {
    app.use((ctx, next) => (isOurs(ctx.path) ? servePages(ctx, parts) : next()));
  };
  http.describe(apiPaths(listen === undefined ? undefined : publicUrl));
  http.mount(`GET ${ownStatusPath}`, ({ app }) => {
    const prefix = ownStatusPath.slice(0, ownStatusPath.indexOf("{"));
    app.use((ctx, next) => (ctx.path.startsWith(prefix) ? serveStatus(ctx, parts, ctx.path.slice(prefix.length)) : next()));
  });
  if (listen === undefined) http.mount(mounted, pages);
  else http.mount(`${mounted} on ${placeOf(listen)}`, () => {}); // named in the exposure table, and served elsewhere
  return {
    baseUrl,
    start: async () => {
      if (listen === undefined) return;
      const hosts = publicUrl === undefined ? [] : [new URL(publicUrl).hostname];
      listener = await http.listen("approval", listen, hosts, pages);
    },
    stop: async () => {
      await listener?.stop();
      listener = undefined;
    },
  };
};

const placeOf = (listen: ApprovalListen): string =>
  "path" in listen ? listen.path : `${listen.host ?? "127.0.0.1"}:${listen.port}`;

const isOurs = (path: string): boolean => path === mounted || path.startsWith(`${mounted}/`);

// Loaded when somebody comes: most processes that set this up serve nobody.
const servePages = async (ctx: KoaContext, parts: PageParts): Promise<void> => {
  if (ctx.path.startsWith(`${mounted}/api/`)) return (await import("../api/api.ts")).serveApi(ctx, parts);
  return (await import("./routes.ts")).servePage(ctx, parts);
};

const serveStatus = async (ctx: KoaContext, parts: PageParts, id: string): Promise<void> =>
  (await import("../api/api.ts")).serveOwnStatus(ctx, parts, id);
