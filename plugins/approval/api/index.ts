// The only file of this folder that other folders import. It exports the JSON API for approvals.

import type { KoaContext } from "../../http/service.ts";
import type { ApiParts } from "./api.ts";

export { apiPaths, ownStatusPath } from "./document.ts";

export interface Api {
  /** Answers the HTTP requests of approvers under /approvals/api/. */
  readonly serve: (ctx: KoaContext) => Promise<void>;
  /** Answers a requester who reads the state of their own approval request, or cancels the approval request. */
  readonly serveOwnStatus: (ctx: KoaContext, id: string) => Promise<void>;
}

// Makes the API. The code of the API is loaded for the first HTTP request, because most processes that set up the plugin never
// serve the API.
export const apiOn = (parts: ApiParts): Api => ({
  serve: async (ctx) => (await import("./api.ts")).serveApi(ctx, parts),
  serveOwnStatus: async (ctx, id) => (await import("./api.ts")).serveOwnStatus(ctx, parts, id),
});
