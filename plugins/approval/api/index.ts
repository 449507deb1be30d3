// The door of this folder: the JSON API. Other folders import this file alone.

import type { KoaContext } from "../../http/service.ts";
import type { ApiParts } from "./api.ts";

export { apiPaths, ownStatusPath } from "./document.ts";

export interface Api {
  /** Answers requests under /approvals/api/, for approvers. */
  readonly serve: (ctx: KoaContext) => Promise<void>;
  /** Answers a requester who asks for the state of a request of their own, or cancels it. */
  readonly serveOwnStatus: (ctx: KoaContext, id: string) => Promise<void>;
}

// Loaded when the first request comes, because most processes that set the plugin up serve nobody.
export const apiOn = (parts: ApiParts): Api => ({
  serve: async (ctx) => (await import("./api.ts")).serveApi(ctx, parts),
  serveOwnStatus: async (ctx, id) => (await import("./api.ts")).serveOwnStatus(ctx, parts, id),
});
