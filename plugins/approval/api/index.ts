// The only file of this folder that other folders import. It exports the JSON API for approvals.

import type { KoaContext } from "../../http/service.ts";
import type { ApiParts } from "./api.ts";

export { apiPaths, ownStatusPath } from "./document.ts";

export interface Api {
  /** Answers approvers' requests under /approvals/api/. */
  readonly serve: (ctx: KoaContext) => Promise<void>;
  /** Answers a requester who asks for the state of a request of their own, or cancels it. */
  readonly serveOwnStatus: (ctx: KoaContext, id: string) => Promise<void>;
}

// Makes the API. Its code is loaded with the first request, because most processes that set up the plugin never serve one.
export const apiOn = (parts: ApiParts): Api => ({
  serve: async (ctx) => (await import("./api.ts")).serveApi(ctx, parts),
  serveOwnStatus: async (ctx, id) => (await import("./api.ts")).serveOwnStatus(ctx, parts, id),
});
