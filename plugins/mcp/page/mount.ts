// Serves the page with the tools at `/mcp/docs`. Like `/docs`, this page requires a credential except in development, and shows
// only the tools that the reader of the page may call.

import type { Principal } from "../../../core/index.ts";
import { type Gate, isVisibleTo } from "../../../core/plugin-api.ts";
import type { HttpService, KoaContext } from "../../http/service.ts";
import { mcpPath, pagePath } from "../authorization/option.ts";
import type { Listing, Toolbox } from "../offers/tools.ts";
import type { About } from "../protocol/about.ts";
import { toolsPage } from "./page.ts";
import { style } from "./style.ts";

export interface PageParts {
  readonly http: HttpService;
  readonly gate: Gate;
  readonly toolbox: Toolbox;
  readonly about: About;
  readonly authorization: Listing | undefined;
  /** Whether everybody can read the page with the tools. True only in development. */
  readonly isOpen: boolean;
}

/**
 * The content security policy of the page with the tools. The page loads only its style sheet, runs no script, and no other page
 * can frame this page.
 */
const policy = "default-src 'none'; style-src 'self'; img-src data:; base-uri 'none'; form-action 'none'; frame-ancestors 'none'";

export const mountPage = ({ http, gate, toolbox, about, authorization, isOpen }: PageParts): void => {
  /**
   * Authenticates the reader of the page with the tools. A reader with a token is authenticated as a caller over MCP. A reader
   * with another credential, such as a cookie, is authenticated as a caller over HTTP.
   */
  const readerOf = async (ctx: KoaContext): Promise<Principal | undefined> => {
    if (isOpen) return undefined;
    const surface = ctx.req.headers.authorization === undefined ? "http" : "mcp";
    const principal = await gate.enter({
      surface,
      credentials: http.credentials(ctx, surface),
      callId: ctx.state["callId"] as string,
    });
    http.noteCaller(ctx, principal);
    return principal;
  };
  const isSeen = (operation: Parameters<typeof isVisibleTo>[0], reader: Principal | undefined): boolean =>
    reader === undefined || (authorization?.isListed(operation, reader) ?? isVisibleTo(operation, reader));
  http.mount(`GET ${pagePath}`, ({ router }) => {
    router.get(pagePath, async (ctx) => {
      const reader = await readerOf(ctx);
      ctx.set({ "content-security-policy": policy, "referrer-policy": "no-referrer", "cache-control": "no-store" });
      ctx.type = "text/html; charset=utf-8";
      ctx.body = toolsPage({
        about,
        url: `${http.publicUrl ?? http.baseUrl}${mcpPath}`,
        tools: toolbox.tools.filter(({ operation }) => isSeen(operation, reader)),
        isOpen,
      });
    });
    router.get(`${pagePath}/style.css`, async (ctx) => {
      await readerOf(ctx);
      ctx.set({ "content-security-policy": policy, "cache-control": "private, max-age=600" });
      ctx.type = "text/css; charset=utf-8";
      ctx.body = style;
    });
  });
};
