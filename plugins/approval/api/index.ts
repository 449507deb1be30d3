// The only file of the folder `api` that other folders import. This file exports the JSON API for approvals.

import type { KoaContext } from "../../http/service.ts";
import type { ApiParts } from "./api.ts";

export { apiPaths, ownStatusPath } from "./document.ts";

export interface Api {
  /** Answers the HTTP requests of approvers under /approvals/api/. */
  readonly serve: (ctx: KoaContext) => Promise<void>;
  /** Answers a requester who reads the state of their own approval request, or cancels this approval request. */
  readonly serveOwnStatus: (ctx: KoaContext, id: string) => Promise<void>;
}

// Makes the API. Quater loads the code of the API for the first HTTP request to the API, because most processes that set up the
// plugin never serve the API.
export const apiOn = (parts: ApiParts): Api => ({
  serve: async (ctx) => (await import("./api.ts")).serveApi(ctx, parts),
  serveOwnStatus: async (ctx, id) => (await import("./api.ts")).serveOwnStatus(ctx, parts, id),
});
